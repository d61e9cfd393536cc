"""The ten traps of exactly-once over a stream, each with the test that catches it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from millrace.features.service import ttl_s
from millrace.features.sinks import Archive, Followed
from millrace.features.snapshot import snapshot
from millrace.kinesis import Position
from millrace.objects import MemoryObjects

from tests.features.streaming import (
    NOW_MS,
    Bench,
    Record,
    aggregate,
    document,
    position,
    record,
)


def events(count: int, user: str = "u1", start: int = 0) -> list[Record]:
    return [record(document(start + n, user), 100 + start + n) for n in range(count)]


def test_1_a_write_that_fails_leaves_the_warm_cache_as_it_was() -> None:
    bench = Bench()
    bench.run(*events(3))
    bench.store.fail_writes = lambda key: True
    report = bench.run(*events(2, start=3))
    assert report.answer == {"batchItemFailures": [{"itemIdentifier": "103"}]}
    bench.store.fail_writes = lambda key: False
    bench.run(*events(2, start=3))
    assert bench.count() == 5


@pytest.mark.parametrize("warm", [True, False])
def test_2_a_write_whose_answer_is_lost_counts_once(warm: bool) -> None:
    bench = Bench()
    bench.store.lose_answers = lambda key: True
    assert bench.run(*events(3)).failed == ["100"]
    bench.store.lose_answers = lambda key: False
    if not warm:
        bench.restart()
    report = bench.run(*events(3))
    assert report.answer == {"batchItemFailures": []}
    assert (bench.count(), bench.entry().version, report.seen_before) == (3, 1, 3)


def test_2_the_same_write_again_is_no_conflict() -> None:
    bench = Bench()
    bench.run(*events(3))
    entry = bench.entry()
    (group,) = bench.enricher._reader.read(events(3)).groups
    other = entry._replace(watermark=position(1))
    assert bench.store.write(group.key, bench.store.item(group.key, entry), 0) is None
    assert bench.store.write(group.key, bench.store.item(group.key, other), 0) is not None


def test_4_a_duplicate_that_the_state_skips_still_reaches_the_sinks() -> None:
    class Sink:
        def __init__(self) -> None:
            self.seen: list[tuple[str, int]] = []
            self.broken = True

        def take(self, followed: Followed) -> None:
            if self.broken:
                raise ConnectionError("crash between state and sink")
            self.seen.append((followed.key, followed.entry.profile.accepted))

    sink, archive = Sink(), MemoryObjects()
    bench = Bench(sinks=[sink], archive=Archive(archive))
    batch = [*events(2), record(document(9, "u2"), 200)]
    assert bench.run(*batch).failed == ["100", "200"]
    bench.restart()
    sink.broken = False
    archive.bodies.clear()
    report = bench.run(*batch)
    assert (report.seen_before, report.applied, report.writes) == (3, 0, 0)
    assert sorted(sink.seen) == [("u1", 2), ("u2", 1)]
    (body,) = archive.bodies.values()
    assert [json.loads(line)["event"]["eventId"] for line in body.splitlines()] == [
        "e0",
        "e1",
        "e9",
    ]


@pytest.mark.parametrize("seed", range(5))
def test_5_shuffled_lanes_of_mixed_partition_keys_equal_the_oracle(seed: int) -> None:
    rng = random.Random(seed)
    documents = [document(n, rng.choice(("u1", "u2"))) for n in range(60)]
    bench, straight = Bench(), Bench()
    keys = [rng.choice((one["userId"], "x", "y", "u1")) for one in documents]
    lanes: dict[str, list[Record]] = {}
    for sequence, (one, key) in enumerate(zip(documents, keys, strict=True), start=1000):
        lanes.setdefault(key, []).append(record(one, sequence, key=key))
    # Order is kept within a lane and nowhere else; each lane is delivered twice in parts.
    while lanes:
        key = rng.choice(sorted(lanes))
        taken = lanes[key][: rng.randint(1, 6)]
        lanes[key] = lanes[key][len(taken) :]
        if not lanes[key]:
            del lanes[key]
        bench.run(*taken)
        bench.run(*taken)
    straight.run(*[record(one, n) for n, one in enumerate(documents, start=1)])
    plan = bench.enricher._reader.plans[0]
    for user in ("u1", "u2"):
        expected = snapshot(straight.entry(user).profile, plan, NOW_MS)
        assert snapshot(bench.entry(user).profile, plan, NOW_MS) == expected


def test_5_aggregates_through_several_lanes_need_ids_and_say_so() -> None:
    bench = Bench(lanes=4)
    batch = [aggregate([document(1), document(2, eventId=None), document(3)], 500)]
    report = bench.run(*batch)
    assert (bench.count(), report.quarantined, bench.entry().watermark) == (2, 1, None)
    assert report.reasons == {"event-id-required": 1}
    assert "parallelisation factor" in bench.objects.records()[0]["message"]
    bench.restart()
    bench.run(*batch)
    assert bench.count() == 2


def test_5_another_partition_key_needs_an_id_and_says_so() -> None:
    bench = Bench()
    report = bench.run(record(document(1, eventId=None), 1, key="random"))
    assert report.quarantined == 1
    (kept,) = bench.objects.records()
    assert kept["reason"] == "event-id-required"
    assert "userId is not the partition key" in kept["message"]


@pytest.mark.parametrize("sequences", [(9, 10), (10**55 - 1, 10**55), (10**127, 10**128 - 1)])
def test_6_sequence_numbers_are_compared_as_integers(sequences: tuple[int, int]) -> None:
    bench = Bench()
    first, second = sequences
    bench.run(record(document(1, eventId=None), first))
    bench.restart()
    bench.run(record(document(2, eventId=None), second), record(document(3), second + 1))
    bench.run(record(document(1, eventId=None), first))
    assert bench.count() == 3


def test_6_a_stream_made_anew_may_start_at_one() -> None:
    bench = Bench()
    bench.run(record(document(1, eventId=None), 10**55))
    bench.restart()
    bench.streams.created_ms += 1000
    for _ in range(2):
        bench.run(record(document(2, eventId=None), 1), record(document(3, eventId=None), 2))
    assert bench.count() == 3


def test_6_a_warm_worker_finds_out_that_its_stream_was_made_anew() -> None:
    """Another worker knew it already; by the old time all new records would seem seen before."""
    bench = Bench()
    bench.run(record(document(1, eventId=None), 10**55))
    believed_ms, warm = bench.streams.created_ms, bench.enricher
    bench.restart()
    bench.streams.created_ms = bench.streams.anew_ms = believed_ms + 1000
    bench.run(record(document(2, eventId=None), 10**55 + 1))
    bench.enricher, bench.streams.created_ms = warm, believed_ms
    warm.cache.take("u1")
    batch = [record(document(3, eventId=None), 10**55 + 2), record(document(4, "u2"), 10**55 + 3)]
    report = bench.run(*batch)
    assert (report.failed, report.applied) == ([str(10**55 + 2)], 1)
    assert "was made later than" in report.problems["u1"]
    assert bench.run_until_done(batch).applied == 1
    assert (bench.count(), bench.entry().watermark) == (
        3,
        position(10**55 + 2, created_ms=1_600_000_001_000),
    )


@pytest.mark.parametrize("give_up_after_ms", [None, 0])
def test_6_a_second_stream_into_one_table_is_refused_not_lost(give_up_after_ms: int | None) -> None:
    bench = Bench(give_up_after_ms=give_up_after_ms)
    bench.run(record(document(1), 5))
    bench.streams.created_ms -= 1000  # and that is when it was made
    bench.streams.anew_ms = bench.streams.created_ms
    for _ in range(3):
        report = bench.run(record(document(2), 9))
        assert (report.failed, report.gave_up) == (["9"], 0)
    assert "two streams feed one table" in report.problems["u1"]
    assert bench.streams.forgotten >= 3


def test_6_positions_survive_as_text() -> None:
    positions = [position(10**n, shard=n % 3, sub=n) for n in (0, 55, 56, 127)]
    assert [Position.parse(str(one)) for one in positions] == positions


def test_7_one_sub_record_of_an_aggregate_fails() -> None:
    bench = Bench()
    users = ["a", "b", "c", "b", "e"]
    batch = [aggregate([document(n, user, eventId=None) for n, user in enumerate(users)], 77)]
    bench.store.fail_writes = lambda key: key == "b"
    assert bench.run(*batch).answer == {"batchItemFailures": [{"itemIdentifier": "77"}]}
    bench.store.fail_writes = lambda key: False
    bench.restart()
    report = bench.run(*batch)
    assert (report.applied, report.seen_before) == (2, 3)
    assert {user: bench.count(user) for user in "abce"} == {"a": 1, "b": 2, "c": 1, "e": 1}


def test_8_poison_counts_as_done_only_when_it_is_kept() -> None:
    bench = Bench()
    batch = [*events(1), record(b"{not json", 101), record(document(2), 102)]
    bench.objects.down = True
    assert bench.run(*batch).answer == {"batchItemFailures": [{"itemIdentifier": "101"}]}
    assert bench.count() == 2, "the others go on"
    bench.objects.down = False
    assert bench.run(*batch[1:]).answer == {"batchItemFailures": []}
    (kept,) = bench.objects.records()
    assert (kept["reason"], kept["sequenceNumber"]) == ("not-json", "101")
    assert (kept["shardId"], kept["text"]) == ("shardId-000000000000", "{not json")


def test_9_items_outlast_retention_and_windows_and_a_replay_after_expiry_counts_once() -> None:
    bench = Bench()
    day_s = 86_400
    for retention_h in (24, 8760):
        kept_s = ttl_s(bench.definitions, retention_h * 3600)
        assert kept_s > retention_h * 3600 + day_s
    bench.run(*events(3))
    # The item has expired in between, which a warm worker cannot know: its write finds out.
    bench.store.items.clear()
    later = [record(document(n + 50), 900 + n) for n in range(2)]
    for _ in range(2):
        assert bench.run(*later).answer == {"batchItemFailures": []}
    assert bench.count() == 2


PERMUTED = """
import itertools, json, sys
from tests.features.streaming import *
from millrace.features.snapshot import snapshot
values = [0.1, 0.2, 0.3, 1e9, -1e9]
documents = [
    document(n, at_ms=START_MS, metric=value, eventType="abcde"[n])
    for n, value in enumerate(values)
]
found = set()
for order in itertools.permutations(documents):
    bench = Bench()
    bench.run(*[record(one, n) for n, one in enumerate(order, start=1)])
    plan = bench.enricher._reader.plans[0]
    found.add(json.dumps(snapshot(bench.entry().profile, plan, NOW_MS), sort_keys=True))
    found.add(str(bench.store.items["u1"]["lastMetric"]) + bench.store.items["u1"]["lastEventType"])
print(sorted(found))
"""


def test_10_neither_order_nor_hash_seed_changes_a_feature() -> None:
    answers = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", PERMUTED],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(run.stdout)
    (answer,) = answers
    assert answer.count("metric_sum_24h") == 1, "one answer for 120 orders"
