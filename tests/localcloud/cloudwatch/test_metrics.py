"""Metrics over time: windows, statistics, bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.cloudwatch.metrics import STEP_MS, Metric, MetricStore, Summary, is_statistic

ERRORS = Metric.of("AWS/Lambda", "Errors", FunctionName="work")
MINUTE_MS = 60_000
T0 = 1_704_153_600_000


def test_a_window_holds_what_was_added_within_it() -> None:
    store = MetricStore()
    for second in range(120):
        store.add(ERRORS, 1.0, T0 + second * 1000)
    end = T0 + 119_000
    last = store.window(ERRORS, end, MINUTE_MS)
    before = store.window(ERRORS, end - MINUTE_MS, MINUTE_MS)
    assert last is not None
    assert before is not None
    assert (last.total, before.total) == (60.0, 60.0), "windows neither overlap nor leave gaps"
    assert store.window(ERRORS, end - 2 * MINUTE_MS, MINUTE_MS) is None
    assert store.window(Metric.of("X", "Y"), end, MINUTE_MS) is None


@given(
    st.lists(st.integers(0, 600_000), min_size=1, max_size=40),
    st.sampled_from([10_000, 60_000, 300_000]),
)
def test_adjacent_windows_count_every_value_once(at: list[int], length_ms: int) -> None:
    store = MetricStore()
    for offset in sorted(at):
        store.add(ERRORS, 1.0, T0 + offset)
    end = T0 + 600_000
    windows = [store.window(ERRORS, end - back * length_ms, length_ms) for back in range(62)]
    assert sum(window.total for window in windows if window is not None) == len(at)


def test_values_older_than_an_hour_are_gone() -> None:
    store = MetricStore()
    store.add(ERRORS, 1.0, T0)
    store.add(ERRORS, 1.0, T0 + 3_600_000 + STEP_MS)
    assert store.window(ERRORS, T0, MINUTE_MS) is None


def test_what_is_no_number_is_left_out() -> None:
    store = MetricStore()
    for value in (math.nan, math.inf, -math.inf):
        store.add(ERRORS, value, T0)
    store.add(ERRORS, 1.0, T0, count=0)
    assert store.metrics() == ()


def test_statistics() -> None:
    summary = Summary()
    for value in (4.0, 1.0, 7.0):
        summary.add(value)
    summary.add(0.0, 2)
    found = {name: summary.statistic(name) for name in ("Sum", "Average", "Minimum", "Maximum")}
    assert found == {"Sum": 12.0, "Average": 2.4, "Minimum": 0.0, "Maximum": 7.0}
    assert summary.statistic("SampleCount") == 5.0


@given(
    st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=200),
    st.sampled_from([0, 10, 50, 90, 99, 99.9, 100]),
)
def test_percentiles_are_exact_to_a_hundredth(values: list[float], percent: float) -> None:
    whole, parts = Summary(), Summary()
    for index, value in enumerate(values):
        whole.add(value)
        if index % 2:
            half = Summary()
            half.add(value)
            parts.merge(half)
        else:
            parts.add(value)
    exact = sorted(values)[max(0, math.ceil(percent / 100 * len(values) - 1e-9) - 1)]
    for summary in (whole, parts):
        assert summary.statistic(f"p{percent:g}") == pytest.approx(exact, rel=0.0101, abs=1e-300)


def test_statistics_that_are_known() -> None:
    assert all(map(is_statistic, ("Sum", "SampleCount", "p99", "p99.9", "p100", "p0")))
    assert not any(map(is_statistic, ("tm99", "p101", "sum", "p", "")))


def test_what_is_fresh_is_taken_once() -> None:
    store = MetricStore()
    store.add(ERRORS, 1.0, T0, "Count")
    store.add(ERRORS, 3.0, T0 + 10_000)
    ((metric, (unit, summary)),) = store.take_fresh().items()
    assert (metric, unit, summary.total, summary.count) == (ERRORS, "Count", 4.0, 2.0)
    assert store.take_fresh() == {}
    window = store.window(ERRORS, T0 + 10_000, MINUTE_MS)
    assert window is not None
    assert window.total == 4.0, "what is taken stays in the windows"


def test_metrics_beyond_the_bound_are_counted_and_dropped() -> None:
    store = MetricStore()
    for number in range(5_003):
        store.add(Metric.of("X", "Y", user=str(number)), 1.0, T0)
    assert len(store.metrics()) == 5_000
    assert store.dropped == 3
    store.add(Metric.of("X", "Y", user="1"), 1.0, T0)
    assert store.dropped == 3
