"""What stands in quarantine, object by object, as people and machines are told of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from millrace.errors import QuarantineError
from millrace.features.kept import FAILED, Kept, records_of
from millrace.quarantine import GAVE_UP, LATE, POISON

from cli.output import json_text


class Kind(StrEnum):
    """The kinds of objects in quarantine, as commands call them."""

    POISON = "poison"
    LATE = "late"
    GAVE_UP = "gave-up"
    FAILED = "failed"

    @property
    def prefix(self) -> str:
        """What the keys of the kind begin with."""
        return _PREFIXES[self]

    @classmethod
    def of(cls, key: str) -> Kind | None:
        """The kind of the object with this key; None where it is no quarantine object."""
        return next((kind for kind in cls if key.startswith(f"{kind.prefix}/")), None)


_PREFIXES = {Kind.POISON: POISON, Kind.LATE: LATE, Kind.GAVE_UP: GAVE_UP, Kind.FAILED: FAILED}


class Description(NamedTuple):
    """An object in short; empty where it does not say.

    Attributes:
        whose: the entity's key, or the record's partition key.
        time: arrival of the (first) record, or when Lambda gave up.
        records: how many there are.
    """

    reason: str
    message: str
    whose: str
    time: str
    records: int


def described(kept: Kept) -> Description:
    """An object in short, whatever it holds."""
    content = kept.content
    if kept.kind == FAILED:
        batch, context = _table(content, "KinesisBatchInfo"), _table(content, "requestContext")
        message = f"{_text(batch, 'startSequenceNumber')} to {_text(batch, 'endSequenceNumber')}"
        return Description(
            _text(context, "condition"),
            f"Lambda gave up {_text(batch, 'shardId')}, {message}",
            "",
            _text(content, "timestamp"),
            _count(batch.get("batchSize")),
        )
    if kept.kind == GAVE_UP:
        records = content.get("records")
        records = records if isinstance(records, list) else []
        first = records[0] if records and isinstance(records[0], dict) else {}
        return Description(
            _text(content, "reason"),
            _text(first, "message"),
            _text(content, "key"),
            _text(first, "arrival"),
            len(records),
        )
    return Description(
        _text(content, "reason"),
        _text(content, "message"),
        _text(content, "partitionKey"),
        _text(content, "arrival"),
        1,
    )


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return "" if value is None else str(value)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


class RecordShown(NamedTuple):
    """A record in an object: where it stood, and what was in it."""

    sequence_number: str
    partition_key: str
    arrival: str
    text: str


def records_in(kept: Kept) -> Iterator[RecordShown]:
    """The records of an object, as far as they can be told."""
    if kept.kind == FAILED:
        try:
            records = records_of(kept)
        except QuarantineError:
            return
        yield from map(_kinesis_record, records)
    else:
        records = kept.content.get("records", [kept.content])
        yield from map(_record, records if isinstance(records, Sequence) else ())


def _kinesis_record(record: object) -> RecordShown:
    content = record if isinstance(record, dict) else {}
    kinesis = _table(content, "kinesis")
    if not kinesis:
        return RecordShown("", "", "", json_text(record))
    return RecordShown(
        _text(kinesis, "sequenceNumber"),
        _text(kinesis, "partitionKey"),
        _text(kinesis, "approximateArrivalTimestamp"),
        _decoded(kinesis.get("data")),
    )


def _record(record: object) -> RecordShown:
    if not isinstance(record, dict):
        return RecordShown("", "", "", json_text(record))
    data = record.get("data", record.get("raw"))
    return RecordShown(
        _text(record, "sequenceNumber"),
        _text(record, "partitionKey"),
        _text(record, "arrival"),
        _decoded(data) if isinstance(data, str) else json_text(data),
    )


def _decoded(data: object) -> str:
    """What base64 holds: JSON on lines, else its text; what is no base64 as it stands."""
    try:
        raw = base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        return str(data)
    try:
        return json_text(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return raw.decode(errors="backslashreplace")
