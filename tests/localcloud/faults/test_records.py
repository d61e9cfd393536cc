"""Spoiled streams lose nothing, keep their promises about bounds, and can be repeated."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from localcloud.faults.records import (
    delayed_beyond,
    duplicated,
    interleaved,
    reordered_within,
)

Event = tuple[float, int]

seeds = st.integers(0, 1000)
shares = st.sampled_from([0.0, 0.1, 0.5, 1.0])
# (event time, identity), in the order of their times as a well-behaved producer sends them
events = st.lists(st.floats(0, 1000), max_size=60).map(
    lambda times: [(time, number) for number, time in enumerate(sorted(times))]
)


def time_of(event: Event) -> float:
    return event[0]


@given(events, seeds, shares, st.integers(1, 20))
def test_duplicates_come_once_more_within_the_bound(
    records: Sequence[Event], seed: int, share: float, within: int
) -> None:
    out = list(duplicated(records, seed=seed, probability=share, within=within))
    assert list(dict.fromkeys(out)) == list(records), "the originals keep their order"
    counts = Counter(out)
    assert set(counts.values()) <= {1, 2}
    for record in (record for record, times in counts.items() if times == 2):
        first, second = (index for index, each in enumerate(out) if each == record)
        originals_between = sum(
            each not in out[:index] for index, each in _between(out, first, second)
        )
        assert originals_between <= within
    if share == 1.0:
        assert set(counts.values()) <= {2}
    if share == 0.0:
        assert out == list(records)


def _between(out: Sequence[Event], first: int, second: int) -> list[tuple[int, Event]]:
    return list(enumerate(out))[first + 1 : second]


@given(events, seeds, shares, st.floats(0.1, 200))
def test_reordering_within_a_bound_never_leaves_it(
    records: Sequence[Event], seed: int, share: float, bound: float
) -> None:
    out = list(
        reordered_within(records, seed=seed, probability=share, bound=bound, position=time_of)
    )
    assert Counter(out) == Counter(records)
    furthest = float("-inf")
    for time, _ in out:
        assert furthest - time <= bound
        furthest = max(furthest, time)


@given(events, seeds, shares, st.floats(0.1, 200))
def test_delays_beyond_a_bound_are_beyond_it_unless_the_stream_ends(
    records: Sequence[Event], seed: int, share: float, bound: float
) -> None:
    ended = False

    def source() -> Iterator[Event]:
        nonlocal ended
        yield from records
        ended = True

    out = []
    furthest = float("-inf")
    for event in delayed_beyond(
        source(), seed=seed, probability=share, bound=bound, position=time_of
    ):
        out.append(event)
        if not ended:
            assert event[0] >= furthest or furthest - event[0] > bound, "in place or beyond"
            furthest = max(furthest, event[0])
    assert Counter(out) == Counter(records)


def test_delays_beyond_a_bound_do_happen() -> None:
    records = [(float(second), second) for second in range(600)]
    out = list(delayed_beyond(records, seed=5, probability=0.1, bound=60, position=time_of))
    beyond = [event for index, event in enumerate(out) if event[0] < max(out[: index + 1])[0] - 60]
    assert 30 < len(beyond) < 90


def test_reordering_does_happen() -> None:
    records = [(float(second), second) for second in range(600)]
    out = list(reordered_within(records, seed=5, probability=0.3, bound=60, position=time_of))
    assert sum(a > b for a, b in itertools.pairwise(out)) > 50
    furthest = itertools.accumulate((second for second, _ in out), max)
    behind = [far - second for far, (second, _) in zip(furthest, out, strict=True)]
    assert 50 < max(behind) <= 60, "the bound is used, and kept"


@given(events, seeds)
def test_the_same_seed_gives_the_same_stream(records: Sequence[Event], seed: int) -> None:
    def spoil() -> list[Event]:
        twice = duplicated(iter(records), seed=seed, probability=0.5)
        mixed = reordered_within(twice, seed=seed, probability=0.5, bound=9, position=time_of)
        return list(interleaved(mixed, lambda n: (-1.0, n), seed=seed, probability=0.3))

    assert spoil() == spoil()


def test_extra_records_are_numbered_and_nothing_else_changes() -> None:
    out = list(interleaved(range(100), lambda n: -1 - n, seed=1, probability=0.25))
    extra = [each for each in out if each < 0]
    assert [each for each in out if each >= 0] == list(range(100))
    assert extra == [-1 - n for n in range(len(extra))]
    assert 10 < len(extra) < 40


def test_the_functions_do_not_wait_for_the_end_of_the_stream() -> None:
    def endless() -> Iterator[Event]:
        number = 0
        while True:
            yield float(number), number
            number += 1

    stream = duplicated(endless(), seed=1, probability=0.5, within=5)
    stream = reordered_within(stream, seed=1, probability=0.5, bound=5, position=time_of)
    stream = delayed_beyond(stream, seed=1, probability=0.5, bound=5, position=time_of)
    assert len([next(stream) for _ in range(1000)]) == 1000
