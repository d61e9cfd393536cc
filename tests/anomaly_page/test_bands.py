"""What a verdict says in words is read back out of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.anomaly.verdict import LEARNING, NO_TIME, ORDINARY, VALUE, Verdict

from cli.anomaly_page.bands import NOTHING, Said, said
from tests.anomaly_page.making import Plant, quiet

NUMBERS = st.floats(-1e11, 1e11).map(lambda number: round(number, 6))


@given(NUMBERS, NUMBERS, st.floats(1e-3, 1e9), st.booleans(), st.sampled_from([VALUE, ORDINARY]))
def test_the_band_of_a_reason(
    value: float, expected: float, reach: float, of_rate: bool, view: str
) -> None:
    low, high = expected - reach, expected + reach
    found = said(Verdict(1.5, True, view, value, expected, low, high, of_rate).reason, 1.5)
    # Good to a fiftieth of the band, and to what 16 digits of that size hold.
    close = reach / 50 + 1e-15 * max(abs(expected), abs(value))
    read = (found.expected, found.low, found.high)
    assert read == pytest.approx((expected, low, high), rel=0, abs=close)
    assert (found.rate is None) == (not of_rate)
    if found.rate is not None:
        assert found.rate == pytest.approx(value, rel=1e-3, abs=close)


def test_a_gap_does_not_hide_it() -> None:
    verdict = Verdict(0.0, False, ORDINARY, 9.0, 5.0, 4.0, 6.0, gap_s=7500.0)
    assert said(verdict.reason, 0.0) == Said(5.0, 4.0, 6.0)


def test_without_a_band_there_is_the_expectation() -> None:
    assert said(Verdict(0.0, False, ORDINARY, 9.0, 5.0).reason, 0.0) == Said(5.0)


@pytest.mark.parametrize("view", [LEARNING, NO_TIME])
def test_what_was_not_judged_has_none(view: str) -> None:
    assert said(Verdict(0.0, False, view, 9.0).reason, None) == NOTHING


@pytest.mark.parametrize("reason", [None, "", "flagged by hand", "value ; expected", "late: 3 s"])
def test_other_words_have_none(reason: str | None) -> None:
    assert said(reason, None) == NOTHING


def test_the_band_of_the_sweep_is_that_of_its_alerts(plant: Plant) -> None:
    rows = [
        (f"e{i}", f"2026-01-01T00:{i:02}:00.000Z", value)
        for i, value in enumerate([*quiet(50), 500.0])
    ]
    plant.connection.executemany(
        "INSERT INTO raw_events (event_id, event_time, metric_value) VALUES (?, ?, ?)", rows
    )
    plant.sweep()
    (alert,) = plant.desk.alerts()
    (point,) = plant.desk.points("default", 0, 2**41, 1, latest=True)
    found = said(point.reason, point.score)
    assert alert.expected is not None
    assert alert.low is not None
    assert math.isclose(found.expected or 0, alert.expected, rel_tol=1e-3)
    assert math.isclose(found.low or 0, alert.low, rel_tol=1e-2)
