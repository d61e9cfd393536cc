"""What DynamoDB is asked for 1,000 events, and what it would charge.

Zipf(1.1) over 10,000 users, in batches of 500, one warm worker that has seen every user. The same
records go to the tutorials' handlers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import tutorial_enrichment, tutorial_feature_store
from benchmarks.enriching import CountingStore, Requests, enricher, run
from benchmarks.figures import Figure, at_most
from benchmarks.traffic import Record, batches, stream, zipf_users
from benchmarks.tutorial_table import CountedTable, TutorialHandler

USERS, EXPONENT, BATCH = 10_000, 1.1, 500
_SEED, _EVENTS_PER_S = 7, 200.0


class Traffic(NamedTuple):
    """Records in which every user stands once, and those that are measured."""

    before: list[Record]
    measured: list[Record]


def zipf_traffic(measured: int, users: int = USERS, more_before: int = 0) -> Traffic:
    """Every user once, then as Zipf has it: `more_before` events and those that are measured."""
    rng = random.Random(_SEED)  # noqa: S311  traffic, not a secret
    everyone = [f"user-{rank}" for rank in range(users)]
    rng.shuffle(everyone)
    senders = everyone + zipf_users(users, EXPONENT, more_before + measured, rng)
    records = stream(senders, _EVENTS_PER_S, rng)
    return Traffic(records[:-measured], records[-measured:])


class Counted(NamedTuple):
    """What one side was asked and charged for the measured records."""

    writes: int
    reads: int
    keys_read: int
    conflicts: int
    write_units: float
    read_units: float

    @property
    def requests(self) -> int:
        """Reads and writes; a read may ask for a hundred keys."""
        return self.writes + self.reads


def count_ours(traffic: Traffic, size: int) -> tuple[Counted, Counted]:
    """What a new worker asks until it has seen every user, and what it asks then."""
    store = CountingStore()
    worker = enricher(store)
    found = []
    for records in traffic:
        store.asked = Requests()
        for batch in batches(records, size):
            run(worker, batch)
        found.append(_counted(store.asked))
    new, warm = found
    return new, warm


def _counted(asked: Requests) -> Counted:
    return Counted(
        asked.writes,
        asked.reads,
        asked.keys_read,
        asked.conflicts,
        asked.write_units,
        asked.read_units,
    )


def count_tutorial(handler: TutorialHandler, traffic: Traffic, size: int) -> Counted:
    """What a tutorial's handler asks for the measured records."""
    table = CountedTable()
    for batch in batches(traffic.before, size):
        handler({"Records": batch}, table)
    table.requests.clear()
    table.read_units = table.write_units = 0.0
    for batch in batches(traffic.measured, size):
        handler({"Records": batch}, table)
    writes, reads = table.requests["PutItem"], table.requests["GetItem"]
    return Counted(writes, reads, reads, 0, table.write_units, table.read_units)


def distinct_keys(records: Sequence[Record], size: int) -> int:
    """How many different users the batches hold, each batch's counted by itself."""
    return sum(
        len({record["kinesis"]["partitionKey"] for record in batch})
        for batch in batches(records, size)
    )


def request_figures(events: int = 60_000, users: int = USERS, size: int = BATCH) -> list[Figure]:
    """Requests and units for 1,000 events, beside both tutorials'."""
    traffic = zipf_traffic(events, users)
    new, ours = count_ours(traffic, size)
    first = count_tutorial(tutorial_enrichment.lambda_handler, traffic, size)
    third = count_tutorial(tutorial_feature_store.lambda_handler, traffic, size)
    per = 1000 / events
    keys = distinct_keys(traffic.measured, size)

    def beside(name: str, mine: float, its: float, unit: str) -> Figure:
        return at_most(name, mine * per, unit, rival=(tutorial_enrichment.NAME, its * per))

    return [
        beside("requests per 1,000 events", ours.requests, first.requests, "requests"),
        at_most(
            "the same, beside the other tutorial's",
            ours.requests * per,
            "requests",
            rival=(tutorial_feature_store.NAME, third.requests * per),
        ),
        beside("writes per 1,000 events", ours.writes, first.writes, "writes"),
        at_most(
            "writes for each user in a batch",
            ours.writes / keys,
            "writes",
            1.0,
            (tutorial_enrichment.NAME, first.writes / keys),
        ),
        at_most(
            "keys read, every user seen before",
            100 * ours.keys_read / ours.writes,
            "% of writes",
            5.0,
            (tutorial_enrichment.NAME, 100 * first.keys_read / first.writes),
        ),
        at_most(
            "keys read by a new worker",
            100 * new.keys_read / new.writes,
            "% of writes",
        ),
        at_most("conflicts per 1,000 events", ours.conflicts * per, "writes"),
        beside("write units per 1,000 events", ours.write_units, first.write_units, "WCU"),
        beside("read units per 1,000 events", ours.read_units, first.read_units, "RCU"),
    ]
