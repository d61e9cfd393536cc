"""Any number at any time: no crash, no nonsense, and the stated rules."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.anomaly import Detector, Verdict
from millrace.anomaly.points import seconds_of
from millrace.errors import InvalidEvent

from tests.anomaly.making import A_DAY, LEARNED, STEP_S, alerts, daily, judged, noise

LEARNT = Detector()
judged(noise(150), LEARNT)
LEARNT_BYTES = LEARNT.dumps()

times = st.one_of(
    st.floats(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 2_000_000_000).map(float),
)
points = st.lists(st.tuples(times, st.floats()), max_size=120)


@given(points)
@settings(deadline=None)
def test_any_number_at_any_time_gets_a_sound_verdict(
    rows: list[tuple[float | datetime, float]],
) -> None:
    detector = Detector.loads(LEARNT_BYTES)
    for time, value in rows:
        verdict = detector.update(time, value)
        assert 0.0 <= verdict.score < math.inf
        assert verdict.score >= 1.0 or not verdict.alert
        assert verdict.reason


@given(points)
@settings(deadline=None)
def test_any_state_goes_on_from_its_bytes(rows: list[tuple[float | datetime, float]]) -> None:
    whole, halved = Detector.loads(LEARNT_BYTES), Detector.loads(LEARNT_BYTES)
    for time, value in rows:
        halved = Detector.loads(halved.dumps())
        assert repr(halved.update(time, value)) == repr(whole.update(time, value))
    assert halved.dumps() == whole.dumps()


@pytest.mark.parametrize("sensitivity", [5e-324, 1e308])
def test_a_score_is_a_number_at_any_sensitivity(sensitivity: float) -> None:
    verdicts = judged([*noise(300), 1e6], Detector(sensitivity))
    assert all(0.0 <= verdict.score < math.inf for verdict in verdicts)


def test_what_is_no_number_changes_nothing() -> None:
    values = noise(1500)
    detector = Detector()
    verdicts = []
    for i, value in enumerate(values):
        if i % 7 == 0:
            odd = detector.update(i * STEP_S, (math.nan, math.inf, -math.inf)[i % 3])
            assert (odd.score, odd.alert) == (0.0, False)
            assert odd.reason == "not judged: the value is no finite number"
        verdicts.append(detector.update(i * STEP_S, value))
    assert verdicts == judged(values)


def test_an_integer_beyond_every_float_is_no_number() -> None:
    assert Detector().update(0.0, 10**400).reason.startswith("not judged")


def test_a_time_without_a_zone_is_utc() -> None:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    naive, aware, seconds = Detector(), Detector(), Detector()
    for i, value in enumerate(daily(600)):
        at = start + timedelta(seconds=i * STEP_S)
        verdict = naive.update(at.replace(tzinfo=None), value)
        assert verdict == aware.update(at, value) == seconds.update(at.timestamp(), value)


def test_a_late_point_is_judged_at_its_own_hour() -> None:
    """A value of midnight, come at noon: plain for its own time, strange for the other."""
    values = daily(9 * A_DAY)

    def score(time_s: float) -> float:
        detector = Detector()
        judged(values[: 8 * A_DAY + A_DAY // 4], detector)
        return detector.update(time_s, 62.0).score

    night = (7 * A_DAY + 3 * A_DAY // 4) * STEP_S
    noon = (8 * A_DAY + A_DAY // 4) * STEP_S
    assert score(night) < 1.0 < score(noon)


def test_repeated_times_are_judged_one_after_the_other() -> None:
    detector = Detector()
    verdicts = [detector.update(i // 2 * STEP_S, value) for i, value in enumerate(noise(1500))]
    assert verdicts[-1].expected is not None
    assert detector.update(750 * STEP_S, 95.0).alert


def test_a_gap_stands_in_the_reason() -> None:
    detector = Detector()
    judged(noise(1000), detector)
    verdict = detector.update(1000 * STEP_S + 7200, 50.0)
    assert verdict.gap_s == 7500
    assert verdict.reason.endswith("; first value after a gap of 7500 s")
    assert detector.update(1001 * STEP_S + 7200, 50.0).gap_s is None


def test_a_gap_alone_is_no_alert() -> None:
    detector = Detector()
    values = daily(12 * A_DAY)
    judged(values[: 8 * A_DAY], detector)
    later = [detector.update(i * STEP_S, values[i]) for i in range(10 * A_DAY, 11 * A_DAY)]
    assert alerts(later) == []


def shape(verdicts: list[Verdict]) -> list[tuple[float, bool, str]]:
    return [(verdict.score, verdict.alert, verdict.view) for verdict in verdicts]


@given(st.integers(-900, 900))
@settings(deadline=None, max_examples=20)
def test_a_power_of_two_as_the_unit_changes_nothing(exponent: int) -> None:
    values = noise(600)
    values[500] = 80.0
    scaled = [math.ldexp(value, exponent) for value in values]
    assert shape(judged(scaled)) == shape(judged(values))


def test_neither_unit_nor_origin_changes_the_alerts() -> None:
    values = daily(2500)
    values[2000:2003] = [400.0] * 3
    plain = alerts(judged(values))
    assert 2000 in plain
    for factor, origin in ((1e-9, 0.0), (3.7, 0.0), (1e12, 0.0), (-1.0, 0.0), (1.0, 1e6)):
        assert alerts(judged([factor * value + origin for value in values])) == plain


def test_a_series_that_outgrows_its_scale_is_learned_anew() -> None:
    detector = Detector()
    judged([1e-300 * value for value in noise(500)], detector)
    later = [1e200 * value for value in noise(1500)]
    later[1400] *= 3
    verdicts = judged(later, detector)
    assert verdicts[0].reason.startswith("not judged")
    assert alerts(verdicts, since=LEARNED) == [1400]


def test_an_alert_before_a_new_beginning_does_not_silence_those_after_it() -> None:
    detector = Detector()
    early = [1e-300 * value for value in noise(3000)]
    early[2900] *= 3
    assert judged(early, detector)[2900].alert
    later = [1e200 * value for value in noise(700)]
    later[600] *= 3
    assert judged(later, detector)[600].alert


def test_uneven_steps_and_few_points_a_day_are_fine() -> None:
    detector = Detector()
    times = [i * 7 * 3600.0 + (i * 7919 % 3600) for i in range(2000)]
    verdicts = [detector.update(t, v) for t, v in zip(times, noise(2000), strict=True)]
    assert detector.update(2000 * 7 * 3600.0, 95.0).alert
    assert len(alerts(verdicts, since=LEARNED)) <= 6


MAY = datetime(2024, 5, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "timestamp",
    [
        MAY,
        MAY.replace(tzinfo=None),
        MAY.astimezone(timezone(timedelta(hours=5))),
        "2024-05-01 06:00:00",
        " 2024-05-01T06:00:00Z\n",
        "2024-05-01T08:00:00.000+02:00",
        "1714543200",
        1714543200,
        1714543200.0,
        1714543200000,
        1714543200000000,
        1714543200000000000,
        numpy.int64(1714543200),
        numpy.float64(1714543200),
        numpy.datetime64("2024-05-01T06:00:00"),
        numpy.datetime64("2024-05-01T06:00:00", "ns"),
        numpy.datetime64("2024-05-01T06", "h"),
    ],
    ids=repr,
)
def test_a_time_may_be_written_in_any_way(timestamp: Any) -> None:
    assert seconds_of(timestamp) == MAY.timestamp()
    assert Detector().update(timestamp, 1.0) == Detector().update(MAY, 1.0)


@pytest.mark.parametrize("timestamp", [numpy.datetime64("NaT"), math.nan, math.inf, 10**400])
def test_no_time_is_judged_without_its_hour(timestamp: Any) -> None:
    assert not math.isfinite(seconds_of(timestamp))
    assert Detector().update(timestamp, 1.0).reason.startswith("not judged: 1 is among the first")


def test_a_date_is_its_midnight() -> None:
    assert seconds_of(MAY.date()) == MAY.timestamp() - 6 * 3600


@pytest.mark.parametrize("timestamp", ["", "yesterday", None, [1], object(), 1j])
def test_what_is_no_time_is_said(timestamp: Any) -> None:
    detector = Detector()
    with pytest.raises(InvalidEvent, match="a timestamp must be a datetime, ISO 8601"):
        detector.update(timestamp, 1.0)
    assert detector.dumps() == Detector().dumps()


@pytest.mark.parametrize(
    "value", [1, True, "1", Decimal(1), Fraction(1), numpy.float32(1), numpy.int8(1)], ids=repr
)
def test_a_value_may_be_any_number(value: Any) -> None:
    assert Detector().update(MAY, value) == Detector().update(MAY, 1.0)


def test_no_value_is_no_number() -> None:
    assert Detector().update(MAY, None).reason == "not judged: the value is no finite number"


@pytest.mark.parametrize("value", ["", "high", [1], object(), 1j])
def test_what_is_no_number_is_said(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="a value must be a number"):
        Detector().update(MAY, value)
