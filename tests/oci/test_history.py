"""History judged in order: what comes of it is what would have come of events in order."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly.desk import Desk
from millrace.anomaly.detector import Detector
from millrace.anomaly.history import Historian, History
from millrace.anomaly.oracle import OracleDatabase
from millrace.anomaly.pipeline import Pipeline, sort_out
from millrace.errors import Unavailable

from tests.oci.making import NOW_MS, RESULTS, START_S, STEP_S, Kept, history, payload
from tests.oci.oracle_driver import Pool, error
from tests.oci.stores import STORES, Opened, recorded_store

# Spread, so that nothing depends on where a page ends.
SPIKES = (150, 400, 401, 402, 640)
RECORDS = history(700, spikes=SPIKES)


@pytest.fixture(params=list(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return STORES[request.param](tmp_path)


@cache
def in_order() -> dict[str, list[tuple[Any, ...]]]:
    """What a clean run in the order of time comes to."""
    kept = Kept()
    kept.handle(RECORDS)
    return judged(kept.results())


def judged(results: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """All but whether an alert is sent, for history never is."""
    alerts = [row[:-1] for row in results["alerts"]]
    return {**results, "alerts": alerts}


def found(opened: Opened) -> dict[str, list[tuple[Any, ...]]]:
    results = {
        table: opened.run(f"SELECT {columns} FROM {table} ORDER BY 1")
        for table, columns in RESULTS.items()
    }
    return judged(results)


def shuffled(opened: Opened) -> None:
    """The same events, each alone and in another order: nearly all are late."""
    pipeline = Pipeline(opened.store)
    records = list(RECORDS)
    random.Random(5).shuffle(records)
    for start in range(0, len(records), 50):
        pipeline.handle(payload(records[start : start + 50]), NOW_MS)


@pytest.mark.parametrize("page", [97, 699, 700, 701])
def test_any_order_comes_to_what_comes_in_order(tmp_path: Path, page: int) -> None:
    opened = STORES["sqlite"](tmp_path)
    shuffled(opened)
    historian = Historian(opened.database)
    (before,) = historian.histories(NOW_MS)
    assert (before.rows, before.waits, before.cut) == (700, True, False)
    passes = list(historian.judge("cpu", NOW_MS, page))
    assert found(opened) == in_order()
    assert (passes[-1].rows, passes[-1].done) == (700, True)
    assert historian.histories(NOW_MS) == [History("cpu", 700, 0, 700, 0)]


def test_both_databases_and_a_second_time(opened: Opened) -> None:
    shuffled(opened)
    historian = Historian(opened.database)
    for _ in range(2):
        list(historian.judge("cpu", NOW_MS, 250))
        assert found(opened)["series_state"] == in_order()["series_state"]
        assert [row[0] for row in found(opened)["alerts"]] == [
            row[0] for row in in_order()["alerts"]
        ]
    assert opened.run("SELECT COUNT(*) FROM backfills") == [(0,)]


def test_alerts_of_the_past_are_kept_and_not_sent(opened: Opened) -> None:
    metrics, _ = sort_out(payload(RECORDS), NOW_MS)
    loaded = Historian(opened.database).load(metrics, NOW_MS)
    assert (loaded.stored, loaded.late, loaded.there) == (700, 0, 0)
    assert Historian(opened.database).load(metrics, NOW_MS).there == 700
    alerts = opened.desk.alerts()
    assert len(alerts) >= 2
    assert len(alerts) == loaded.alerts
    assert all(alert.muted and alert.acknowledged_by == "history" for alert in alerts)
    assert opened.store.pending() == []
    list(Historian(opened.database).judge("cpu", NOW_MS))
    assert opened.desk.alerts() == alerts
    assert opened.store.pending() == []


def test_what_was_said_of_an_alert_stays(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload(RECORDS), NOW_MS)
    named = opened.desk.alerts()[-1].alert_id
    opened.desk.acknowledge(named, "ann", NOW_MS + 1)
    waiting = opened.store.pending()
    list(Historian(opened.database).judge("cpu", NOW_MS + 2))
    assert opened.desk.alert(named).acknowledged_by == "ann"
    assert not opened.desk.alert(named).muted
    assert opened.store.pending() == waiting


def test_an_interrupted_pass_goes_on_where_it_was(opened: Opened) -> None:
    shuffled(opened)
    historian = Historian(opened.database)
    first = next(historian.judge("cpu", NOW_MS, 300))
    assert (first.rows, first.done) == (300, False)
    assert historian.histories(NOW_MS)[0].done == 300
    rest = list(Historian(opened.database).judge("cpu", NOW_MS, 300))
    assert [one.rows for one in rest] == [600, 700]
    assert found(opened) == in_order()


def test_live_events_in_the_middle_of_a_pass_are_in_it(opened: Opened) -> None:
    pipeline = Pipeline(opened.store)
    pipeline.handle(payload(RECORDS[100:500]), NOW_MS)
    pipeline.handle(payload(RECORDS[:100]), NOW_MS)  # late
    passing = Historian(opened.database).judge("cpu", NOW_MS, 150)
    next(passing)
    pipeline.handle(payload(RECORDS[500:600]), NOW_MS)
    list(passing)
    pipeline.handle(payload(RECORDS[600:]), NOW_MS)
    clean = in_order()
    assert found(opened)["raw_events"] == clean["raw_events"]
    assert found(opened)["series_state"] == clean["series_state"]
    assert found(opened)["episodes"] == clean["episodes"]


def test_rows_that_came_by_other_ways_get_a_detector(opened: Opened) -> None:
    values = [50.0 + number % 7 + (80 if number == 250 else 0) for number in range(300)]
    for number, value in enumerate(values):
        at_s = START_S + number * STEP_S
        opened.run(
            "INSERT INTO raw_events (event_id, event_time, metric_value, series)"
            f" SELECT 'e{number:03d}', epoch_time({at_s}), {value}, 'disk' FROM dual"
        )
    opened.store.sweep()
    list(Historian(opened.database).judge("disk", NOW_MS, 64))
    detector = Detector()
    wanted = [detector.update(START_S + n * STEP_S, value) for n, value in enumerate(values)]
    points = opened.desk.points("disk", 0, NOW_MS)
    assert [one.score for one in points] == [verdict.score for verdict in wanted]
    assert [one.reason for one in points] == [verdict.reason for verdict in wanted]
    assert [one.low for one in points] == [verdict.low for verdict in wanted]
    assert opened.run("SELECT events, newest_ms FROM series_state")[0][0] == 300


def test_a_row_flagged_by_hand_stays_flagged_and_is_no_news(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload(RECORDS[:120]), NOW_MS)
    opened.run("UPDATE raw_events SET anomaly_flag = 'Y' WHERE event_id = 'cpu-50'")
    waiting = opened.store.pending()
    list(Historian(opened.database).judge("cpu", NOW_MS))
    assert opened.run("SELECT event_id FROM raw_events WHERE anomaly_flag = 'Y'")[0] == ("cpu-50",)
    assert opened.store.pending() == waiting


def test_a_false_alarm_counts_where_it_was_one(opened: Opened) -> None:
    """The bar rises behind the alert that was called false, not before it."""
    Pipeline(opened.store).handle(payload(RECORDS), NOW_MS)
    first = opened.desk.alerts()[-1]
    opened.desk.false_alarm(first.alert_id, "ann", NOW_MS)
    list(Historian(opened.database).judge("cpu", NOW_MS))
    detector = Detector()
    wanted = []
    for point in opened.desk.points("cpu", 0, NOW_MS):
        verdict = detector.update((point.time_ms or 0) / 1000, point.value or 0.0)
        wanted.append(verdict.score)
        if point.event_id == first.alert_id:
            assert verdict.alert
            detector.false_alarm()
    assert [one.score for one in opened.desk.points("cpu", 0, NOW_MS)] == wanted
    assert opened.run("SELECT heeded FROM series_state") == [(1,)]
    assert opened.run("SELECT detector FROM series_state")[0][0] == detector.dumps()


def test_what_the_table_has_lost_is_told(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload(RECORDS), NOW_MS)
    opened.run("DELETE FROM raw_events WHERE event_id < 'cpu-3'")
    (left,) = Historian(opened.database).histories(NOW_MS)
    assert (left.cut, left.waits) == (True, False)


def test_what_is_there_under_another_id_is_not_fresh(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload(RECORDS[:50]), NOW_MS)
    metrics, _ = sort_out(payload(history(60)), NOW_MS)
    renamed = [one._replace(id=f"x{one.id}") for one in metrics]
    loaded = Historian(opened.database).load(renamed, NOW_MS)
    assert (loaded.stored, loaded.there) == (10, 50)
    assert opened.run("SELECT COUNT(*) FROM raw_events") == [(60,)]


def test_an_id_that_is_taken_goes_to_quarantine(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload(RECORDS[:5]), NOW_MS)
    metrics, _ = sort_out(payload(RECORDS[:2]), NOW_MS)
    other = [one._replace(value=7.0) for one in metrics]
    assert Historian(opened.database).load(other, NOW_MS).quarantined == 2
    assert {one.reason for one in opened.desk.quarantined()} == {"id-conflict"}


@pytest.mark.parametrize("at", ["UPDATE raw_events SET feature1", "INSERT INTO back", "commit"])
def test_a_failure_in_a_page_leaves_no_trace_of_it(tmp_path: Path, at: str) -> None:
    opened = recorded_store(tmp_path)
    shuffled(opened)
    pool = Pool(str(tmp_path / "test.db"))
    historian = Historian(OracleDatabase(pool))
    pool.failures.append((at, error(3113)))
    with pytest.raises(Unavailable):
        list(historian.judge("cpu", NOW_MS, 300))
    list(historian.judge("cpu", NOW_MS, 300))
    assert found(opened) == in_order()


def test_a_series_without_rows_is_nothing(opened: Opened) -> None:
    assert Historian(opened.database).histories(NOW_MS) == []
    (passed,) = Historian(opened.database).judge("nothing", NOW_MS)
    assert passed == (0, 0, 0, True)
    assert Desk(opened.database).series() == []


def test_rows_ahead_of_their_time_wait_for_it(opened: Opened) -> None:
    """A plan must not make everything late that comes before it."""
    Pipeline(opened.store).handle(payload(RECORDS[:120]), NOW_MS)
    ahead_s = NOW_MS // 1000 + 7200
    for name, at_s, value in (("plan", ahead_s, "1"), ("huge", START_S, "1e130")):
        opened.run(
            "INSERT INTO raw_events (event_id, event_time, metric_value, series)"
            f" SELECT '{name}', epoch_time({at_s}), {value}, 'cpu' FROM dual"
        )
    (before,) = Historian(opened.database).histories(NOW_MS)
    assert (before.rows, before.unjudged) == (120, 0)
    list(Historian(opened.database).judge("cpu", NOW_MS))
    again = Pipeline(opened.store).handle(payload(RECORDS[120:]), NOW_MS)
    assert (again.stored, again.late) == (580, 0)
    (later,) = Historian(opened.database).histories(NOW_MS + 3 * 3_600_000)
    assert (later.rows, later.unjudged) == (701, 1)
