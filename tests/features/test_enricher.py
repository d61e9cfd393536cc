"""A batch, key by key: one write each, the others go on, and everything is accounted for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from millrace.errors import Unavailable
from millrace.features.entry import Entry
from millrace.features.item import Attribute
from millrace.features.report import Report
from millrace.features.store import Conflict, Key, MemoryStore

from tests.features.streaming import (
    NOW_MS,
    START_MS,
    Bench,
    document,
    position,
    record,
)


def test_one_read_and_one_write_a_user_and_batch() -> None:
    bench = Bench()
    batch = [record(document(n, f"u{n % 3}"), n) for n in range(1, 61)]
    report = bench.run(*batch)
    assert (report.keys, report.reads, report.writes, report.applied) == (3, 3, 3, 60)
    assert (bench.store.reads, bench.store.writes) == (3, 3)
    more = [record(document(100 + n, f"u{n % 3}"), 100 + n) for n in range(30)]
    report = bench.run(*more)
    assert (report.reads, report.writes, report.applied) == (0, 3, 30), (
        "a warm worker reads nothing"
    )


def test_a_batch_that_was_seen_costs_nothing() -> None:
    bench = Bench()
    batch = [record(document(n), n) for n in range(1, 9)]
    bench.run(*batch)
    report = bench.run(*batch)
    assert (report.seen_before, report.reads, report.writes) == (8, 0, 0)
    assert report.answer == {"batchItemFailures": []}


def test_nothing_is_nothing() -> None:
    bench = Bench()
    report = bench.run()
    assert report == Report()
    assert report.summary == {}
    assert bench.store.reads == 0


def test_everything_is_counted_for_what_it_was() -> None:
    bench = Bench()
    report = bench.run(
        record(document(0), 1),
        record(document(100), 2, arrival_ms=NOW_MS - 5),
        record(document(100), 3),  # a producer's retry
        record(document(1), 4),  # late
        record(b"[]", 5),
        record(document(7, "u2"), 6, arrival_ms=NOW_MS - 9),
    )
    assert (report.records, report.applied, report.duplicates, report.late) == (6, 3, 1, 1)
    assert (report.quarantined, report.reasons) == (1, {"not-an-object": 1})
    assert (report.keys, report.writes, report.conflicts) == (2, 2, 0)
    assert report.oldest_ms == NOW_MS - 9
    assert "failed" not in report.summary


@pytest.mark.parametrize("fault", ["fail_reads", "fail_writes"])
def test_a_failure_stops_that_user_only(fault: str) -> None:
    bench = Bench()
    batch = [record(document(n, f"u{n % 4}"), 10 + n) for n in range(12)]
    setattr(bench.store, fault, lambda key: key in ("u1", "u2"))
    report = bench.run(*batch)
    assert report.answer == {"batchItemFailures": [{"itemIdentifier": "11"}]}
    assert sorted(report.failed) == ["11", "12"]
    assert (report.applied, set(report.problems)) == (6, {"u1", "u2"})
    assert set(bench.store.items) == {"u0", "u3"}
    setattr(bench.store, fault, lambda key: False)
    report = bench.run_until_done(batch)
    assert {user: bench.count(user) for user in ("u0", "u1", "u2", "u3")} == dict.fromkeys(
        ("u0", "u1", "u2", "u3"), 3
    )


def test_a_stream_that_cannot_be_described_brings_the_whole_batch_again() -> None:
    bench = Bench()
    bench.streams.down = True
    batch = [record(document(n), n) for n in (9, 10, 11)]
    report = bench.run(*batch)
    assert report.answer == {"batchItemFailures": [{"itemIdentifier": "9"}]}
    assert "the stream" in report.problems
    assert bench.store.items == {}
    # Where a record has no number of its own, no answer can name it.
    with pytest.raises(Unavailable):
        bench.run(*batch, {"kinesis": {}})


# Others write as well.


class Contested(MemoryStore):
    """A store in which somebody else writes just before us, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.rival: Any = None

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        if self.times > 0:
            self.times -= 1
            self.rival()
        return super().write(key, item, expected_version)


def contested(times: int) -> Bench:
    """A bench whose store another worker writes to, an event of its own each time."""
    bench, other = Bench(), Bench()
    store: Any = Contested(times)
    bench.store = store
    bench.restart()
    numbers = iter(range(500, 600))

    def rival() -> None:
        store.times, left = 0, store.times
        other.store = store
        other.restart()
        number = next(numbers)
        # Another lane, so it has no rank among ours.
        other.run(record(document(number, at_ms=START_MS + number), 9 + number, key="lane"))
        store.times = left

    store.rival = rival
    return bench


@pytest.mark.parametrize("times", [1, 5, 7])
def test_a_conflict_is_folded_into_what_others_wrote(times: int) -> None:
    bench = contested(times)
    report = bench.run(*[record(document(n), n) for n in (1, 2, 3)])
    assert (report.conflicts, report.writes, report.applied) == (times, 1, 3)
    assert bench.count() == 3 + times
    assert bench.entry().version == 1 + times


def test_conflicts_without_end_are_a_failure() -> None:
    bench = contested(100)
    report = bench.run(record(document(1), 1))
    assert report.failed == ["1"]
    assert "was written by others 8 times in a row" in report.problems["u1"]
    assert "another function" in report.problems["u1"]


def test_what_another_worker_applied_in_between_is_not_applied_again() -> None:
    """A worker that was given up for dead goes on: both have the same batch."""
    bench = Bench()
    bench.run(record(document(0), 1))
    batch = [record(document(n), 1 + n) for n in (1, 2, 3)]
    stale = bench.enricher
    bench.restart()
    bench.run(*batch)
    report = stale.handle([*batch, record(document(9), 20)], NOW_MS)
    assert (report.applied, report.seen_before, report.conflicts) == (1, 3, 1)
    assert bench.count() == 5


# Stores that answer side by side.


class Parallel(MemoryStore):
    """A store that notes which threads write to it, and how many at a time."""

    parallel = 4

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.together = threading.Barrier(4, timeout=20)
        self.threads: set[int] = set()

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        self.together.wait()
        with self.lock:
            self.threads.add(threading.get_ident())
            return super().write(key, item, expected_version)


def test_writes_go_side_by_side_and_keep_to_their_keys() -> None:
    bench = Bench()
    store: Any = Parallel()
    bench.store = store
    bench.restart()
    batch = [record(document(n, f"u{n % 8}"), 10 + n) for n in range(16)]
    report = bench.run(*batch)
    assert (report.writes, report.failed) == (8, [])
    assert len(store.threads) == 4
    for n in range(8):
        assert bench.entry(f"u{n}").watermark == position(18 + n)


def test_an_error_that_nobody_foresaw_is_one_keys_failure() -> None:
    class Odd(MemoryStore):
        def item(self, key: Key, entry: Entry) -> Mapping[str, Attribute]:
            if key.storage == "u1":
                raise ZeroDivisionError("a bug")
            return super().item(key, entry)

    bench = Bench()
    odd: Any = Odd()
    bench.store = odd
    bench.restart()
    report = bench.run(record(document(1), 1), record(document(2, "u2"), 2))
    assert (report.failed, report.applied) == (["1"], 1)
    assert report.problems == {"u1": "ZeroDivisionError: a bug"}
