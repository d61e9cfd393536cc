"""One alert for what a person would call one event, and few for plain days."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from millrace.anomaly import Detector, Verdict
from millrace.anomaly.views import NAMES
from millrace.errors import ConfigurationError

from tests.anomaly.making import A_DAY, LEARNED, STEP_S, alerts, daily, judged, noise


def test_a_constant_series_never_alerts() -> None:
    assert alerts(judged([7.0] * 5000)) == []


def test_a_spike_raises_one_alert_at_once() -> None:
    values = noise(2000)
    values[1500:1503] = [90.0, 95.0, 88.0]
    assert alerts(judged(values), since=LEARNED) == [1500]


def test_a_level_shift_raises_one_alert_at_once() -> None:
    values = noise(1500) + noise(1500, seed=2, level=70.0)
    found = alerts(judged(values), since=LEARNED)
    assert found[0] == 1500
    assert len([i for i in found if i < 2000]) == 1


def test_the_first_change_of_a_constant_raises_one_alert() -> None:
    assert alerts(judged([7.0] * 1500 + [9.0] * 1500)) == [1500]


def test_a_missed_peak_of_the_day_raises_one_alert() -> None:
    """Values of the night at noon were seen a thousand times, but never at noon."""
    values = daily(10 * A_DAY)
    noon = 8 * A_DAY + A_DAY // 4 - 36
    values[noon : noon + 72] = noise(72, level=62.0, spread=2.0)
    found = alerts(judged(values), since=5 * A_DAY)
    assert [i for i in found if noon <= i < noon + 72] == found
    assert len(found) == 1


def test_a_flat_line_raises_one_alert() -> None:
    values = noise(3000)
    values[2000:2400] = [values[2000]] * 400
    found = [i for i in alerts(judged(values), since=LEARNED) if 2000 <= i < 2400]
    assert len(found) == 1


def test_daily_spikes_are_learned() -> None:
    """A backup each night is news on the first nights only."""
    values = noise(14 * A_DAY)
    for day in range(14):
        values[day * A_DAY + 30] = 95.0
    assert [i for i in alerts(judged(values)) if i >= 7 * A_DAY and values[i] > 80.0] == []


def test_two_values_that_happen_to_be_equal_are_no_flat_line() -> None:
    """However seldom that was before: it would be the first stretch of its kind in each series."""
    values = noise(300)
    values[200] = values[199]
    assert judged(values)[200].view == "ordinary"
    verdicts = [verdict for seed in range(20) for verdict in judged(noise(1000, seed))]
    assert [verdict.reason for verdict in verdicts if verdict.view == "flat"] == []


def test_a_flat_line_is_found_in_a_young_series() -> None:
    values = noise(200)
    values[150:] = [values[149]] * 50
    found = [i for i, verdict in enumerate(judged(values)) if verdict.view == "flat"]
    assert 152 <= found[0] <= 160


def test_plain_noise_alerts_seldom() -> None:
    """Of thousands of points one or the other must be the strangest yet."""
    found = [len(alerts(judged(noise(4000, seed)), since=LEARNED)) for seed in range(5)]
    assert sum(found) / 5 <= 5


def test_an_alert_says_what_was_expected() -> None:
    values = noise(2000)
    values[1500] = 90.0
    verdict = judged(values)[1500]
    assert verdict.expected is not None
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.expected == pytest.approx(50.0, abs=1.0)
    assert verdict.low < 47.0
    assert 53.0 < verdict.high < 60.0
    assert verdict.reason.startswith("value 90 is above ")
    assert f"; expected {verdict.expected:.4g}, between {verdict.low:.4g} and " in verdict.reason


def test_a_score_is_higher_for_the_stranger() -> None:
    def score(value: float) -> float:
        return judged([*noise(1500), value])[-1].score

    assert score(50.0) < 1.0 < score(60.0) < score(80.0) < score(500.0)


def test_the_score_of_a_point_does_not_know_the_point() -> None:
    """What comes later changes no earlier verdict."""
    values = noise(1500)
    assert judged([*values, 90.0])[:1500] == judged([*values, 10.0])[:1500]


def test_an_insensitive_detector_alerts_less() -> None:
    values = noise(4000)
    found = [len(alerts(judged(values, Detector(s)), since=LEARNED)) for s in (0.2, 1.0, 5.0)]
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("sensitivity", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_a_senseless_sensitivity(sensitivity: float) -> None:
    with pytest.raises(ConfigurationError, match="sensitivity is a number above 0"):
        Detector(sensitivity)


def test_heeds_a_false_alarm_for_a_while() -> None:
    def score_after(answers: int, points: int) -> float:
        detector = Detector()
        judged(noise(1500), detector)
        for _ in range(answers):
            detector.false_alarm()
        values = noise(points, seed=2)
        for i, value in enumerate(values):
            detector.update((1500 + i) * STEP_S, value)
        return detector.update((1500 + points) * STEP_S, 57.0).score

    assert score_after(0, 10) > score_after(1, 10) > score_after(3, 10)
    assert score_after(3, 10_000) == pytest.approx(score_after(0, 10_000), abs=0.05)


def test_weekends_are_learned_and_a_working_day_like_one_is_strange() -> None:
    """Ten weeks of hours: idle at weekends, and at last on a Wednesday."""

    def load(hour: int) -> float:
        working = hour // 24 % 7 < 5 and 8 <= hour % 24 < 18
        return 200.0 if working else 40.0

    values = [load(hour) + more for hour, more in enumerate(noise(10 * 168, level=0.0))]
    wednesday = 9 * 168 + 2 * 24
    values[wednesday : wednesday + 24] = noise(24, level=40.0)
    detector = Detector()
    monday_s = 4 * 86_400.0
    verdicts = [detector.update(monday_s + 3600.0 * i, v) for i, v in enumerate(values)]
    found = alerts(verdicts, since=5 * 168)
    assert len(found) == 1
    assert wednesday + 8 <= found[0] <= wednesday + 12


def test_every_view_has_its_words() -> None:
    for view in NAMES:
        reason = Verdict(1.5, True, view, 9.0, 5.0, 4.0, 6.0).reason
        assert reason.startswith("value 9 ")
        assert reason.endswith("; expected 5, between 4 and 6")


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "anomaly.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    printed = StringIO()
    with redirect_stdout(printed):
        exec(code, {})
    assert " False value 24 is ordinary; expected " in printed.getvalue()


def test_a_reason_tells_the_edges_of_a_narrow_band_apart() -> None:
    reason = Verdict(1.5, True, "value", 2_000_900.0, 1e6, 999_950.0, 1_000_050.0).reason
    assert reason.startswith("value 2000900 ")
    assert reason.endswith("; expected 1000000, between 999950 and 1000050")
    constant = Verdict(1.5, True, "value", 1_000_000.5, 1e6, 1e6, 1e6).reason
    assert constant.startswith("value 1000000.5 ")
