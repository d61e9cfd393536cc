"""What follows a batch: sinks, holes, what a worker remembers, the report."""

from __future__ import annotations

from millrace.errors import Unavailable
from millrace.features.cache import EntryCache, weight_of
from millrace.features.entry import Entry, Hole
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.report import Report
from millrace.features.sinks import Archive, Followed

from tests.features.making import START_MS, event, folded
from tests.features.streaming import (
    NOW_MS,
    Bench,
    FlakyObjects,
    document,
    position,
    record,
)

HOUR_MS = 3_600_000


# Sinks and the archive.


class Sink:
    """Remembers what it took; fails for some keys."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.taken: list[tuple[str, int]] = []

    def take(self, followed: Followed) -> None:
        if followed.key in self.failing:
            raise Unavailable(f"the sink is down for {followed.key}")
        self.taken.append((followed.key, followed.entry.profile.accepted))


def test_a_sink_that_fails_for_a_user_brings_that_user_again() -> None:
    sink, other = Sink("u1"), Sink()
    bench = Bench(sinks=[sink, other])
    batch = [record(document(n, f"u{n % 2}"), 10 + n) for n in range(4)]
    report = bench.run(*batch)
    assert (report.failed, report.applied) == (["11"], 4)
    assert sink.taken == [("u0", 2)]
    assert sorted(other.taken) == [("u0", 2), ("u1", 2)]
    sink.failing.clear()
    report = bench.run_until_done(batch)
    assert (report.applied, sink.taken[-1]) == (0, ("u1", 2))
    assert bench.count("u1") == 2


def test_no_sink_takes_what_is_not_stored() -> None:
    sink = Sink()
    bench = Bench(sinks=[sink])
    bench.store.fail_writes = lambda key: key == "u1"
    bench.run(record(document(1), 1), record(document(2, "u2"), 2))
    assert sink.taken == [("u2", 1)]


def test_an_archive_that_fails_brings_everything_again_and_counts_nothing_twice() -> None:
    objects = FlakyObjects()
    bench = Bench(archive=Archive(objects))
    batch = [record(document(1), 5), record(b"{", 6), record(document(2), 7)]
    objects.down = True
    report = bench.run(*batch)
    assert (report.failed, report.applied) == (["5"], 2)
    assert "the archive" in report.problems
    objects.down = False
    assert bench.run_until_done(batch).applied == 0
    (body,) = objects.bodies.values()
    assert body.count(b"\n") == 2, "poison is in quarantine, not in the archive"
    assert bench.count() == 2


# Giving up.


def test_giving_up_covers_what_was_not_dealt_with_and_nothing_else() -> None:
    bench = Bench(give_up_after_ms=HOUR_MS)
    bench.run(record(document(1), 1), record(document(2), 2))
    bench.store.fail_writes = lambda key: key == "u1"
    batch = [record(document(n), n) for n in (1, 2, 3, 4)]
    report = bench.run(*batch, now_ms=NOW_MS + HOUR_MS)
    assert (report.gave_up, report.failed) == (2, [])
    assert report.problems["u1"].startswith("given up: throttled")
    assert bench.entry().holes == (Hole(position(2), position(4)),)
    (kept,) = bench.objects.records("gave-up")
    assert [one["sequenceNumber"] for one in kept["records"]] == ["3", "4"]
    assert (kept["entity"], kept["key"], kept["hole"]) == (
        "user",
        "u1",
        str(Hole(position(2), position(4))),
    )
    again = bench.run(*batch, now_ms=NOW_MS + HOUR_MS)
    assert (again.gave_up, again.failed, again.seen_before) == (0, [], 4)


def test_what_has_no_order_cannot_be_given_up() -> None:
    bench = Bench(give_up_after_ms=0)
    bench.store.fail_writes = lambda key: key == "u1"
    report = bench.run(record(document(1), 1), record(document(2), 2, key="lane"))
    assert (report.failed, report.gave_up) == (["1"], 0)
    assert "without an order cannot be given up" in report.problems["u1"]
    assert bench.store.items == {}


def test_a_hole_is_the_users_own() -> None:
    bench = Bench(give_up_after_ms=0)
    bench.store.fail_writes = lambda key: key == "u1"
    report = bench.run(record(document(1), 1), record(document(2, "u2"), 2))
    assert (report.gave_up, report.applied) == (1, 1)
    assert bench.entry("u2").holes == ()


# What a worker remembers.


def entry(version: int) -> Entry:
    return Entry(Profile(0), version=version)


def test_a_cache_keeps_the_most_recently_used() -> None:
    cache = EntryCache(most=3)
    for name in "abc":
        cache.put(name, entry(1))
    assert cache.get("a") is not None
    cache.put("d", entry(1))
    assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]
    cache.put("a", entry(2))
    found = cache.get("a")
    assert found is not None
    assert (found.version, len(cache)) == (2, 3)
    assert cache.take("a") is found
    assert cache.take("nothing") is None
    assert (cache.get("a"), len(cache)) == (None, 2)


def test_a_busy_users_entry_weighs_as_much_as_many_others(shipped: Plan) -> None:
    burst = [event(n, START_MS + n * 10, "view", n) for n in range(4000)]
    busy, quiet = Entry(folded(burst, shipped)), Entry(folded(burst[:30], shipped))
    assert (weight_of(quiet), weight_of(entry(1))) == (1, 1)
    assert 50 < weight_of(busy) < 100
    cache = EntryCache(most=100)
    for n in range(90):
        cache.put(f"quiet-{n}", quiet)
    cache.put("busy", busy)
    assert len(cache) == 1 + 100 - weight_of(busy)
    cache.put("busy", quiet)
    for n in range(200, 300):
        cache.put(f"quiet-{n}", quiet)
    assert len(cache) == 100
    alone = EntryCache(most=1)
    alone.put("busy", busy)
    assert alone.get("busy") is busy, "the newest is always remembered"


def test_a_cache_too_small_for_a_batch_costs_reads_and_nothing_else() -> None:
    bench = Bench(cache=EntryCache(most=2))
    batches = [
        [record(document(10 * b + n, f"u{n}"), 10 * b + n) for n in range(5)] for b in (1, 2)
    ]
    for batch in batches:
        assert bench.run(*batch).failed == []
    assert bench.store.reads >= 8
    assert {bench.count(f"u{n}") for n in range(5)} == {2}


# The report.


def test_a_report_keeps_a_few_problems_and_every_failure() -> None:
    report = Report()
    for n in range(50):
        report.failure(str(100 - n), f"u{n}", ValueError(f"no {n}"))
    assert len(report.failed) == 50
    assert len(report.problems) == 20
    assert report.problems["u0"] == "ValueError: no 0"
    assert report.answer == {"batchItemFailures": [{"itemIdentifier": "51"}]}
    assert report.summary == {
        "failed": 50,
        "problems": report.problems,
        "batchItemFailures": [{"itemIdentifier": "51"}],
    }
