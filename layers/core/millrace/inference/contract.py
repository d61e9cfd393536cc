"""What may be asked, what a model is asked, and what counts as a model's answer.

Strict JSON throughout: NaN, Infinity and numbers beyond a double are refused, wherever they come
from. What is only passed on (`input`, a model's answer) is passed on as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from millrace.errors import (
    InvalidEvent,
    InvalidRequest,
    ModelError,
    ModelMismatch,
    PredictionError,
)
from millrace.events import MAX_KEY_BYTES, read_time_ms

MAX_BODY_BYTES = 256 * 1024
MAX_USERS = 100
# Whatever it holds, written into a Lambda function's answer (6 MB) it fits.
MAX_PREDICTION_BYTES = 1024 * 1024
# As for events: a clock may be a little fast.
FUTURE_MS = 5_000

_SHOWN = 300
_LONG_INTEGER = re.compile(rb"\d{19}")


class PredictRequest(NamedTuple):
    """A prediction is asked for; `input` is JSON."""

    user_id: str
    input: bytes


class FeedbackRequest(NamedTuple):
    """What came of a prediction; `outcome` is JSON."""

    prediction_id: str
    user_id: str | None
    outcome: bytes
    time_ms: int


class ModelAnswer(NamedTuple):
    """A model's answer: JSON as it came, and what the endpoint said of the model."""

    prediction: bytes
    variant: str | None
    version: str | None


def predict_request(body: bytes) -> PredictRequest:
    """The request in a body. Raises InvalidRequest."""
    document = _document(body, required=("userId", "input"))
    return PredictRequest(user_id(document["userId"], "userId"), _json(document["input"], "input"))


def batch_request(body: bytes) -> list[str]:
    """The users in a body, as they were listed. Raises InvalidRequest."""
    listed = _document(body, required=("userIds",))["userIds"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_USERS:
        shown = f"holds {len(listed)}" if isinstance(listed, list) else f"is {_shown(listed)}"
        raise _invalid("userIds", f"userIds must be a list of 1 to {MAX_USERS} users but {shown}")
    return [user_id(listed_id, f"userIds[{index}]") for index, listed_id in enumerate(listed)]


def feedback_request(body: bytes, now_ms: int) -> FeedbackRequest:
    """The feedback in a body; without a time it is of now. Raises InvalidRequest."""
    document = _document(
        body, required=("predictionId", "outcome"), optional=("userId", "timestamp")
    )
    user = document.get("userId")
    return FeedbackRequest(
        _prediction_id(document["predictionId"]),
        None if user is None else user_id(user, "userId"),
        _json(document["outcome"], "outcome"),
        _time_ms(document.get("timestamp"), now_ms),
    )


def user_id(value: object, field: str) -> str:
    """A user's id: a text, or an integer, which becomes one. Raises InvalidRequest."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not value:
        raise _invalid(field, f"{field} must be a text that is not empty but is {_shown(value)}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise _invalid(field, f"{field} is no text that UTF-8 can hold") from error
    if size > MAX_KEY_BYTES:
        raise _invalid(field, f"{field} has {size} bytes; at most {MAX_KEY_BYTES} are allowed")
    return value


def payload(user: str, features: Mapping[str, object], given: bytes) -> bytes:
    """What the endpoint receives: {"userId", "features", "input"}."""
    return orjson.dumps({"userId": user, "features": features, "input": orjson.Fragment(given)})


def model_answer(
    body: bytes, content_type: str, attributes: str, variant: str | None, features_version: str
) -> ModelAnswer:
    """The answer of an endpoint, checked; any JSON is a prediction.

    `attributes` are the container's own, as it answered them: ``model-version=…;features=…``.
    Raises ModelError where the body is none, ModelMismatch where the model knows other features.
    """
    if len(body) > MAX_PREDICTION_BYTES:
        raise _no_answer(f"has more than {MAX_PREDICTION_BYTES} bytes")
    said = _attributes(attributes)
    trained_on = said.get("features")
    if trained_on and trained_on != features_version:
        raise ModelMismatch("model-mismatch", _mismatch(f"version {trained_on}", features_version))
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_answer(
            f"({content_type or 'no content type'}) is not valid JSON: {error}"
        ) from error
    return ModelAnswer(body.strip(), variant, said.get("model-version"))


def model_failure(status: int, message: str, features_version: str) -> PredictionError:
    """The error for a model's container that answered with an error of its own."""
    if 400 <= status < 500:
        if "features-mismatch" in message:
            return ModelMismatch("model-mismatch", _reason(message, features_version))
        # A refusal is meant for whoever asked; what a crash says may hold anything.
        return ModelError(
            "model-error", f"The model refused with status {status}: {message[:_SHOWN]}"
        )
    known = f" with status {status}" if status >= 500 else " and gave no answer"
    return ModelError("model-error", f"The model failed{known}.")


def _reason(message: str, features_version: str) -> str:
    """Why a container refuses a version of the features: its own words, where it has some."""
    try:
        said = orjson.loads(message)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        said = None
    if isinstance(said, str):
        return f"The model refuses these features: {said[:_SHOWN]}"
    return _mismatch("another version", features_version)


def _mismatch(trained_on: str, features_version: str) -> str:
    return (
        f"The model was trained on {trained_on} of the features, and features.toml gives version"
        f" {features_version}: train and deploy the model anew, or deploy the features.toml that"
        " it was trained on."
    )


def _no_answer(problem: str) -> ModelError:
    return ModelError("model-answer-invalid", f"The model's answer {problem}")


def _attributes(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def _document(body: bytes, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """The object in a body, which has the fields that it must have and no others."""
    document = _read(body)
    if type(document) is not dict:
        raise InvalidRequest(
            400, "not-an-object", f"The body must be a JSON object but is {_shown(document)}"
        )
    allowed = (*required, *optional)
    for name in document:
        if name not in allowed:
            shown = name[:60]
            message = f"{shown!r} is no field of this request; it takes {', '.join(allowed)}"
            raise InvalidRequest(400, "unknown-field", message, shown)
    for name in required:
        if name not in document:
            hint = "; send null where there is none" if name == "input" else ""
            raise InvalidRequest(400, "missing-field", f"{name} is missing{hint}", name)
    return document


def _read(body: bytes) -> Any:  # noqa: ANN401  a JSON value can be anything
    try:
        document = orjson.loads(body)
        # orjson rounds integers beyond 64 bits to a double; they are somebody's ids.
        return json.loads(body) if _LONG_INTEGER.search(body) else document
    except (ValueError, RecursionError) as error:
        message = f"The body is not valid JSON: {error}"
        if isinstance(error, RecursionError):
            message = "The body is nested too deeply"
        raise InvalidRequest(400, "not-json", message) from error


def _json(value: object, field: str) -> bytes:
    """A value as JSON again. Raises InvalidRequest where it is nested too deeply."""
    writers: tuple[Callable[[object], bytes], ...] = (orjson.dumps, _write_long_integers)
    for write in writers:
        try:
            return write(value)
        except (TypeError, RecursionError):
            continue
    raise _invalid(field, f"{field} is nested too deeply")


def _write_long_integers(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _prediction_id(value: object) -> str:
    try:
        return str(UUID(value))  # type: ignore[arg-type]  # which is what is tried
    except (ValueError, AttributeError, TypeError) as error:
        raise _invalid(
            "predictionId",
            f"predictionId must be one that POST /predict answered but is {_shown(value)}",
        ) from error


def _time_ms(value: object, now_ms: int) -> int:
    if value is None:
        return now_ms
    try:
        time_ms = read_time_ms(value)
    except InvalidEvent as error:
        raise _invalid("timestamp", str(error)) from error
    if time_ms > now_ms + FUTURE_MS:
        raise _invalid("timestamp", f"timestamp is {time_ms - now_ms} ms from now; none may be")
    return time_ms


def _invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(400, "invalid-field", message, field)


def _shown(value: object) -> str:
    """A value as the caller wrote it, as far as that is short."""
    try:
        shown = orjson.dumps(value).decode()
    except TypeError:
        shown = f"a long or deep {type(value).__name__}"
    return shown if len(shown) <= 60 else shown[:57] + "…"
