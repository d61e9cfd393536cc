"""What Connector Hub hands to a function: a JSON array of stream records, or one bare event.

A record is ``{stream, partition, key, value, offset, timestamp}`` with key and value in base64 and
the time of arrival in milliseconds (or as ISO 8601; a record without one is as good as any other).
A JSON object that is no such record is taken as an event by itself, as ``fn invoke`` sends it: it
has no place in a stream. In an array it must look like one, with an id and a metric. Whatever
cannot be decoded comes out as `Rejected`, whole, so that nothing is lost; one bad record takes no
other with it.
"""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from millrace.errors import InvalidEvent
from millrace.events import read_time_ms

_MOST_NAME_BYTES = 512  # the OCID of a stream has about 100
_MOST_OFFSET = 1 << 63
# What tells an event among records, and a record among events.
_EVENT = {"id", "metric"}
_RECORD = {"value", "offset", "partition"}


class Source(NamedTuple):
    """Where a record stands: within a partition offsets rise."""

    stream: str
    partition: str
    offset: int


class Delivery(NamedTuple):
    """One record: its event as bytes of JSON. `arrival_ms` is None where it says none."""

    source: Source | None
    key: bytes | None
    data: bytes
    arrival_ms: int | None


class Rejected(NamedTuple):
    """What cannot even be decoded: `raw` is what came. The reason is stable, in kebab case."""

    source: Source | None
    reason: str
    message: str
    raw: bytes


def decode(body: bytes) -> Iterator[Delivery | Rejected]:
    """Every record of an invocation, in the order of the payload."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            yield Rejected(None, "not-json", f"the payload is not valid JSON: {error}", body)
            return
        # Python's own reader takes a mark of the byte order, and NaN, which is then one event's
        # mistake and not that of all.
        body = json.dumps(payload).encode()
    if isinstance(payload, list):
        for record in payload:
            yield _decoded(record)
    elif isinstance(payload, dict):
        is_record = "value" in payload and "offset" in payload
        yield _decoded(payload) if is_record else Delivery(None, None, body, None)
    else:
        kind = type(payload).__name__
        message = f"the payload must be an array of stream records or one event but is a {kind}"
        yield Rejected(None, "not-a-batch", message, body)


def _decoded(record: Any) -> Delivery | Rejected:  # noqa: ANN401  a JSON value can be anything
    if type(record) is dict and record.keys() >= _EVENT and not record.keys() & _RECORD:
        return Delivery(None, None, _written_plainly(record), None)
    source = None
    try:
        source = _source(record)
        arrival = record.get("timestamp")
        arrival_ms = None if arrival is None else read_time_ms(arrival, "timestamp")
        key, value = record.get("key"), record["value"]
    except (KeyError, TypeError, ValueError, AttributeError, InvalidEvent) as error:
        shown = f"{type(error).__name__}: {error}"
        message = f"not a stream record as Connector Hub sends it: {shown}"
        return Rejected(source, "not-a-stream-record", message, _written(record))
    try:
        data = a2b_base64(value, strict_mode=True)
        key = None if key is None else a2b_base64(key, strict_mode=True)
    except (Base64Error, ValueError, TypeError) as error:
        message = f"the record's key or value is not base64: {error}"
        return Rejected(source, "not-base64", message, _written(record))
    return Delivery(source, key, data, arrival_ms)


def _written(record: object) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:  # orjson reads what is nested more deeply than what it writes
        pass
    return _written_plainly(record)


def _written_plainly(record: object) -> bytes:
    """As it was read, with a NaN that is no JSON."""
    try:
        return json.dumps(record).encode()
    except RecursionError:
        return b"(nested too deeply to be written)"


def _source(record: dict[str, Any]) -> Source:
    stream, partition, offset = record["stream"], record["partition"], record["offset"]
    if type(partition) is int:
        partition = str(partition)
    for name in (stream, partition):
        if type(name) is not str or not 0 < len(name.encode()) <= _MOST_NAME_BYTES:
            raise ValueError(f"no stream or partition is called {name!r:.80}")
    if type(offset) is not int or not 0 <= offset < _MOST_OFFSET:
        raise ValueError(f"offset must be a whole number from 0 but is {offset!r:.80}")
    return Source(stream, partition, offset)
