"""Events a second of one core: decode, fold and encode of Kinesis batches, the store in memory.

Records as Lambda hands them over, without the runtime's own JSON parse; a warm worker that has seen
every user. Least processor time: see `least_cpu`. The tutorial's handler gets the same batches and
a table in memory; it keeps one count, and asks the table twice an event, which costs nothing here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from millrace.features.cache import EntryCache
from millrace.features.enrich import Enricher
from millrace.features.store import MemoryStore

from benchmarks import tutorial_enrichment
from benchmarks.enriching import enricher, run
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.least_cpu import least_s, timed
from benchmarks.requests import EXPONENT, USERS, distinct_keys, zipf_traffic
from benchmarks.traffic import START_MS, Record, batches, stream, zipf_users
from benchmarks.tutorial_table import CountedTable

_SEED = 7
_DAY_MS = 86_400_000
# The most that a shard takes, and so the most that one user sends.
_SHARD_EVENTS_PER_S = 1_000.0
_ROUNDS = 25


class Case(NamedTuple):
    """Records that make a worker warm, and those that are measured, in batches of `size`."""

    name: str
    before: Sequence[Record]
    measured: Sequence[Record]
    size: int
    target: float | None


def cases(scale: float = 1.0) -> Iterator[Case]:
    """The traffic that is measured; below a `scale` of 1 there is less of it."""
    users = round(USERS * scale)
    zipf = zipf_traffic(round(20_000 * scale), users, more_before=round(30_000 * scale))
    some = zipf.measured[: round(10_000 * scale)]
    yield Case("batches of 500, Zipf(1.1)", zipf.before, some, 500, 20_000.0)
    yield Case("batches of 10,000, Zipf(1.1)", zipf.before, zipf.measured, 10_000, 50_000.0)
    one = one_user(round(40_000 * scale))
    half = len(one) // 2
    yield Case("batches of 500, one user", one[:half], one[half:], 500, 100_000.0)
    yield Case("batches of 10,000, one user", one[:half], one[half:], 10_000, 100_000.0)
    day, after = a_day(users, round(100_000 * scale), round(10_000 * scale))
    yield Case("batches of 500, Zipf(1.1), a day behind it", day, after, 500, None)


def one_user(events: int) -> list[Record]:
    """All from one user, at the pace of a whole shard."""
    rng = random.Random(_SEED)  # noqa: S311  traffic, not a secret
    return stream(["user-0"] * events, _SHARD_EVENTS_PER_S, rng)


def a_day(users: int, before: int, measured: int) -> tuple[list[Record], list[Record]]:
    """A day's events, so that busy users' windows are full, and those of some seconds after it."""
    rng = random.Random(_SEED)  # noqa: S311
    senders = zipf_users(users, EXPONENT, before, rng)
    day = stream(senders, before * 1000 / _DAY_MS, rng)
    senders = zipf_users(users, EXPONENT, measured, rng)
    start_ms = START_MS + _DAY_MS
    return day, stream(senders, _SHARD_EVENTS_PER_S, rng, first=before, start_ms=start_ms)


class Warm:
    """A worker that has seen a case's earlier records, as often as it is asked for."""

    def __init__(self, before: Sequence[Record]) -> None:
        store = MemoryStore()
        worker = enricher(store)
        for batch in batches(before, 10_000):
            run(worker, batch)
        self._items = store.items
        self._entries = [(key, entry) for key in store.items if (entry := worker.cache.get(key))]

    def worker(self) -> Enricher:
        """A new one; what it remembers and stores is nobody else's."""
        store, cache = MemoryStore(), EntryCache()
        store.items = dict(self._items)
        for key, entry in self._entries:
            cache.put(key, entry)
        return enricher(store, cache=cache)


def our_seconds(case: Case, rounds: int = _ROUNDS) -> float:
    """Least processor seconds of the measured records."""
    warm = Warm(case.before)

    def one_round() -> Iterator[float]:
        worker = warm.worker()
        return timed(partial(run, worker, batch) for batch in batches(case.measured, case.size))

    return least_s(one_round, rounds)


def tutorial_seconds(case: Case, rounds: int = _ROUNDS) -> float:
    """The same of the tutorial's handler."""
    table = CountedTable(units=False)
    for batch in batches(case.before, case.size):
        tutorial_enrichment.lambda_handler({"Records": batch}, table)
    handle: Callable[[object], object] = partial(_handled, table)
    return least_s(
        lambda: timed(partial(handle, batch) for batch in batches(case.measured, case.size)), rounds
    )


def _handled(table: CountedTable, batch: Sequence[Record]) -> None:
    tutorial_enrichment.lambda_handler({"Records": batch}, table)


def throughput_figures(scale: float = 1.0, rounds: int = _ROUNDS) -> list[Figure]:
    """Events a second, and what a user's write costs."""
    figures = []
    for case in cases(scale):
        seconds, events = our_seconds(case, rounds), len(case.measured)
        rival = (tutorial_enrichment.NAME, events / tutorial_seconds(case, rounds))
        speed = events / seconds
        figures += [
            at_least(case.name, speed, "events/s a core", case.target, rival),
            at_most(
                f"{case.name}: each user's write",
                seconds / distinct_keys(case.measured, case.size) * 1e6,
                "µs",
            ),
        ]
    return figures
