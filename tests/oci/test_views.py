"""The views: what they say is true of the tables, in both databases."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly.instants import ms_of
from millrace.anomaly.verdict import LEARNING, NO_TIME

from tests.oci.stores import STORES, Opened
from tests.oci.test_oracle_sql import tables
from tests.oci.watching import HOUR_MS, NOW_MS, VIEWS, columns_of, fill


@pytest.fixture(params=list(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    found = STORES[request.param](tmp_path)
    fill(found)
    return found


def rows_of(opened: Opened, view: str) -> list[dict[str, Any]]:
    names = columns_of(view)
    return [
        dict(zip(names, row, strict=True))
        for row in opened.run(f"SELECT {', '.join(names)} FROM {view}")
    ]


def table_of(opened: Opened, table: str) -> list[dict[str, Any]]:
    names = sorted(tables()[table])
    rows = opened.run(f"SELECT {', '.join(names)} FROM {table}")
    return [dict(zip(names, row, strict=True)) for row in rows]


def ms(moment: Any) -> int | None:
    """A time of either database."""
    if moment is None:
        return None
    return ms_of(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)


def by(rows: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {row[name]: row for row in rows}


def test_points_in_words(opened: Opened) -> None:
    found = by(rows_of(opened, "v_points"), "event_id")
    stored = by(table_of(opened, "raw_events"), "event_id")
    alerts = {row["alert_id"] for row in table_of(opened, "alerts")}
    assert found.keys() == stored.keys()
    for name, row in stored.items():
        view = found[name]
        judged = row["metric_value"] if row["rate"] is None else row["rate"]
        assert view["judged_value"] == judged
        assert view["judged_as"] == ("value" if row["rate"] is None else "rate")
        assert view["alert_flag"] == ("Y" if name in alerts else "N")
        if row["low_value"] is None:
            assert view["band_position"] == "no band"
        else:
            below, above = judged < row["low_value"], judged > row["high_value"]
            assert view["band_position"] == ("below" if below else "above" if above else "within")
        assert view["state"] == state_of(row)
    states = {row["state"] for row in found.values()}
    assert states == {"strange", "late", "waiting", "not judged", "ordinary"}
    assert {row["judged_as"] for row in found.values()} == {"value", "rate"}
    assert {row["band_position"] for row in found.values()} == {
        "no band", "below", "above", "within",
    }  # fmt: skip


def state_of(row: dict[str, Any]) -> str:
    if row["anomaly_flag"] == "Y":
        return "strange"
    if row["late_flag"] == "Y":
        return "late"
    if row["processed_flag"] == "N":
        return "waiting"
    unjudged = row["score"] is None or row["view_name"] in (LEARNING, NO_TIME)
    return "not judged" if unjudged else "ordinary"


def test_alerts_with_their_episodes(opened: Opened) -> None:
    found = by(rows_of(opened, "v_alerts"), "alert_id")
    episodes = by(table_of(opened, "episodes"), "episode_id")
    wanted = opened.desk.alerts(most=None)
    assert found.keys() == {one.alert_id for one in wanted}
    for one in wanted:
        view, episode = found[one.alert_id], episodes[one.alert_id]
        acknowledged = "past" if one.acknowledged_by == "history" else "acknowledged"
        state = "muted" if one.muted else "open"
        state = acknowledged if one.acknowledged_ms is not None else state
        assert view["state"] == ("false alarm" if one.false_alarm else state)
        assert view["delivery"] == ("muted" if one.muted else "waiting")
        start_ms, end_ms = ms(episode["start_time"]), ms(episode["end_time"])
        assert start_ms is not None
        assert end_ms is not None
        assert math.isclose(view["duration_s"], (end_ms - start_ms) / 1000, abs_tol=1e-3)
        assert view["strange_points"] == episode["strange_points"]
        if one.acknowledged_ms is not None and one.raised_ms is not None:
            took_s = (one.acknowledged_ms - one.raised_ms) / 1000
            assert math.isclose(view["response_s"], took_s, abs_tol=2e-3)
    assert {row["state"] for row in found.values()} >= {"past", "acknowledged", "false alarm"}


def test_what_was_sent(opened: Opened) -> None:
    digest = opened.store.claim_digest(NOW_MS)
    assert digest is not None
    opened.store.delivered(digest, "1", NOW_MS)
    deliveries = {row["delivery"] for row in rows_of(opened, "v_alerts")}
    assert deliveries == {"delivered", "muted"}
    assert rows_of(opened, "v_pipeline")[0]["alerts_waiting"] == 0


def test_episodes_with_their_alerts(opened: Opened) -> None:
    opened.run("DELETE FROM alerts WHERE acknowledged_by = 'history'")
    found = by(rows_of(opened, "v_episodes"), "episode_id")
    alerts = by(rows_of(opened, "v_alerts"), "alert_id")
    assert found.keys() == {row["episode_id"] for row in table_of(opened, "episodes")}
    for name, row in found.items():
        if name not in alerts:
            assert (row["state"], row["reason"]) == ("no alert", None)
            continue
        for column in ("state", "reason", "duration_s", "peak_score", "strange_points"):
            assert row[column] == alerts[name][column]
    assert {row["state"] for row in found.values()} >= {"no alert", "acknowledged"}


def test_the_health_of_series(opened: Opened) -> None:
    begun_s = time.time()
    found = by(rows_of(opened, "v_series_health"), "series")
    ended_s = time.time()
    known = {one.series: one for one in opened.desk.series()}
    assert found.keys() == known.keys() == {"cpu", "bytes", "old", "disk"}
    points = rows_of(opened, "v_points")
    alerts = opened.desk.alerts(most=None)
    for name, row in found.items():
        one = known[name]
        assert (row["events"], row["late_events"]) == (one.events, one.late)
        assert (row["last_value"], row["sensitivity"]) == (one.last_value, one.sensitivity)
        if one.newest_ms is not None:
            assert ms(row["newest_time"]) == one.newest_ms
            newest_s = one.newest_ms / 1000
            assert begun_s - newest_s - 1 <= row["behind_s"] <= ended_s - newest_s + 1
        # Everything here arrived within the last day.
        own = [point for point in points if point["series"] == name]
        assert row["events_24h"] == len(own)
        assert row["strange_24h"] == sum(point["state"] == "strange" for point in own)
        raised = [alert for alert in alerts if alert.series == name]
        assert row["alerts_24h"] == len(raised)
        assert row["open_alerts"] == len(opened.desk.alerts(name, only_open=True, most=None))
        assert row["false_alarms"] == sum(one.false_alarm for one in raised)
    assert found["bytes"]["state"] == "muted"
    assert ms(found["bytes"]["muted_until_time"]) == NOW_MS + HOUR_MS
    assert found["disk"]["state"] == found["old"]["state"] == "fine"
    assert found["cpu"]["state"] == ("alert" if found["cpu"]["open_alerts"] else "fine")


def test_hours(opened: Opened) -> None:
    hours: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for point in rows_of(opened, "v_points"):
        at_ms = ms(point["event_time"])
        assert at_ms is not None
        hours[point["series"], at_ms // HOUR_MS * HOUR_MS].append(point)
    found = {(row["series"], ms(row["hour_time"])): row for row in rows_of(opened, "v_hourly")}
    assert found.keys() == hours.keys()
    for key, points in hours.items():
        row = found[key]
        values = [float(point["judged_value"]) for point in points]
        lags = [((ms(p["received_time"]) or 0) - (ms(p["event_time"]) or 0)) / 1000 for p in points]
        assert row["events"] == len(points)
        assert row["strange"] == sum(point["state"] == "strange" for point in points)
        assert row["late"] == sum(point["state"] == "late" for point in points)
        assert (row["least_value"], row["most_value"]) == (min(values), max(values))
        assert math.isclose(row["mean_value"], statistics.fmean(values))
        assert math.isclose(row["mean_lag_s"], statistics.fmean(lags), abs_tol=2e-3)
        assert math.isclose(row["most_lag_s"], max(lags), abs_tol=2e-3)
        scores = [point["score"] for point in points if point["score"] is not None]
        assert row["most_score"] == (max(scores) if scores else None)


def test_the_pipeline_in_one_row(opened: Opened) -> None:
    (row,) = rows_of(opened, "v_pipeline")
    assert row["rows_waiting"] == 1
    assert row["quarantine_open"] == 1
    assert row["alerts_waiting"] == len(opened.store.pending())
    assert row["alerts_open"] == len(opened.desk.alerts(only_open=True, most=None))
    # All but the 600 of two hours ago.
    assert row["events_1h"] == len(table_of(opened, "raw_events")) - 600
    assert row["swept_time"] is not None


def test_quarantine(opened: Opened) -> None:
    (row,) = rows_of(opened, "v_quarantine")
    assert (row["reason"], row["state"], row["source_offset"]) == ("invalid-metric", "open", 901)


def test_an_empty_database_has_empty_views(tmp_path: Path) -> None:
    for make in STORES.values():
        found = make(tmp_path)
        for view in VIEWS:
            rows = rows_of(found, view)
            assert len(rows) == (view == "v_pipeline"), view


def test_an_alert_is_open_until_somebody_says_so_muted_or_not(opened: Opened) -> None:
    """The operator's list, the health of a series and the pipeline count alike."""
    alert = opened.desk.alerts("cpu")[-1]
    opened.run(
        "UPDATE alerts SET muted_flag = 'Y', acknowledged_time = NULL, acknowledged_by = NULL,"
        f" false_alarm_flag = 'N' WHERE alert_id = '{alert.alert_id}'"
    )
    listed = opened.desk.alerts(only_open=True, most=None)
    assert [one.muted for one in listed if one.alert_id == alert.alert_id] == [True]
    states = [row["state"] for row in rows_of(opened, "v_alerts")]
    assert states.count("muted") == 1
    (pipeline,) = rows_of(opened, "v_pipeline")
    health = by(rows_of(opened, "v_series_health"), "series")
    assert pipeline["alerts_open"] == len(listed) == states.count("open") + 1
    assert sum(row["open_alerts"] for row in health.values()) == len(listed)
    assert health["cpu"]["state"] == "alert"
