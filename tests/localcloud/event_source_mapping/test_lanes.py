"""Lanes: batch limits, windows, order per key, and a checkpoint that never lies."""

from __future__ import annotations

import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from localcloud.event_source_mapping.batch import Batch, Decision, Outcome, Step, decide
from localcloud.event_source_mapping.event import PAYLOAD_LIMIT_BYTES, QueuedRecord, event_of
from localcloud.event_source_mapping.lanes import Checkpointer, Lanes

NOW_MS = 1_704_153_600_000


def lanes(
    *, factor: int = 1, batch_size: int = 100, window_s: int = 0, position: str | None = None
) -> Lanes:
    return Lanes(
        factor=factor,
        batch_size=batch_size,
        window_s=window_s,
        position=position,
        now_ms=NOW_MS,
    )


def records(count: int, *, first: int = 0, size: int = 2) -> list[tuple[str, QueuedRecord]]:
    entry = b"x" * size
    numbers = range(first, first + count)
    return [(f"k{n}", QueuedRecord(n, str(n), NOW_MS, entry)) for n in numbers]


def done(batch: Batch) -> Decision:
    return Decision(Step.DONE, done=len(batch.records))


def finish(lanes: Lanes, lane: int, batch: Batch, now_ms: int = NOW_MS) -> None:
    lanes.settle(lane, batch.records, done(batch), now_ms)


def test_without_a_window_a_batch_is_due_at_once_with_what_is_there() -> None:
    shard = lanes(batch_size=10)
    assert shard.due_ms(0) is None
    shard.add(records(3), NOW_MS + 5)
    due_ms = shard.due_ms(0)
    assert due_ms is not None
    assert due_ms <= NOW_MS + 5
    assert len(shard.take(0).records) == 3


def test_a_batch_has_no_more_than_its_size_and_the_next_waits_for_it() -> None:
    shard = lanes(batch_size=10)
    shard.add(records(25), NOW_MS)
    sizes = []
    while shard.due_ms(0) is not None:
        batch = shard.take(0)
        assert shard.due_ms(0) is None, "one batch in flight"
        sizes.append(len(batch.records))
        finish(shard, 0, batch)
    assert sizes == [10, 10, 5]


def test_an_event_stays_within_six_megabytes() -> None:
    shard = lanes(batch_size=10_000, window_s=60)
    shard.add(records(13, size=1_000_000), NOW_MS)
    assert shard.due_ms(0) == NOW_MS, "a batch that is full by size does not wait for the window"
    first = shard.take(0)
    assert len(first.records) == 6
    assert len(event_of(first.records)) <= PAYLOAD_LIMIT_BYTES
    finish(shard, 0, first)
    second = shard.take(0)
    assert len(second.records) == 6
    finish(shard, 0, second)
    assert shard.due_ms(0) == NOW_MS + 60_000, "what is left is less than a batch"


def test_the_limit_is_exact() -> None:
    fits = PAYLOAD_LIMIT_BYTES - len(event_of([])) - 1
    shard = lanes()
    shard.add(records(1, size=fits - 2) + records(1, first=1, size=2), NOW_MS)
    assert len(event_of(shard.take(0).records)) == PAYLOAD_LIMIT_BYTES
    shard = lanes()
    shard.add(records(1, size=fits - 1) + records(1, first=1, size=2), NOW_MS)
    assert len(shard.take(0).records) == 1


def test_a_record_that_is_too_large_for_any_event_goes_alone() -> None:
    shard = lanes()
    shard.add(records(1) + records(1, first=1, size=7_000_000) + records(1, first=2), NOW_MS)
    sizes = []
    for _ in range(3):
        batch = shard.take(0)
        sizes.append(len(batch.records))
        finish(shard, 0, batch)
    assert sizes == [1, 1, 1]


def test_a_window_ends_a_fixed_time_after_it_opened() -> None:
    shard = lanes(window_s=5)
    shard.add(records(1), NOW_MS + 1_000)
    assert shard.due_ms(0) == NOW_MS + 5_000
    shard.add(records(1, first=1), NOW_MS + 4_000)
    assert shard.due_ms(0) == NOW_MS + 5_000, "later records do not prolong it"


def test_an_empty_window_is_followed_by_the_next() -> None:
    shard = lanes(window_s=5)
    shard.add(records(1), NOW_MS + 12_000)
    assert shard.due_ms(0) == NOW_MS + 15_000


def test_the_next_window_opens_when_the_invocation_completes() -> None:
    shard = lanes(window_s=5)
    shard.add(records(1), NOW_MS)
    batch = shard.take(0)
    shard.add(records(1, first=1), NOW_MS + 6_000)
    finish(shard, 0, batch, NOW_MS + 7_000)
    assert shard.due_ms(0) == NOW_MS + 12_000


def test_a_full_batch_does_not_wait_for_the_window() -> None:
    shard = lanes(batch_size=3, window_s=300)
    shard.add(records(3), NOW_MS)
    assert shard.due_ms(0) == NOW_MS


def test_a_retry_waits_for_its_back_off_only_and_holds_back_what_came_later() -> None:
    shard = lanes(batch_size=2, window_s=30)
    shard.add(records(4), NOW_MS)
    first = shard.take(0)
    failed = Outcome(0, failed=True)
    shard.settle(0, (), decide(first, failed, bisect=False, max_retries=-1), NOW_MS)
    assert shard.due_ms(0) == NOW_MS + 100
    retry = shard.take(0)
    assert retry.records == first.records
    shard.settle(0, (), decide(retry, failed, bisect=False, max_retries=-1), NOW_MS + 100)
    assert shard.due_ms(0) == NOW_MS + 300, "the back-off grows with each failure in a row"
    finish(shard, 0, shard.take(0), NOW_MS + 300)
    assert [r.ordinal for r in shard.take(0).records] == [2, 3]


def test_the_back_off_starts_anew_after_progress() -> None:
    shard = lanes()
    shard.add(records(3), NOW_MS)
    for outcome in (Outcome(0, failed=True), Outcome(0, failed=True), Outcome(1, failed=True)):
        batch = shard.take(0)
        decision = decide(batch, outcome, bisect=False, max_retries=-1)
        shard.settle(0, batch.records[: decision.done], decision, NOW_MS)
    assert shard.due_ms(0) == NOW_MS, "no pause after progress"
    rest = shard.take(0)
    retry = decide(rest, Outcome(0, failed=True), bisect=False, max_retries=-1)
    shard.settle(0, (), retry, NOW_MS)
    assert shard.due_ms(0) == NOW_MS + 100


def test_a_key_is_always_in_the_same_lane_and_keys_spread_over_all() -> None:
    for factor in range(1, 11):
        shard = lanes(factor=factor)
        chosen = [shard.lane_of(f"user-{n}") for n in range(500)]
        assert chosen == [lanes(factor=factor).lane_of(f"user-{n}") for n in range(500)]
        assert set(chosen) == set(range(factor))


def test_room_shrinks_with_what_is_read_and_comes_back_when_it_is_finished() -> None:
    shard = lanes(batch_size=10)
    room = shard.room
    assert room >= 1_000
    shard.add(records(room), NOW_MS)
    assert shard.room == 0
    finish(shard, 0, shard.take(0))
    assert shard.room == 10


def test_large_records_take_the_room_by_their_bytes() -> None:
    shard = lanes(batch_size=10_000)
    shard.add(records(67, size=1_000_000), NOW_MS)
    assert shard.room > 0
    shard.add(records(1, first=67, size=1_000_000), NOW_MS)
    assert shard.room == 0


@given(st.permutations(range(12)), st.integers(1, 4))
def test_the_checkpoint_is_the_end_of_the_finished_prefix(order: list[int], step: int) -> None:
    checkpointer = Checkpointer("start")
    read = [record for _, record in records(12)]
    for record in read:
        checkpointer.add(record)
    finished: set[int] = set()
    for at in range(0, 12, step):
        part = order[at : at + step]
        checkpointer.finish(read[n] for n in part)
        finished.update(part)
        prefix = next((n for n in range(12) if n not in finished), 12)
        assert checkpointer.position == ("start" if prefix == 0 else str(prefix - 1))
        assert checkpointer.unfinished == 12 - prefix


@given(
    keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    factor=st.integers(1, 5),
    batch_size=st.integers(1, 7),
    rng=st.randoms(use_true_random=False),
)
def test_whatever_fails_each_key_keeps_its_order_and_nothing_is_lost(
    keys: list[str], factor: int, batch_size: int, rng: random.Random
) -> None:
    shard = lanes(factor=factor, batch_size=batch_size)
    read = [(key, QueuedRecord(n, str(n), NOW_MS, b"{}")) for n, key in enumerate(keys)]
    key_of = {record.ordinal: key for key, record in read}
    waiting, in_flight, now_ms = list(read), dict[int, Batch](), NOW_MS
    finished: list[int] = []
    while waiting or not shard.empty:
        if waiting and rng.random() < 0.3:
            shard.add([waiting.pop(0)], now_ms)
        for lane in range(factor):
            if shard.due_ms(lane) is not None and (shard.due_ms(lane) or 0) <= now_ms:
                in_flight[lane] = shard.take(lane)
        if in_flight:
            lane = rng.choice(sorted(in_flight))
            batch = in_flight.pop(lane)
            good = rng.randint(0, len(batch.records))
            outcome = Outcome(good, failed=good < len(batch.records))
            decision = decide(batch, outcome, bisect=True, max_retries=20)
            finished += [r.ordinal for r in batch.records[: decision.done]]
            finished += [r.ordinal for r in decision.discarded]
            over = (*batch.records[: decision.done], *decision.discarded)
            shard.settle(lane, over, decision, now_ms)
            expected = next((n for n in range(len(keys)) if n not in set(finished)), len(keys))
            assert shard.checkpoint == (None if expected == 0 else str(expected - 1))
        now_ms += 50
    assert sorted(finished) == list(range(len(keys)))
    by_key: dict[str, list[int]] = defaultdict(list)
    for ordinal in finished:
        by_key[key_of[ordinal]].append(ordinal)
    assert all(ordinals == sorted(ordinals) for ordinals in by_key.values())
