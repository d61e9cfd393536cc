"""One user with half of the traffic does not slow the others: it is one fold and one write.

A key is capped by its shard at 1,000 records a second, so a batch holds at most so many of it for
every second that it waited; what folding them costs is what the others wait for.
"""

from __future__ import annotations

import time

import pytest

from tests.features.streaming import START_MS, Bench, Record, document, record

HOT, OTHERS = "hot", 250
LATER_MS = START_MS + 10**9


def warmed() -> Bench:
    """A worker that knows everybody; the hot user has had 500 events a second for a while."""
    bench = Bench()
    for start in range(0, 20_000, 1000):
        bench.run(*[hot(n) for n in range(start, start + 1000)])
    bench.run(*[other(n) for n in range(OTHERS)])
    return bench


def hot(number: int) -> Record:
    one = document(number, HOT, at_ms=START_MS + number * 2)
    return record(one, 10**6 + number, arrival_ms=LATER_MS)


def other(number: int) -> Record:
    user = f"u{number % OTHERS}"
    one = document(number, user, at_ms=START_MS + number * 100, eventId=f"o{number}")
    return record(one, 10**9 + number, arrival_ms=LATER_MS)


def cpu_s(bench: Bench, batch: list[Record]) -> float:
    """The processor time that a batch took, all of which is applied."""
    began = time.process_time()
    report = bench.run(*batch)
    took = time.process_time() - began
    assert report.applied == len(batch)
    return took


@pytest.fixture(scope="module")
def bench() -> Bench:
    return warmed()


def test_it_is_one_write_like_everybody_elses(bench: Bench) -> None:
    batch = [one for n in range(500) for one in (hot(30_000 + n), other(1000 + n))]
    report = bench.run(*batch)
    assert (report.applied, report.writes, report.reads) == (1000, 1 + OTHERS, 0)
    assert bench.entry(HOT).profile.late == 0


def test_its_half_of_a_batch_costs_less_than_the_others_half(bench: Bench) -> None:
    with_it, without = [], []
    # By turns, so that a moment in which the machine is slow meets both; the least of each.
    for start in range(50_000, 60_000, 1000):
        both = [one for n in range(500) for one in (hot(start + n), other(start + n))]
        with_it.append(cpu_s(bench, both))
        without.append(cpu_s(bench, [other(start + 500 + n) for n in range(500)]))
    assert min(with_it) < 2 * min(without)


def test_what_a_shard_takes_in_a_second_is_folded_in_a_tenth_of_it(bench: Bench) -> None:
    starts = range(100_000, 110_000, 1000)
    assert min(cpu_s(bench, [hot(at + n) for n in range(1000)]) for at in starts) < 0.1
