"""Kinesis batches and fakes for tests of the enricher."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from millrace.errors import Unavailable
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.definitions import load
from millrace.features.enrich import Enricher
from millrace.features.entry import Entry, Hole
from millrace.features.item import Attribute
from millrace.features.report import Report
from millrace.features.store import Conflict, Key, MemoryStore
from millrace.kinesis import Position, Stream
from millrace.objects import MemoryObjects

from tests.features.conftest import SHIPPED

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
START_MS = 1_700_000_000_000
NOW_MS = START_MS + 3_600_000

Record = dict[str, Any]


def document(number: int, user: str = "u1", *, at_ms: int | None = None, **more: Any) -> Record:
    """An event as a producer writes it; `eventId=None` leaves the id out."""
    time_ms = START_MS + number * 1000 if at_ms is None else at_ms
    fields: Record = {
        "eventId": f"e{number}",
        "userId": user,
        "eventType": "view",
        "metric": number,
        "timestamp": datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(),
        **more,
    }
    return {name: value for name, value in fields.items() if value is not None}


def record(
    data: Record | bytes,
    sequence: int,
    *,
    key: str | None = None,
    shard: int = 0,
    arn: str = ARN,
    arrival_ms: int = NOW_MS,
) -> Record:
    """A record as Lambda hands it over."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    partition_key = key if key is not None else data["userId"] if isinstance(data, dict) else "k"
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": str(sequence),
            "data": base64.b64encode(raw).decode(),
            "approximateArrivalTimestamp": arrival_ms / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventID": f"shardId-{shard:012d}:{sequence}",
        "eventSourceARN": arn,
    }


def aggregate(documents: Sequence[Record], sequence: int, **more: Any) -> Record:
    """A KPL aggregate of events, each under its user's key."""
    from aws_kinesis_agg.deaggregator import messages_pb2

    message = messages_pb2.AggregatedRecord()
    for place, one in enumerate(documents):
        message.partition_key_table.append(one["userId"])
        row = message.records.add()
        row.partition_key_index = place
        row.data = json.dumps(one).encode()
    body = message.SerializeToString()
    raw = b"\xf3\x89\x9a\xc2" + body + md5(body).digest()
    return record(raw, sequence, key="a", **more)


class FakeStreams:
    """Streams with a creation time that a test may change; every shard takes every hash.

    `created_ms` is what a worker believes, `anew_ms` what it would be told if it asked again.
    """

    def __init__(self) -> None:
        self.created_ms = self.anew_ms = 1_600_000_000_000
        self.forgotten = 0
        self.down = False

    def stream(self, arn: str) -> Stream:
        if self.down:
            raise Unavailable("Kinesis is down")
        return Stream(self.created_ms, lambda shard_id: (0, 2**128 - 1))

    def begins(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> None:
        pass

    def forget(self, arn: str) -> None:
        self.forgotten += 1
        self.created_ms = max(self.created_ms, self.anew_ms)


class FlakyStore(MemoryStore):
    """A store that fails, or loses its answer, when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_reads: Callable[[str], bool] = lambda key: False
        self.fail_writes: Callable[[str], bool] = lambda key: False
        self.lose_answers: Callable[[str], bool] = lambda key: False
        self.reads = 0
        self.writes = 0

    def read(self, keys: Sequence[Key]) -> Mapping[str, Entry | Exception | None]:
        self.reads += len(keys)
        found = dict(super().read(keys))
        for key in keys:
            if self.fail_reads(key.storage):
                found[key.storage] = Unavailable(f"no answer for {key.storage}")
        return found

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        self.writes += 1
        if self.fail_writes(key.storage):
            raise Unavailable(f"throttled: {key.storage}")
        result = super().write(key, item, expected_version)
        if result is None and self.lose_answers(key.storage):
            raise Unavailable(f"answer lost: {key.storage}")
        return result

    def give_up(self, key: Key, hole: Hole) -> None:
        if self.fail_writes(key.storage) and self.fail_writes("give up"):
            raise Unavailable(f"throttled: {key.storage}")
        super().give_up(key, hole)


class FlakyObjects(MemoryObjects):
    """Objects that cannot be put while `down`."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False

    def put(self, key: str, body: bytes) -> None:
        if self.down:
            raise Unavailable("S3 is down")
        super().put(key, body)

    def records(self, kind: str = "quarantine") -> list[Record]:
        """The kept records of a kind, in order of their keys."""
        return [json.loads(self.bodies[key]) for key in self.keys(f"{kind}/")]


class Bench:
    """An enricher with fakes, and a look at what it has stored."""

    def __init__(self, definitions_path: Any = SHIPPED, lanes: int = 1, **more: Any) -> None:
        self.definitions = load(definitions_path)
        self.store = FlakyStore()
        self.objects = FlakyObjects()
        self.streams = FakeStreams()
        self._lanes = lanes
        self._more = more
        self.restart()

    def restart(self) -> None:
        """A new worker: nothing is remembered."""
        reader = BatchReader(EventReader(self.definitions), self.streams, self._lanes)
        self.enricher = Enricher(reader, self.store, self.objects, **self._more)

    def run(self, *records: Any, now_ms: int = NOW_MS) -> Report:
        return self.enricher.handle(records, now_ms)

    def run_until_done(self, records: Iterable[Record], most: int = 50) -> Report:
        """Deliver again from the lowest failed record, as Lambda does."""
        waiting = list(records)
        for _ in range(most):
            report = self.run(*waiting)
            failures = report.answer["batchItemFailures"]
            if not failures:
                return report
            first = failures[0]["itemIdentifier"]
            numbers = [one["kinesis"]["sequenceNumber"] for one in waiting]
            waiting = waiting[numbers.index(first) :]
        raise AssertionError(f"still failing: {report.problems}")

    def entry(self, user: str = "u1") -> Entry:
        """What is stored for a user."""
        plan = self.enricher._reader.plans[0]
        found = self.store.read([Key(user, plan)])[user]
        assert isinstance(found, Entry)
        return found

    def count(self, user: str = "u1") -> int:
        """How many events were applied for a user."""
        return self.entry(user).profile.accepted


def position(sequence: int, *, shard: int = 0, sub: int = 0, created_ms: int = 0) -> Position:
    """A position in the fake stream."""
    return Position(created_ms or 1_600_000_000_000, shard, sequence, sub)
