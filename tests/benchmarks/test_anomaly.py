"""What the benchmark of anomalies measures: the rival is the tutorial's, and every part runs."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from millrace.connector_hub import Rejected, decode

from benchmarks import nab, tutorial_anomaly
from benchmarks.anomaly_function import Case, events_a_second, function_figures
from benchmarks.anomaly_latency import latency_figures
from benchmarks.anomaly_sweep import rows, sweep_figures
from benchmarks.metric_stream import batches, event
from benchmarks.metric_worker import PAST, grow_up

FEW = Case("3 series", 3, 1, 1, 1.0)


def test_batches_are_what_connector_hub_sends() -> None:
    told = [record for body in batches(3, 2, 10, first=5) for record in decode(body)]
    assert not [one for one in told if isinstance(one, Rejected)]
    data = [json.loads(one.data) for one in told if not isinstance(one, Rejected)]
    assert len({one["id"] for one in data}) == 20
    assert [one["id"] for one in data[:4]] == [
        "host-00000.cpu/5",
        "host-00001.cpu/5",
        "host-00002.cpu/5",
        "host-00000.cpu/6",
    ]


def test_the_tutorials_function_compares_an_event_with_itself(tmp_path: Path) -> None:
    """It looks for the last value under the new event's own id: there never is one."""
    connect = tutorial_anomaly.connecting(tmp_path / "tutorial.db")
    for point, value in enumerate((50.0, 58.0)):
        body = json.dumps(event("cpu", point, value)).encode()
        assert tutorial_anomaly.handler(None, body, connect) == "ok"
    connection = connect()
    stored = connection.execute("SELECT feature1, feature2, processed_flag FROM raw_events")
    assert stored.fetchall() == [(49.0, 50.0, "N"), (57.0, 58.0, "N")]
    connection.close()


def test_the_tutorials_loop_flags_what_is_far_from_the_whole_table() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(tutorial_anomaly.TABLE)
    values = [float(n % 5) for n in range(200)] + [100.0]
    connection.executemany(
        "INSERT INTO raw_events (event_id, feature1) VALUES (?, ?)",
        [(f"row-{n}", value) for n, value in enumerate(values)],
    )
    assert tutorial_anomaly.loop(connection) == 1
    flagged = connection.execute("SELECT event_id FROM raw_events WHERE anomaly_flag = 'Y'")
    assert flagged.fetchall() == [("row-200",)]
    left = connection.execute("SELECT COUNT(*) FROM raw_events WHERE processed_flag = 'N'")
    assert left.fetchone() == (0,)
    assert tutorial_anomaly.loop(connection) == 0
    connection.close()


def test_the_sweep_stands_beside_the_loop() -> None:
    figures = sweep_figures(sizes=(100, 300), old=1_000, rounds=1)
    assert [one.name for one in figures] == [
        "sweep of 100 new rows",
        "sweep of 300 new rows",
        "sweep: 3 times the rows",
        "sweep of 1,000 new rows among 1,000 old ones",
    ]
    assert all(one.value > 0 for one in figures)
    assert all(one.rival_value for one in figures[:3])
    assert [one.target is not None for one in figures] == [False, False, True, True]
    assert len({name for name, *_ in rows(0, 50) + rows(50, 50)}) == 100


def test_series_are_grown_up_before_they_are_measured(tmp_path: Path) -> None:
    grow_up(tmp_path / "millrace.db", 30)
    connection = sqlite3.connect(tmp_path / "millrace.db")
    grown = connection.execute(
        "SELECT COUNT(*), MIN(events), MIN(LENGTH(detector)) FROM series_state"
    )
    count, events, size = grown.fetchone()
    connection.close()
    assert (count, events) == (30, PAST)
    assert size > 1_000


def test_the_function_is_fed_in_its_own_environment() -> None:
    speed, fed = events_a_second(FEW, runs=1)
    assert speed > 0
    assert (len(fed.seconds), fed.series) == (2, 3)
    assert fed.state_bytes > 1_000
    assert fed.most_bytes > 10_000_000
    figures = function_figures(runs=1, cases=(FEW,))
    assert [one.unit for one in figures] == ["events/s a core", "bytes a series", "MB"]
    assert figures[0].rival_value


def test_every_alert_of_the_local_cloud_is_timed() -> None:
    half, most = latency_figures(clouds=1, series=2)
    assert (half.rival_value, most.rival_value) == (60_000.0, 118_800.0)
    assert most.target == 2_000.0
    assert 0 < half.value <= most.value


def test_a_threshold_is_the_best_of_all() -> None:
    """One window, in the middle: a score that is high at its first point only is perfect there."""
    start = datetime(2024, 1, 1)  # noqa: DTZ001  as the benchmark's own times
    times = [start + timedelta(minutes=5 * i) for i in range(1000)]
    series = nab.Series("realTweets/made.csv", times, [0.0] * 1000, [range(500, 550)])
    scores = [0.0] * 1000
    assert nab.tuned([series], [scores]) == dict.fromkeys(nab.PROFILES, 0.0)
    scores[500] = 1.0
    assert nab.tuned([series], [scores]) == pytest.approx(
        dict.fromkeys(nab.PROFILES, 100.0), abs=0.1
    )
    scores[300] = 2.0  # stranger, and of no window: it cannot be left out
    told = nab.scores([nab.outcome(series, [300, 500])])
    assert nab.tuned([series], [scores]) == pytest.approx(told)
