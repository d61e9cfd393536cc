"""Records that could not be applied, as they are kept: whole, with their reason.

One object a record, named after its place in the stream, so that putting it again changes nothing:

- ``quarantine/``: poison, which can never be applied as it is;
- ``late/``: events that came after their user's late floor; they are counted and not applied;
- ``gave-up/``: one object for the records of one hole (see `features.entry`).

Each is a JSON object with at least reason, message, stream, shardId, sequenceNumber,
subSequenceNumber, position, partitionKey, arrival and data (base64; text too, where it is UTF-8).
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from millrace.features.item import iso_ms
from millrace.kinesis import Delivery, Position, Rejected

POISON = "quarantine"
LATE = "late"
GAVE_UP = "gave-up"
# What is no event at all says so, as `of`: from the stream of inferences and feedback.
OF_INFERENCES = "inferences"


def stream_name(arn: str) -> str:
    """The stream's name in its ARN."""
    return arn.rpartition("/")[2]


def object_key(kind: str, stream: str, position: Position) -> str:
    """Where a record's object stands: in the order of its shard."""
    shard = f"shardId-{position.shard:012d}"
    return (
        f"{kind}/{stream}/{position.created_ms}/{shard}/"
        f"{position.sequence:056d}-{position.sub:06d}.json"
    )


def record_of(delivery: Delivery, reason: str, message: str, **more: object) -> dict[str, object]:
    """The object for a record that could be decoded."""
    position = delivery.position
    record: dict[str, object] = {
        "reason": reason,
        "message": message,
        "stream": stream_name(delivery.arn),
        "streamARN": delivery.arn,
        "shardId": f"shardId-{position.shard:012d}",
        "sequenceNumber": delivery.sequence_number,
        "subSequenceNumber": position.sub,
        "position": str(position),
        "partitionKey": delivery.partition_key,
        "aggregated": delivery.aggregated,
        "arrival": iso_ms(delivery.arrival_ms),
        "data": base64.b64encode(delivery.data).decode(),
        **more,
    }
    with contextlib.suppress(UnicodeDecodeError):
        record["text"] = delivery.data.decode()
    return record


def rejected_object(rejected: Rejected) -> tuple[str, bytes]:
    """Key and body for a record that could not be decoded."""
    raw = rejected.raw
    stream = _writable(stream_name(rejected.arn))
    record = {
        "reason": rejected.reason,
        "message": _writable(rejected.message),
        "stream": stream,
        "sequenceNumber": rejected.sequence_number,
        "position": None if rejected.position is None else str(rejected.position),
        "raw": base64.b64encode(raw).decode() if isinstance(raw, bytes) else raw,
    }
    try:
        body = orjson.dumps(record, default=repr)
    except TypeError:
        # Half a surrogate pair, an integer beyond 64 bits: a text of JSON can hold them.
        body = orjson.dumps({**record, "raw": _as_text(raw)})
    if rejected.position is not None:
        return object_key(POISON, stream, rejected.position), body
    # Without a place in the stream, its content names it.
    return f"{POISON}/unplaced/{sha256(body).hexdigest()}.json", body


def _as_text(raw: object) -> str:
    try:
        return json.dumps(raw, default=repr)
    except RecursionError:
        # It was read with less of the stack in use. Lambda's own records are flat.
        return "(nested too deeply to be written)"


def _writable(text: str) -> str:
    """The text, with what UTF-8 cannot write as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def encode(record: Mapping[str, object]) -> bytes:
    """The body of an object."""
    return orjson.dumps(record)


def gave_up_object(
    stream: str, entity: str, key: str, hole: str, records: Iterable[Mapping[str, object]]
) -> tuple[str, bytes]:
    """Key and body for the records of one key's hole."""
    whole = {
        "reason": GAVE_UP,
        "stream": stream,
        "entity": entity,
        "key": key,
        "hole": hole,
        "records": list(records),
    }
    name = sha256(f"{entity}\n{key}\n{hole}".encode()).hexdigest()[:32]
    return f"{GAVE_UP}/{stream}/{name}.json", encode(whole)


def delivery_of(record: Mapping[str, Any]) -> Delivery:
    """The delivery in a kept record. Raises KeyError or ValueError where it is none."""
    from millrace.events import read_time_ms

    position = Position.parse(record["position"])
    return Delivery(
        *position,
        sequence_number=record["sequenceNumber"],
        partition_key=record["partitionKey"],
        data=base64.b64decode(record["data"]),
        arrival_ms=read_time_ms(record["arrival"], "arrival"),
        aggregated=record["aggregated"],
        arn=record["streamARN"],
    )
