"""Inference records and feedback: as they are written, and checked when they are read.

A record of an inference holds what its model was given, to the last digit, and what it answered,
so that training rows can be joined from it (`joined`) without a second computation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import orjson

from millrace.errors import InvalidEvent
from millrace.events import read_time_ms
from millrace.features.item import iso_ms

if TYPE_CHECKING:
    from millrace.inference.call import Call
    from millrace.inference.contract import FeedbackRequest, ModelAnswer
    from millrace.inference.served import Served

INFERENCE: Final = "inference"
FEEDBACK: Final = "feedback"
Kind = Literal["inference", "feedback"]


class RecordStream(Protocol):
    """A stream of records; `call` is the request on whose behalf a record is put."""

    def record(self, data: bytes, partition_key: str, call: Call) -> None:
        """Put a record of an inference. Raises Unavailable; InvalidRequest if it is too large."""
        ...

    def feedback(self, data: bytes, partition_key: str, call: Call) -> None:
        """Put feedback. Raises Unavailable, or InvalidRequest where it is too large."""
        ...


_OF_INFERENCE = (
    ("userId", str),
    ("features", dict),
    ("featuresAsOf", str),
    ("featuresVersion", str),
    ("model", dict),
)


def model_of(endpoint: str, answered: ModelAnswer) -> dict[str, str | None]:
    """Which model answered."""
    return {"endpoint": endpoint, "variant": answered.variant, "version": answered.version}


def inference(
    prediction_id: str,
    given: bytes,
    used: Served,
    answered: ModelAnswer,
    *,
    features_version: str,
    endpoint: str,
) -> bytes:
    """The record of an inference."""
    as_of = iso_ms(used.as_of_ms)
    return orjson.dumps(
        {
            "kind": INFERENCE,
            "predictionId": prediction_id,
            "userId": used.user_id,
            "timestamp": as_of,
            "features": used.features,
            "featuresAsOf": as_of,
            "featuresVersion": features_version,
            "input": orjson.Fragment(given),
            "prediction": orjson.Fragment(answered.prediction),
            "model": model_of(endpoint, answered),
        }
    )


def feedback(request: FeedbackRequest) -> bytes:
    """The record of a prediction's outcome."""
    user = {} if request.user_id is None else {"userId": request.user_id}
    return orjson.dumps(
        {
            "kind": FEEDBACK,
            "predictionId": request.prediction_id,
            **user,
            "timestamp": iso_ms(request.time_ms),
            "outcome": orjson.Fragment(request.outcome),
        }
    )


def kind_of(data: bytes) -> Kind:
    """Which record the bytes are. Raises InvalidEvent, naming the field, where they are none."""
    try:
        # One level deeper, as it will stand in the archive: there it must be readable, too.
        (document,) = orjson.loads(b"[%b]" % data)
    except ValueError as error:
        raise InvalidEvent("not-json", f"not valid JSON: {error}") from error
    return check(document)


def check(document: Any) -> Kind:  # noqa: ANN401  a JSON value can be anything
    """Which record a JSON value is. Raises InvalidEvent, naming the field, where it is none."""
    if not isinstance(document, dict):
        raise InvalidEvent("not-an-object", f"an object is wanted, not a {type(document).__name__}")
    kind = document.get("kind")
    if kind not in (INFERENCE, FEEDBACK):
        shown = repr(kind)[:60] if isinstance(kind, str) else f"a {type(kind).__name__}"
        raise InvalidEvent("invalid-kind", f"kind must be inference or feedback but is {shown}")
    for name, wanted in (("predictionId", str), *(_OF_INFERENCE if kind == INFERENCE else ())):
        if not isinstance(document.get(name), wanted):
            raise InvalidEvent(f"invalid-{name}", f"{name} is missing or of another type")
    for name in ("input", "prediction") if kind == INFERENCE else ("outcome",):
        if name not in document:
            raise InvalidEvent(f"invalid-{name}", f"{name} is missing")
    if kind == INFERENCE:
        read_time_ms(document["featuresAsOf"], "featuresAsOf")
    read_time_ms(document.get("timestamp"))
    return kind  # type: ignore[no-any-return]  # one of the two, as was checked
