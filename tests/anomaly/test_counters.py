"""Series that only grow are judged by their rate."""

from __future__ import annotations

from itertools import accumulate

from millrace.anomaly import Detector

from tests.anomaly.making import LEARNED, STEP_S, alerts, judged, noise


def counter(rates: list[float], resets: tuple[int, ...] = ()) -> list[float]:
    total, values = 0.0, []
    for i, rate in enumerate(rates):
        total = 0.0 if i in resets else total
        total += rate * STEP_S
        values.append(total)
    return values


def test_growth_is_no_anomaly_and_a_burst_is() -> None:
    rates = noise(2500)
    rates[2000] = 95.0
    verdicts = judged(counter(rates))
    assert 2000 in alerts(verdicts)
    assert len(alerts(verdicts, since=LEARNED)) <= 3
    assert verdicts[2000].of_rate
    assert verdicts[2000].reason.startswith("rate 95 is above ")


def test_a_counter_that_stops_raises_one_alert() -> None:
    rates = noise(2000) + [0.0] * 300
    assert len(alerts(judged(counter(rates)), since=2000)) == 1


def test_a_reset_is_no_anomaly() -> None:
    verdicts = judged(counter(noise(2500), resets=(1700, 2200)))
    assert not verdicts[1700].alert
    assert not verdicts[2200].alert
    assert verdicts[2200].of_rate


def test_one_step_down_makes_it_a_plain_series_again() -> None:
    values = counter(noise(500))
    verdicts = judged([*values, values[-1] * 0.9, *[values[-1]] * 200])
    assert verdicts[499].of_rate
    assert not verdicts[-1].of_rate
    assert verdicts[500].reason.startswith("not judged")


def test_a_counter_at_the_same_time_again_has_no_rate() -> None:
    detector = Detector()
    values = counter(noise(500))
    judged(values, detector)
    verdict = detector.update(499 * STEP_S, values[-1] + 5.0)
    assert verdict.reason == "not judged: no time passed since the last value of this counter"


def test_spikes_over_nothing_are_no_counter() -> None:
    values = [30.0 if i % 40 == 0 else 0.0 for i in range(1000)]
    assert not any(verdict.of_rate for verdict in judged(values))


def test_a_plain_series_that_rises_at_first_is_no_counter_for_long() -> None:
    values = list(accumulate([1.0] * 300)) + noise(500, level=300.0)
    assert not judged(values)[-1].of_rate
