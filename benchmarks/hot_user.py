"""One user with half of the traffic must not slow the others.

The same batches of 500 events of other users, without that user and with as many events of his own
among them. His events are folded and written once a batch; the tutorial's handler asks the table
twice for each.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from benchmarks import tutorial_enrichment
from benchmarks.enriching import CountingStore, enricher, run
from benchmarks.figures import Figure, at_most
from benchmarks.least_cpu import least_each_s, timed
from benchmarks.requests import BATCH, EXPONENT, USERS
from benchmarks.throughput import our_handle
from benchmarks.traffic import Record, batches, stream, zipf_users
from benchmarks.tutorial_table import CountedTable

_SEED, _EVENTS_PER_S, _ROUNDS = 7, 200.0, 25
_HOT = "hot"


class Traffic(NamedTuple):
    """Records in batches of `size`; the first half makes a worker warm."""

    records: list[Record]
    size: int

    @property
    def before(self) -> list[Record]:
        """What makes a worker warm."""
        return self.records[: self._half]

    @property
    def measured(self) -> list[Sequence[Record]]:
        """The batches that are measured."""
        return list(batches(self.records[self._half :], self.size))

    @property
    def _half(self) -> int:
        return len(self.records) // self.size // 2 * self.size


class Both(NamedTuple):
    """The others' traffic alone, and with the hot user's among it."""

    alone: Traffic
    together: Traffic


def traffic(events: int, users: int) -> Both:
    """`events` of others, and the same with one of the hot user's behind each."""
    rng = random.Random(_SEED)  # noqa: S311  traffic, not a secret
    others = zipf_users(users, EXPONENT, events, rng)
    together = [user for other in others for user in (other, _HOT)]
    return Both(
        Traffic(stream(others, _EVENTS_PER_S, rng), BATCH),
        Traffic(stream(together, 2 * _EVENTS_PER_S, rng), 2 * BATCH),
    )


def our_ratio(both: Both, rounds: int) -> float:
    """How many times as long the batches take with the hot user in them."""

    def one_round() -> Iterator[float]:
        for one in both:
            handle = our_handle(one.before)
            yield from timed(partial(handle, batch) for batch in one.measured)

    return _ratio(least_each_s(one_round, rounds))


def tutorial_ratio(both: Both, rounds: int) -> float:
    """The same of the tutorial's handler."""
    table = CountedTable(units=False)
    pieces = [partial(_handle, table, batch) for one in both for batch in one.measured]
    return _ratio(least_each_s(lambda: timed(pieces), rounds))


def _ratio(least: Sequence[float]) -> float:
    # Both have as many batches, and take turns in every round.
    half = len(least) // 2
    return sum(least[half:]) / sum(least[:half])


def our_writes(one: Traffic) -> int:
    """How many writes all of it takes."""
    store = CountingStore()
    worker = enricher(store)
    for batch in batches(one.records, one.size):
        run(worker, batch)
    return store.asked.writes


def tutorial_requests(one: Traffic) -> int:
    """How many requests the tutorial's handler makes for all of it."""
    table = CountedTable(units=False)
    _handle(table, one.records)
    return table.requests.total()


def _handle(table: CountedTable, records: Sequence[Record]) -> None:
    tutorial_enrichment.lambda_handler({"Records": records}, table)


def hot_user_figures(
    events: int = 10_000, users: int = USERS, rounds: int = _ROUNDS
) -> list[Figure]:
    """What the hot user adds to a batch: requests, and processor time."""
    both = traffic(events, users)

    def more(count: Callable[[Traffic], int]) -> float:
        return (count(both.together) - count(both.alone)) / (events / BATCH)

    return [
        at_most(
            "requests a batch for a user with half of the traffic",
            more(our_writes),
            "requests",
            1.0,
            (tutorial_enrichment.NAME, more(tutorial_requests)),
        ),
        at_most(
            "time of a batch with that user in it: twice the events",
            our_ratio(both, rounds),
            "× without",
            2.0,
            (tutorial_enrichment.NAME, tutorial_ratio(both, rounds)),
        ),
    ]
