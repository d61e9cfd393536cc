"""The enricher with its stores in memory, as benchmarks run it: requests and capacity counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from millrace.collector import let_collector_wait
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.definitions import Definitions, load
from millrace.features.dynamodb import to_wire
from millrace.features.enrich import Enricher
from millrace.features.entry import Entry
from millrace.features.item import Attribute
from millrace.features.store import Conflict, Key, MemoryStore, Store
from millrace.kinesis import Stream
from millrace.objects import MemoryObjects

from benchmarks.traffic import STREAM_CREATED_MS, Record
from localcloud.moto_server.capacity import item_bytes, read_units, write_units

ROOT = Path(__file__).parents[1]
# Keys in one BatchGetItem.
_BATCH_GET = 100


class OneStream:
    """Describes the one stream that the traffic comes from."""

    def stream(self, arn: str) -> Stream:
        """See millrace.features.batch.Streams."""
        return Stream(STREAM_CREATED_MS, lambda shard: (0, 2**128 - 1))

    def begins(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> None:
        """See Streams."""

    def forget(self, arn: str) -> None:
        """See Streams."""


@dataclass(slots=True)
class Requests:
    """What a store was asked: writes, keys read in how many requests, and the units of both."""

    writes: int = 0
    conflicts: int = 0
    keys_read: int = 0
    reads: int = 0
    write_units: float = 0.0
    read_units: float = 0.0
    sizes: list[int] = field(default_factory=list)


class CountingStore(MemoryStore):
    """A store in memory that counts what DynamoDB would have been asked, and would charge."""

    def __init__(self) -> None:
        super().__init__(expires_s=1_900_000_000)
        self.asked = Requests()

    def read(self, keys: Sequence[Key]) -> Mapping[str, Entry | Exception | None]:
        """See Store."""
        asked = self.asked
        asked.keys_read += len(keys)
        asked.reads += math.ceil(len(keys) / _BATCH_GET)
        for key in keys:
            item = self.items.get(key.storage)
            size = 0 if item is None else item_bytes(to_wire(item))
            asked.read_units += read_units(size, consistent=True)
        return super().read(keys)

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        """See Store."""
        conflict = super().write(key, item, expected_version)
        size = item_bytes(to_wire(item))
        self.asked.writes += 1
        self.asked.conflicts += conflict is not None
        self.asked.write_units += write_units(size)
        self.asked.sizes.append(size)
        return conflict


def shipped() -> Definitions:
    """The definitions as shipped."""
    return load(ROOT / "features.toml")


def enricher(store: Store, definitions: Definitions | None = None) -> Enricher:
    """A worker, set up as the deployed function is, with nothing remembered yet."""
    let_collector_wait()
    reader = BatchReader(EventReader(definitions or shipped()), OneStream(), 1)
    return Enricher(reader, store, MemoryObjects())


def run(worker: Enricher, batch: Sequence[Record]) -> None:
    """One invocation, of which nothing may fail."""
    report = worker.handle(batch, now_ms=STREAM_CREATED_MS)
    assert not report.failed, report.problems
    assert not report.quarantined, report.reasons
