"""How good the detector is: on seeded series, and on NAB where its data are."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from benchmarks import nab
from benchmarks.anomaly import PUBLISHED, alerts_of, rival_rows, seeded_events
from benchmarks.anomaly_rivals import blind


def test_finds_the_anomalies_of_the_seeded_series() -> None:
    """A point of any of these series lies in its anomaly's window with odds of one in 34."""
    events = seeded_events(seeds=(1,))
    assert events.recall >= 0.9
    assert events.precision >= 0.25


def test_beats_the_sketch_and_what_is_published_on_nab() -> None:
    if not nab.NAB_DEV.is_dir():
        pytest.skip("nab-dev is not beside this checkout")
    series = nab.load()
    ours = nab.scores([nab.outcome(one, alerts_of(one)) for one in series])
    for name, row in rival_rows(series).items():
        assert ours["standard"] > row["standard"] + 15.0, name
    for name, published in PUBLISHED.items():
        assert all(a > b for a, b in zip(ours.values(), published, strict=True)), name


# ---- the rules of NAB themselves --------------------------------------------------------------

START = datetime(2024, 1, 1)  # noqa: DTZ001  as the benchmark's own times


def series(points: int, *windows: range) -> nab.Series:
    times = [START + timedelta(minutes=5 * i) for i in range(points)]
    return nab.Series("realTweets/made.csv", times, [0.0] * points, list(windows))


def test_saying_nothing_scores_0_and_the_first_point_of_each_window_100() -> None:
    one = series(1000, range(400, 450), range(800, 850))
    assert nab.scores([nab.outcome(one, [])]) == dict.fromkeys(nab.PROFILES, 0.0)
    assert nab.scores([nab.outcome(one, [400, 800])]) == pytest.approx(
        dict.fromkeys(nab.PROFILES, 100.0), abs=0.1
    )


def test_only_the_best_alert_of_a_window_counts() -> None:
    one = series(1000, range(400, 450))
    assert nab.outcome(one, [410, 440]).hit_worth == nab.outcome(one, [410]).hit_worth
    late = nab.outcome(one, [440]).hit_worth
    assert 0.0 < late < nab.outcome(one, [410]).hit_worth


def test_false_alarms_cost_less_just_after_a_window_and_nothing_at_first() -> None:
    one = series(1000, range(400, 450))
    assert nab.outcome(one, [100]).alerts == 0
    assert nab.outcome(one, [300]).false_worth == -1.0
    assert -1.0 < nab.outcome(one, [460]).false_worth < 0.0


def test_a_false_alarm_weighs_what_its_profile_says() -> None:
    one = series(1000, range(400, 450))
    found = nab.scores([nab.outcome(one, [300])])
    assert found == pytest.approx({"standard": -5.5, "low FP": -11.0, "low FN": -11.0 / 3})


def test_the_blind_row_looks_at_nothing() -> None:
    one = series(1000)
    assert blind(one.times, one.values) == [399, 799]
