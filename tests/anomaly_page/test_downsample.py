"""Fewer points: every flagged one and every peak stays, and so does the order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cli.anomaly_page.charts import COLUMNS, document
from cli.anomaly_page.downsample import Drawn, thinned


def point(time_ms: int, value: float, *, flagged: bool = False, late: bool = False) -> Drawn:
    return Drawn(time_ms, value, None, None, None, None, flagged, late, False, f"e{time_ms}", "why")


POINTS = st.lists(
    st.tuples(st.integers(0, 10**6), st.floats(-1e9, 1e9), st.booleans(), st.booleans())
).map(lambda rows: [point(t, v, flagged=f, late=late) for t, v, f, late in sorted(rows)])


@given(POINTS, st.integers(1, 20))
def test_what_is_kept_is_there_in_order_with_all_that_is_flagged(
    points: list[Drawn], buckets: int
) -> None:
    kept = thinned(points, buckets)
    places = [next(i for i, one in enumerate(points) if one is keep) for keep in kept]
    assert places == sorted(set(places))
    assert {id(one) for one in points if one.flagged} <= {id(one) for one in kept}
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    plain = [one.value for one in points if not one.late]
    if plain:
        shown = [one.value for one in kept if not one.late]
        assert (min(shown), max(shown)) == (min(plain), max(plain))


def test_a_hundred_thousand_points_are_few_and_keep_what_matters() -> None:
    rng = random.Random(5)
    points = [point(i * 1000, rng.gauss(0, 1), flagged=i % 997 == 0) for i in range(100_000)]
    points[54_321] = point(54_321_000, 99.0)
    found = document(points, [], complete=True)
    times, values = found["time_ms"], found["value"]
    assert isinstance(times, list)
    assert isinstance(values, list)
    assert len(times) <= 4 * (COLUMNS + 1) + 101
    assert (times[values.index(99.0)], found["points"]) == (54_321_000, 100_000)
    flagged = found["flagged"]
    assert isinstance(flagged, list)
    assert [one["id"] for one in flagged] == [f"e{i * 1000}" for i in range(0, 100_000, 997)]


def test_one_moment_with_many_points_is_no_trouble() -> None:
    assert len(thinned([point(7, float(i)) for i in range(5000)], 10)) <= 4


def test_a_line_is_broken_at_a_gap_also_where_points_are_left_out() -> None:
    before = [point(i * 1000, i % 3) for i in range(3000)]
    after = [point(9_000_000 + i * 1000, i % 3) for i in range(3000)]
    found = document([*before, *after], [], complete=True)
    times = found["time_ms"]
    assert isinstance(times, list)
    assert found["gaps"] == [times.index(9_000_000)]
    assert found["step_ms"] == 1000
