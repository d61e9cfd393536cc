"""Streams for the tests of this room, and readers as consumers would write them."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.limits import Limits
from localcloud.kinesis.producing import NewRecord
from localcloud.kinesis.stream import StreamSettings
from localcloud.ports import StreamReader, StreamRecord
from tests.localcloud.clock import ManualClock

HALF = 1 << 127
QUARTER = 1 << 126


def backend_with(
    shards: int = 1, *, limits: Limits | None = None, settle_s: float = 0.0
) -> tuple[KinesisBackend, ManualClock]:
    """A backend with one stream, `events`, and its clock."""
    clock = ManualClock()
    backend = KinesisBackend(clock, limits=limits, settle_s=settle_s)
    backend.create_stream("events", StreamSettings(shards))
    return backend, clock


def put(backend: KinesisBackend, *payloads: str, at: int = 0, key: str = "k") -> list[str]:
    """Put texts at a hash key, one by one; their sequence numbers."""
    records = [NewRecord(key, payload.encode(), at) for payload in payloads]
    return [backend.put_record("events", record).sequence_number for record in records]


def texts(records: Iterable[StreamRecord]) -> list[str]:
    """The payloads as text."""
    return [record.data.decode() for record in records]


def drain(reader: StreamReader, stream: str, batch: int = 3) -> list[StreamRecord]:
    """Every record, shard by shard in the order that `shards` lists them."""
    drained: list[StreamRecord] = []
    for shard in reader.shards(stream):
        after, more = None, True
        while more:
            read = reader.read(stream, shard.shard_id, after, batch)
            drained += read.records
            after = read.records[-1].sequence_number if read.records else after
            more = bool(read.records)
    return drained
