"""A stream, the mapping that delivers it, workers that fail: everything that goes wrong at once.

Producers repeat themselves, events come out of order, in KPL aggregates and under other keys; the
stream is split, and made anew under its name; batches are delivered again; workers are restarted,
go on though they were given up for dead, and meet stores that refuse or lose their answers. What
there is to know of it in the end is which distinct events each key had.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from millrace.errors import MillraceError
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.certainty import APPLIED
from millrace.features.definitions import Definitions
from millrace.features.enrich import Enricher
from millrace.features.redrive import Redriver
from millrace.streams import StreamCatalog

from tests.features.streaming import (
    NOW_MS,
    START_MS,
    FlakyObjects,
    FlakyStore,
    Record,
    aggregate,
    document,
    record,
)

HOUR_MS = 3_600_000
SPAN_MS = 50_000  # of event times: less than the lateness, so that no event is late
USERS, ITEMS = ("ann", "bob", "7"), ("i1", "i2", "7")


class Kinesis:
    """Tells when the stream was made, as the service would."""

    class meta:
        endpoint_url = "https://kinesis.test"

    def __init__(self) -> None:
        self.created = datetime(2024, 1, 2, tzinfo=UTC)

    def describe_stream_summary(self, StreamARN: str) -> Any:
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": self.created}}

    def list_shards(self, StreamARN: str = "", NextToken: str = "") -> Any:
        return {"Shards": []}  # expired, all of them: every hash may have been in each


@dataclass(slots=True)
class World:
    """One run, decided by its random numbers."""

    definitions: Definitions
    rng: random.Random
    lanes: int
    give_up_after_ms: int | None = None
    kinesis: Kinesis = field(default_factory=Kinesis)
    store: FlakyStore = field(default_factory=FlakyStore)
    objects: FlakyObjects = field(default_factory=FlakyObjects)
    workers: list[Enricher] = field(default_factory=list)
    sequence: int = 10**55
    made: int = 0
    distinct: list[Record] = field(default_factory=list)

    def run(self, events: int) -> None:
        """Produce so many events in a few epochs, and deliver all of them."""
        self.workers = [self._worker() for _ in range(2)]
        shards = [0]
        for epoch in range(3):
            records = self._produced(events // 3, shards)
            self._deliver(records)
            if self.rng.random() < 0.5:
                # Split: the parents are read to their end before their children.
                shards = [2 * epoch + 1, 2 * epoch + 2]
            elif self.rng.random() < 0.6:
                self._make_stream_anew()
                shards = [0]
        self._break_something(0.0)

    def _make_stream_anew(self) -> None:
        self.kinesis.created = self.kinesis.created.replace(day=self.kinesis.created.day + 1)
        if self.sequence >= 10**55 and self.rng.random() < 0.5:
            self.sequence = self.rng.choice((1, 9, 10**20))
        else:
            # Numbers that go on rising do not show it to a worker; and so these are new as well.
            self.workers = [self._worker() for _ in self.workers]

    def _worker(self) -> Enricher:
        kinesis: Any = self.kinesis
        reader = BatchReader(EventReader(self.definitions), StreamCatalog(kinesis), self.lanes)
        return Enricher(reader, self.store, self.objects, give_up_after_ms=self.give_up_after_ms)

    def redrive(self) -> int:
        """Fill every hole, and again from a copy of what was kept of it; how many there were."""
        kinesis: Any = self.kinesis
        reader = BatchReader(EventReader(self.definitions), StreamCatalog(kinesis), self.lanes)
        redriver = Redriver(reader, self.store, self.objects)
        keys = list(redriver.pending())
        for key in keys:
            kept = self.objects.get(key)
            redriver.redrive(key)
            self.objects.put(key, kept)
            assert not redriver.redrive(key)[APPLIED], "a hole is filled once"
        return len(keys)

    # Producers.

    def _produced(self, events: int, shards: list[int]) -> dict[int, list[Record]]:
        """Records by shard; a key's are in one shard."""
        by_shard: dict[int, list[Record]] = {shard: [] for shard in shards}
        sent: list[tuple[str, Record]] = []
        for _ in range(events):
            if sent and self.rng.random() < 0.15:
                # A producer that had no answer sends it again; only an id tells that it did.
                key, one = self.rng.choice(sent)
            else:
                key, one = self._event()
            if "eventId" in one:
                sent.append((key, one))
            self.sequence += self.rng.choice((1, 1, 7, 10**40))
            arrival_ms = NOW_MS + self.made
            if "eventId" in one and self.rng.random() < 0.3:
                # An aggregate is made for one shard: of events whose keys belong there.
                shard = shards[hash_of(one["userId"]) % len(shards)]
                others = [self._event(with_id=True)[1] for _ in range(self.rng.randint(0, 3))]
                fitting = [o for o in others if shards[hash_of(o["userId"]) % len(shards)] == shard]
                self.distinct = [
                    one for one in self.distinct if one not in others or one in fitting
                ]
                made = aggregate([one, *fitting], self.sequence, shard=shard, arrival_ms=arrival_ms)
            else:
                shard = shards[hash_of(key) % len(shards)]
                made = record(one, self.sequence, key=key, shard=shard, arrival_ms=arrival_ms)
            by_shard[shard].append(made)
        return by_shard

    def _event(self, *, with_id: bool = False) -> tuple[str, Record]:
        """An event and its partition key."""
        self.made += 1
        user = self.rng.choice(USERS)
        item = self.rng.choice((None, *ITEMS))
        named = with_id or item not in (None, user) or self.rng.random() < 0.7
        key = user if not named or self.rng.random() < 0.7 else self.rng.choice(("x", *USERS))
        one = document(
            self.made,
            user,
            at_ms=START_MS + self.rng.randint(0, SPAN_MS),
            eventType=self.rng.choice(("view", "buy", None)),
            metric=self.rng.choice((None, self.rng.randint(-500, 500) / 100)),
            itemId=item,
            eventId=f"e{self.made}" if named else None,
        )
        self.distinct.append(one)
        return key, one

    # The event source mapping.

    def _deliver(self, by_shard: dict[int, list[Record]]) -> None:
        lanes = [lane for records in by_shard.values() for lane in self._lanes_of(records)]
        waiting = [lane for lane in lanes if lane]
        while waiting:
            lane = self.rng.choice(waiting)
            batch = lane[: self.rng.randint(1, 12)]
            done = self._invoke(batch)
            if done and self.rng.random() < 0.1:
                continue  # the answer came too late: the same again
            del lane[:done]
            waiting = [lane for lane in waiting if lane]

    def _lanes_of(self, records: list[Record]) -> Iterator[list[Record]]:
        lanes: dict[int, list[Record]] = defaultdict(list)
        for one in records:
            lanes[hash_of(one["kinesis"]["partitionKey"]) % self.lanes].append(one)
        yield from lanes.values()

    def _invoke(self, batch: list[Record]) -> int:
        """Let a worker try; how many records are done with."""
        self._break_something(self.rng.choice((0.0, 0.0, 0.2)))
        place = self.rng.randrange(len(self.workers))
        try:
            report = self.workers[place].handle(batch, NOW_MS + HOUR_MS)
        except MillraceError:
            return 0
        if self.rng.random() < 0.1:
            self.workers[place] = self._worker()
        failures = report.answer["batchItemFailures"]
        if not failures:
            return len(batch)
        numbers = [one["kinesis"]["sequenceNumber"] for one in batch]
        return numbers.index(failures[0]["itemIdentifier"])

    def _break_something(self, chance: float) -> None:
        rng = random.Random(self.rng.random())
        self.store.fail_reads = lambda key: rng.random() < chance
        self.store.fail_writes = lambda key: rng.random() < chance
        self.store.lose_answers = lambda key: rng.random() < chance


def hash_of(key: str) -> int:
    """The same number for a key in every process."""
    return sum(key.encode())
