"""Sequence numbers: 56 digits, ever larger, larger in children, and telling their shard."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kinesis.errors import InvalidArgument
from localcloud.kinesis.sequence import DIGITS, Origin, Sequencer, before, origin_of, padded

TIMES = st.integers(0, 4_102_444_800_000)
ORIGINS = st.builds(Origin, TIMES, st.integers(0, 1 << 20))


@given(ORIGINS, st.lists(TIMES, max_size=20))
def test_numbers_grow_whatever_the_clock_does(origin: Origin, arrivals: list[int]) -> None:
    sequencer = Sequencer(origin)
    issued = [sequencer.starting, *(sequencer.next(arrival) for arrival in arrivals)]
    assert all(len(number) == DIGITS for number in issued)
    assert all(earlier < later for earlier, later in pairwise(issued))
    assert all(int(earlier) < int(later) for earlier, later in pairwise(issued))
    assert {origin_of(number) for number in issued} == {origin}


@given(ORIGINS, st.lists(TIMES, min_size=1, max_size=20), st.integers(0, 1 << 20))
def test_a_shard_born_later_has_larger_numbers_throughout(
    origin: Origin, arrivals: list[int], index: int
) -> None:
    parent, child = Sequencer(origin), Sequencer(Origin(origin.birth_ms + 1, index))
    for arrival in arrivals:
        parent.next(arrival)
    assert parent.last < child.starting


def test_numbers_grow_with_time_across_the_shards_of_one_birth() -> None:
    first, second = Sequencer(Origin(1_000, 0)), Sequencer(Origin(1_000, 1))
    assert first.next(2_000) < second.next(2_001) < first.next(2_002)


@given(st.integers(0, 10**DIGITS - 1), st.integers(0, 10**DIGITS - 1))
def test_padded_numbers_compare_like_integers(one: int, other: int) -> None:
    assert (padded(str(one)) < padded(str(other))) == (one < other)


@given(st.integers(1, 10**DIGITS - 1))
def test_before_is_one_less(number: int) -> None:
    assert int(before(str(number))) == number - 1


def test_numbers_of_other_lengths_stand_before_and_after_all_of_ours() -> None:
    ours = Sequencer(Origin(1_704_153_600_000, 3)).starting
    assert padded("1") < ours < padded("1" * 128)
    assert padded("000" + ours) == ours
    assert origin_of("1") is None
    assert origin_of("1" * 128) is None


@pytest.mark.parametrize("text", ["", "-1", "1.5", "abc", "١٢"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="decimal digits"):
        padded(text)
