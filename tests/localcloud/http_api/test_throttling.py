"""The token bucket keeps to its rate and burst."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localcloud.http_api.throttling import Bucket, Rate


def test_a_burst_and_then_the_rate() -> None:
    bucket = Bucket(Rate(per_s=2.0, burst=3))
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.4), bucket.take(10.5), bucket.take(10.5)] == [False, True, False]
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    bucket = Bucket(Rate(per_s=1.0, burst=1))
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert bucket.take(51.0)


@given(st.floats(0.5, 50), st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_stretch_of_time_gets_more_than_its_share(
    per_s: float, burst: int, gaps: list[float]
) -> None:
    bucket = Bucket(Rate(per_s, burst))
    now = 0.0
    taken: list[float] = []
    for gap in gaps:
        now += gap
        if bucket.take(now):
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            share = burst + per_s * (taken[last] - taken[first])
            assert last - first + 1 <= share + 1e-6
