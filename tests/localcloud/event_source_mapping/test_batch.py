"""What follows from an outcome: retries, splits, progress, giving up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.event_source_mapping.batch import (
    NOT_INVOKED,
    Batch,
    Decision,
    Outcome,
    Step,
    backoff_s,
    decide,
    expired_prefix,
    without_prefix,
)
from localcloud.event_source_mapping.event import QueuedRecord

FAILED = Outcome(0, failed=True, error="ValueError")


def batch(count: int, *, first: int = 0, retries: int = 0, invocations: int = 0) -> Batch:
    records = tuple(QueuedRecord(n, str(n), n * 1000, b"{}") for n in range(first, first + count))
    return Batch(records, retries, invocations)


def spans(decision: Decision) -> list[tuple[int, int]]:
    """First and last ordinal of each batch that follows."""
    return [(b.records[0].ordinal, b.records[-1].ordinal) for b in decision.following]


def test_success_finishes_the_batch() -> None:
    decision = decide(batch(3), Outcome(3, failed=False), bisect=True, max_retries=0)
    assert decision == Decision(Step.DONE, done=3)


def test_a_failed_batch_is_retried_whole_after_a_pause() -> None:
    decision = decide(batch(3), FAILED, bisect=False, max_retries=2)
    assert (decision.step, decision.back_off, spans(decision)) == (Step.RETRY, True, [(0, 2)])
    assert (decision.following[0].retries, decision.following[0].invocations) == (1, 1)
    assert decision.following[0].again


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_it_is_given_up_when_its_retries_are_spent(max_retries: int) -> None:
    current, invocations = batch(2), 0
    while True:
        decision = decide(current, FAILED, bisect=False, max_retries=max_retries)
        invocations += 1
        if decision.step is Step.GIVE_UP:
            break
        (current,) = decision.following
    assert invocations == max_retries + 1
    assert decision.discarded == batch(2).records
    assert current.invocations + 1 == invocations


def test_minus_one_never_gives_up() -> None:
    decision = decide(batch(1, retries=10**6), FAILED, bisect=True, max_retries=-1)
    assert decision.step is Step.RETRY


def test_a_throttle_spends_nothing_and_never_splits() -> None:
    waiting = batch(4, retries=3, invocations=3)
    decision = decide(waiting, NOT_INVOKED, bisect=True, max_retries=3)
    assert (decision.step, decision.back_off, spans(decision)) == (Step.WAIT, True, [(0, 3)])
    assert (decision.following[0].retries, decision.following[0].invocations) == (3, 3)


def test_a_split_halves_the_batch_and_spends_no_retry() -> None:
    decision = decide(batch(5, retries=1, invocations=2), FAILED, bisect=True, max_retries=1)
    assert (decision.step, decision.back_off) == (Step.SPLIT, False)
    assert spans(decision) == [(0, 1), (2, 4)]
    assert [half.retries for half in decision.following] == [1, 1]
    assert [half.invocations for half in decision.following] == [0, 0]


def test_a_single_record_is_not_split_but_retried() -> None:
    assert decide(batch(1), FAILED, bisect=True, max_retries=1).step is Step.RETRY
    assert decide(batch(1), FAILED, bisect=True, max_retries=0).step is Step.GIVE_UP


@pytest.mark.parametrize("bisect", [False, True])
def test_after_progress_the_rest_is_a_new_batch_with_its_own_quota(bisect: bool) -> None:
    spent = batch(5, retries=3, invocations=4)
    decision = decide(spent, Outcome(2, failed=True), bisect=bisect, max_retries=3)
    assert (decision.step, decision.done, decision.back_off) == (Step.RESUME, 2, False)
    assert spans(decision) == [(2, 4)]
    assert (decision.following[0].retries, decision.following[0].invocations) == (0, 0)


def test_a_partial_answer_without_progress_counts_as_a_failure() -> None:
    stuck = Outcome(0, failed=True)
    assert decide(batch(4), stuck, bisect=False, max_retries=0).step is Step.GIVE_UP
    assert spans(decide(batch(4), stuck, bisect=True, max_retries=0)) == [(0, 1), (2, 3)]


@given(
    count=st.integers(1, 40),
    bad=st.sets(st.integers(0, 39)),
    max_retries=st.integers(0, 2),
    partial=st.booleans(),
)
def test_bisecting_isolates_exactly_the_bad_records(
    count: int, bad: set[int], max_retries: int, partial: bool
) -> None:
    pending, done, lost = [batch(count)], [], []
    invocations = 0
    while pending:
        current = pending.pop(0)
        invocations += 1
        failing = [n for n, r in enumerate(current.records) if r.ordinal in bad]
        succeeded = not failing
        progress = failing[0] if failing and partial else 0
        outcome = Outcome(len(current.records) if succeeded else progress, failed=not succeeded)
        decision = decide(current, outcome, bisect=True, max_retries=max_retries)
        done += [r.ordinal for r in current.records[: decision.done]]
        lost += [r.ordinal for r in decision.discarded]
        pending[:0] = decision.following
        assert invocations <= 4 * count * (max_retries + 2), "does not end"
    assert lost == sorted(bad & set(range(count)))
    assert done == sorted(set(range(count)) - bad)


def test_only_the_records_that_are_too_old_expire() -> None:
    three = batch(3)  # they arrived at 0, 1 and 2 s
    assert expired_prefix(three, 61_000, 60, None) == 1
    assert expired_prefix(three, 60_000, 60, None) == 0, "exactly as old as allowed is allowed"
    assert expired_prefix(three, 10**9, 60, None) == 3
    assert expired_prefix(three, 10**9, -1, None) == 0


def test_records_that_the_stream_no_longer_holds_expire() -> None:
    # 9, 10 and 11: as text, 9 would come last.
    three = batch(3, first=9)
    assert expired_prefix(three, 0, -1, "11") == 2
    assert expired_prefix(three, 0, -1, "9") == 0
    assert expired_prefix(three, 0, -1, "12") == 3


def test_what_is_left_after_expiry_keeps_its_history() -> None:
    spent = batch(3, retries=2, invocations=3)
    rest = without_prefix(spent, 1)
    assert rest is not None
    assert (len(rest.records), rest.retries, rest.invocations) == (2, 2, 3)
    assert without_prefix(spent, 3) is None


def test_the_back_off_doubles_up_to_a_bound() -> None:
    pauses = [backoff_s(n) for n in range(1, 12)]
    assert pauses[:3] == [0.1, 0.2, 0.4]
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert backoff_s(10_000) == 10.0
