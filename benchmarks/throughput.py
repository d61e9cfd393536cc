"""Events a second of one core: decode, fold and encode of Kinesis batches, the store in memory.

Records as Lambda hands them over, without the runtime's own JSON parse; a warm worker that has seen
every user. Least processor time: see `least_cpu`. The tutorial's handler gets the same batches and
a table in memory; it keeps one count, and asks the table twice an event, which costs nothing here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from millrace.features.store import MemoryStore

from benchmarks import tutorial_enrichment
from benchmarks.enriching import enricher, run
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.least_cpu import least_each_s, timed
from benchmarks.requests import EXPONENT, USERS, distinct_keys, zipf_traffic
from benchmarks.traffic import START_MS, Record, batches, stream, zipf_users
from benchmarks.tutorial_table import CountedTable

_SEED = 7
_DAY_MS = 86_400_000
# The most that a shard takes, and so the most that one user sends.
_SHARD_EVENTS_PER_S = 1_000.0
_ROUNDS = 40

Handle = Callable[[Sequence[Record]], object]


class Case(NamedTuple):
    """Records that are measured, in batches of `size`."""

    name: str
    records: Sequence[Record]
    size: int
    target: float | None


class Stream(NamedTuple):
    """Records that make a worker warm, and the cases that come after them, one after the other."""

    before: Sequence[Record]
    cases: Sequence[Case]


def many_users(scale: float) -> Stream:
    """Zipf-distributed users, in batches of two sizes."""
    users, some, many = round(USERS * scale), round(10_000 * scale), round(20_000 * scale)
    zipf = zipf_traffic(some + many, users, more_before=round(30_000 * scale))
    return Stream(
        zipf.before,
        [
            Case("batches of 500, Zipf(1.1)", zipf.measured[:some], 500, 20_000.0),
            Case("batches of 10,000, Zipf(1.1)", zipf.measured[some:], 10_000, 50_000.0),
        ],
    )


def user_alone(scale: float) -> Stream:
    """One user, in batches of two sizes."""
    some, many = round(10_000 * scale), round(20_000 * scale)
    one = one_user(some + some + many)
    return Stream(
        one[:some],
        [
            Case("batches of 500, one user", one[some : 2 * some], 500, 100_000.0),
            Case("batches of 10,000, one user", one[2 * some :], 10_000, 100_000.0),
        ],
    )


def many_users_after_a_day(scale: float) -> Stream:
    """Zipf-distributed users again, of whom busy ones have every window full."""
    day, after = a_day(round(USERS * scale), round(100_000 * scale), round(10_000 * scale))
    return Stream(day, [Case("batches of 500, Zipf(1.1), a day behind it", after, 500, None)])


# What is measured; below a scale of 1 there is less of it.
STREAMS: Sequence[Callable[[float], Stream]] = (many_users, user_alone, many_users_after_a_day)


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


def our_handle(before: Sequence[Record]) -> Handle:
    """A new worker's, which these records have made warm."""
    worker = enricher(MemoryStore())
    for batch in batches(before, 10_000):
        run(worker, batch)
    return partial(run, worker)


def tutorial_handle(before: Sequence[Record]) -> Handle:
    """The tutorial's handler, on a table that these records have filled."""
    handle = partial(_tutorial, CountedTable(units=False))
    handle(before)
    return handle


def _tutorial(table: CountedTable, records: Sequence[Record]) -> None:
    tutorial_enrichment.lambda_handler({"Records": records}, table)


def seconds(
    stream: Stream, new_handle: Callable[[Sequence[Record]], Handle], rounds: int = _ROUNDS
) -> list[float]:
    """Least processor seconds of each case."""

    def one_round() -> Iterator[float]:
        handle = new_handle(stream.before)
        for case in stream.cases:
            yield from timed(partial(handle, batch) for batch in batches(case.records, case.size))

    least = iter(least_each_s(one_round, rounds))
    return [sum(islice(least, -(-len(case.records) // case.size))) for case in stream.cases]


def throughput_figures(scale: float = 1.0, rounds: int = _ROUNDS) -> list[Figure]:
    """Events a second, and what a user's write costs.

    Each stream in a new process, as a worker is: in one that has done other things its memory lies
    about in pieces, which takes a tenth more.
    """
    figures = []
    for build in STREAMS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            figures += process.submit(figures_of, build, scale, rounds).result()
    return figures


def figures_of(build: Callable[[float], Stream], scale: float, rounds: int) -> list[Figure]:
    """The figures of one stream."""
    figures = []
    stream = build(scale)
    ours, its = seconds(stream, our_handle, rounds), seconds(stream, tutorial_handle, rounds)
    for case, our_s, tutorial_s in zip(stream.cases, ours, its, strict=True):
        events = len(case.records)
        rival = (tutorial_enrichment.NAME, events / tutorial_s)
        figures += [
            at_least(case.name, events / our_s, "events/s a core", case.target, rival),
            at_most(
                f"{case.name}: each user's write",
                our_s / distinct_keys(case.records, case.size) * 1e6,
                "µs",
            ),
        ]
    return figures
