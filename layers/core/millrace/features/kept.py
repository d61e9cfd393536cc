"""Objects in the quarantine bucket, of all kinds, as whoever redrives them reads them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson

from millrace.errors import AlreadyRedriven, QuarantineError
from millrace.objects import Objects
from millrace.paths import with_field
from millrace.quarantine import GAVE_UP, LATE, OF_INFERENCES, POISON

# Where Lambda leaves the batches that it gave up on.
FAILED = "aws/lambda"
KINDS = (POISON, LATE, GAVE_UP, FAILED)
# What records of the inference stream have, by their kind: see `millrace.inference.records`.
_INFERENCES = {"inference": "prediction", "feedback": "outcome"}
# Where a redrive moves what is done.
DONE = "redriven"


class Kept(NamedTuple):
    """An object in the quarantine bucket."""

    key: str
    kind: str
    content: Mapping[str, Any]


def kept_object(objects: Objects, key: str) -> Kept:
    """An object. Raises QuarantineError where there is none, or it is none of ours.

    Where a redrive has moved it away, that is AlreadyRedriven.
    """
    kind = next((kind for kind in KINDS if key.startswith(f"{kind}/")), None)
    if kind is None:
        raise QuarantineError(
            f"{key!r} is no quarantine object: keys begin with {', '.join(KINDS)}."
        )
    try:
        content = orjson.loads(_body(objects, key))
    except orjson.JSONDecodeError as error:
        raise QuarantineError(f"{key!r} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise QuarantineError(f"{key!r} is no JSON object, and so nothing that was put away.")
    return Kept(key, kind, content)


def move_away(objects: Objects, key: str) -> None:
    """Move an object that is done. Raises AlreadyRedriven where somebody else just did."""
    objects.put(f"{DONE}/{key}", _body(objects, key))
    objects.delete(key)


def _body(objects: Objects, key: str) -> bytes:
    try:
        return objects.get(key)
    except QuarantineError as error:
        moved = f"{DONE}/{key}"
        if moved in islice(objects.keys(moved), 1):
            message = f"{key!r} was redriven before: it is {moved!r} now."
            raise AlreadyRedriven(message) from error
        raise


def records_of(kept: Kept) -> Sequence[Any]:
    """The records in what Lambda left of a failed batch. Raises QuarantineError."""
    try:
        payload = kept.content["payload"]
        event = orjson.loads(payload) if isinstance(payload, str) else payload
        records: object = event["Records"]
        if not isinstance(records, list):
            raise TypeError(f"Records is a {type(records).__name__}, no list")
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise QuarantineError(
            f"{kept.key!r} holds no batch: {error!r}. Lambda puts whole batches into S3 only."
        ) from error
    return records


def check_events(kept: Kept, records: Sequence[Any] = ()) -> None:
    """Refuse what archive could not put away: records of inferences, which are no events.

    They have a user and a time, and would be counted as events; and as they are of another stream,
    the watermark after them would hide the user's next events. Raises QuarantineError.
    """
    if kept.content.get("of") == OF_INFERENCES or any(map(_is_inference, records)):
        raise QuarantineError(
            f"{kept.key!r} is of the inference stream, whose records are no events: nothing is"
            " redriven. What is whole in it can be put on that stream again, and is archived then."
        )


def _is_inference(record: Any) -> bool:  # noqa: ANN401  what Lambda left can be anything
    try:
        document = orjson.loads(base64.b64decode(record["kinesis"]["data"]))
        return _INFERENCES[document["kind"]] in document and "predictionId" in document
    except (KeyError, TypeError, ValueError):
        return False


def changed(data: bytes, changes: Mapping[str, object]) -> bytes:
    """A record's JSON with values set at dotted paths. Raises QuarantineError."""
    if not changes:
        return data
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise QuarantineError(f"Only JSON can be changed: {error}") from error
    if not isinstance(document, dict):
        raise QuarantineError("Only a JSON object can be changed.")
    for path, value in changes.items():
        document = with_field(document, path, value)
    try:
        return orjson.dumps(document)
    except TypeError as error:
        raise QuarantineError(f"What was changed cannot be written as JSON: {error}") from error
