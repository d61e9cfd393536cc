"""Distinct counts: exact to 64, and beyond it an estimate of the error that is stated."""

from __future__ import annotations

import random
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.features.distinct import (
    EXACT,
    STANDARD_ERROR,
    Distinct,
    K,
    _lane_mask,
    _needed,
    hash32,
    hashes32,
)

FLOOR_S = 1_700_000_000
DAY_S = 86_400
# Identities at the ends of what a column, a category or a lane can hold.
EDGES = (0, 1, -1, 2**32, 2**48 - 1, 2**62 - 1, 1 - 2**62, 2**63 - 1, -(2**63), 2**64 - 1)


def counter(seen: list[tuple[int, int]], batch: int = 50) -> Distinct:
    """A counter that has seen (identity, second), settled after every batch."""
    found = Distinct()
    for start in range(0, len(seen), batch):
        part = seen[start : start + batch]
        found = found.copy()
        found.add([identity for identity, _ in part], [second for _, second in part])
        found.settle(FLOOR_S)
    return found


def exact(seen: list[tuple[int, int]], starts_s: list[int]) -> list[int]:
    return [len({identity for identity, second in seen if second >= start}) for start in starts_s]


def stored(found: Distinct) -> Distinct:
    return Distinct.unpacked(found.packable())


IDENTITIES = st.sampled_from((3, 64, 65, 200))
SEEDS = st.integers(0, 2**32)
STARTS_S = [FLOOR_S + DAY_S - back for back in (60, 3600, 20_000, DAY_S)]


def history(seed: int, count: int, identities: int) -> list[tuple[int, int]]:
    """Values at random in the day before the last start, in order of time."""
    rng = random.Random(seed)
    values = [rng.randrange(-(2**63), 2**63) for _ in range(identities)]
    times = sorted(rng.randrange(FLOOR_S, FLOOR_S + DAY_S) for _ in range(count))
    return [(rng.choice(values), second) for second in times]


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 400), IDENTITIES, st.sampled_from((1, 7, 500)))
def test_a_window_of_at_most_64_values_is_exact(
    seed: int, count: int, identities: int, batch: int
) -> None:
    seen = history(seed, count, identities)
    found = counter(seen, batch)
    for one in (found, stored(found)):
        for got, true in zip(one.counts_since(STARTS_S), exact(seen, STARTS_S), strict=True):
            if true <= EXACT:
                assert got == true
            else:
                assert got > EXACT


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 400), IDENTITIES, st.sampled_from((1, 7, 500)), SEEDS)
def test_neither_order_nor_batches_nor_storing_changes_an_estimate(
    seed: int, count: int, identities: int, batch: int, other_seed: int
) -> None:
    seen = history(seed, count, identities)
    shuffled = seen[:]
    random.Random(other_seed).shuffle(shuffled)
    expected = counter(seen).counts_since(STARTS_S)
    assert counter(shuffled, batch).counts_since(STARTS_S) == expected
    interrupted = counter(seen[: count // 2], batch)
    rest = seen[count // 2 :]
    for found in (interrupted, stored(interrupted)):
        after = found.copy()
        if rest:
            after.add([identity for identity, _ in rest], [second for _, second in rest])
            after.settle(FLOOR_S)
        assert after.counts_since(STARTS_S) == expected


@settings(max_examples=40)
@given(SEEDS, st.integers(100, 600))
def test_a_longer_window_never_holds_less(seed: int, count: int) -> None:
    found = counter(history(seed, count, 5000))
    starts_s = list(range(FLOOR_S + DAY_S, FLOOR_S - 1, -DAY_S // 40))
    counts = found.counts_since(starts_s)
    assert counts == sorted(counts)


@pytest.mark.parametrize("values", [200, 1000, 10_000])
def test_the_error_is_the_one_that_is_stated(values: int) -> None:
    """Over 150 sets of values: no bias, and the standard deviation within sampling's reach."""
    errors = []
    for seed in range(150):
        rng = random.Random(seed * 7919 + values)
        seen = [(rng.randrange(2**64) - 2**63, FLOOR_S + 5) for _ in range(values)]
        (count,) = counter(seen, 2000).counts_since([FLOOR_S])
        errors.append(count / values - 1)
    assert pytest.approx(0.127, abs=5e-4) == STANDARD_ERROR
    # A standard deviation of 150 samples is itself within 1 ± 0.06 (one sigma).
    assert STANDARD_ERROR * 0.65 < pstdev(errors) < STANDARD_ERROR * 1.25
    assert abs(fmean(errors)) < 4 * STANDARD_ERROR / 150**0.5
    assert max(map(abs, errors)) < 5 * STANDARD_ERROR


def test_repetitions_are_counted_once_and_last_as_long_as_their_last() -> None:
    found = counter([(n % 70, FLOOR_S + n) for n in range(700)])
    assert found.counts_since([FLOOR_S + 699, FLOOR_S + 640, FLOOR_S + 636]) == [1, 60, 64]
    (all_of_them,) = found.counts_since([FLOOR_S])
    assert all_of_them > EXACT


def test_a_counter_forgets_what_no_window_reaches() -> None:
    found = counter([(n, FLOOR_S + n) for n in range(2000)])
    full = len(repr(found.packable()))
    found.add(list(range(10)), [FLOOR_S + DAY_S] * 10)
    found.settle(FLOOR_S + DAY_S)
    found.add(list(range(10, 200)), [FLOOR_S + DAY_S] * 190)
    found.settle(FLOOR_S + DAY_S)
    assert found.counts_since([FLOOR_S + DAY_S])[0] == pytest.approx(200, rel=5 * STANDARD_ERROR)
    few = Distinct()
    few.add([1], [FLOOR_S])
    few.settle(FLOOR_S)
    assert len(repr(few.packable())) < full / 20


def test_size_is_bounded_whatever_comes() -> None:
    rng = random.Random(1)
    seen = [(rng.randrange(2**63), FLOOR_S + n // 4) for n in range(30_000)]
    found = counter(seen, 500)
    _, recent, _, tail, _, _, sketch = found.packable()
    assert isinstance(recent, list)
    assert isinstance(tail, list)
    assert isinstance(sketch, bytes)
    assert len(recent) <= 2 * (EXACT + 1)
    assert len(tail) <= 64
    # K (1 + ln(n / K)) hashes of eight bytes are expected to be needed.
    assert len(sketch) / 8 < 64 * 12


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=2, max_size=50))
def test_hashes_are_32_bits(identities: list[int]) -> None:
    hashes = [hash32(identity) for identity in identities]
    assert all(0 <= hashed < 2**32 for hashed in hashes)
    assert [hash32(identity) for identity in identities] == hashes


def test_hashes_are_uniform() -> None:
    """In sixteen buckets the hashes of 16,000 small numbers: 1,000 each, give or take 5 sigma."""
    buckets = [0] * 16
    for identity in range(16_000):
        buckets[hash32(identity) >> 28] += 1
    assert all(abs(count - 1000) < 5 * 31 for count in buckets)


@pytest.mark.parametrize("length", [1, 7, 12])
def test_a_damaged_sketch_is_an_error(length: int) -> None:
    values = list(counter([(n, FLOOR_S) for n in range(500)]).packable())
    values[6] = bytes(length)
    with pytest.raises(ValueError, match=f"a sketch of {length} bytes"):
        Distinct.unpacked(values)


@given(st.lists(st.integers(-(2**63), 2**64 - 1) | st.sampled_from(EDGES), max_size=300))
def test_hashes_side_by_side_are_the_hashes_of_each(identities: list[int]) -> None:
    assert hashes32(identities) == [hash32(identity) for identity in identities]


def test_a_worker_that_sees_batches_of_all_sizes_remembers_little() -> None:
    for size in range(1, 2000):
        hashes32([-size] * size)
    assert _lane_mask.cache_info().currsize <= 32


@given(SEEDS, st.integers(0, 300), st.sampled_from((80, 2**32)))
def test_what_a_sketch_keeps_is_what_a_window_to_come_may_need(
    seed: int, count: int, most: int
) -> None:
    """Every hash but those of which 64 smaller ones were seen as recently, or before them here."""
    rng = random.Random(seed)
    hashes = rng.sample(range(most), min(count, most))
    seen = [(hashed, -place // 3) for place, hashed in enumerate(hashes)]
    needed = [
        one
        for place, one in enumerate(seen)
        if sum(hashed < one[0] for hashed, _ in seen[:place]) < K
    ]
    assert _needed(seen) == needed
