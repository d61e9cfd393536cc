"""The views: the same in both databases, and what they say is true of the tables."""

from __future__ import annotations

import math
import re
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from millrace.anomaly.desk import Desk
from millrace.anomaly.history import Historian
from millrace.anomaly.instants import ms_of
from millrace.anomaly.migrations import read_migrations
from millrace.anomaly.pipeline import Pipeline, sort_out
from millrace.anomaly.sqlite import SqliteDatabase
from sqlglot import exp

from tests.oci.making import STREAM, coded, payload
from tests.oci.stores import ROOT, STORES, Opened
from tests.oci.test_oracle_sql import DDL, RESERVED, tables

VIEWS = {
    match[1]: match[2].strip()
    for name, text in DDL
    if (match := re.match(r"CREATE OR REPLACE VIEW (\w+) AS\n(.*)", text, re.S))
}
_BETWEEN = re.compile(
    r"EXTRACT\(DAY FROM \((\S+) - (\S+)\)\) \* 86400\s+"
    r"\+ EXTRACT\(HOUR FROM \(\1 - \2\)\) \* 3600\s+"
    r"\+ EXTRACT\(MINUTE FROM \(\1 - \2\)\) \* 60\s+"
    r"\+ EXTRACT\(SECOND FROM \(\1 - \2\)\)"
)
HOUR_MS = 3_600_000
# A moment before this run's: views look back from the clock of the database.
NOW_MS = time.time_ns() // 1_000_000


def columns_of(view: str) -> list[str]:
    """The names of a view's columns, from Oracle's text."""
    tree = sqlglot.parse_one(VIEWS[view], dialect="oracle")
    assert isinstance(tree, exp.Query)
    return [one.alias_or_name for one in tree.selects]


def metric_record(series: str, number: int, value: object, at_ms: int) -> dict[str, Any]:
    data = f'{{"id": "{series}-{number}", "time": {at_ms}, "metric": {value}}}'
    return {
        "stream": STREAM,
        "partition": series,
        "key": coded(series),
        "value": coded(data),
        "offset": number,
        "timestamp": NOW_MS,
    }


def fill(opened: Opened) -> None:
    """Something of everything: alerts in each state, late, swept and waiting rows, quarantine."""
    pipeline = Pipeline(opened.store)
    minute = 60_000
    start_ms = NOW_MS - 620 * minute
    values = [
        20 + number % 5 + {400: 70, 401: 70, 300: -60, 560: 70}.get(number, 0)
        for number in range(600)
    ]
    records = [
        metric_record("cpu", number, value, start_ms + number * minute)
        for number, value in enumerate(values)
    ]
    pipeline.handle(payload(records), NOW_MS - 2 * HOUR_MS)
    pipeline.handle(payload([metric_record("cpu", 900, 7, start_ms)]), NOW_MS)
    counter = [
        metric_record("bytes", number, 50 * number + 10 * (number % 3), start_ms + number * minute)
        for number in range(300)
    ]
    pipeline.handle(payload(counter), NOW_MS - 1000)
    pipeline.handle(payload([metric_record("cpu", 901, '"x"', NOW_MS)]), NOW_MS)
    past = [
        metric_record(
            "old", number, 90 if number == 200 else number % 4, 1_000_000_000_000 + number
        )
        for number in range(250)
    ]
    metrics, _ = sort_out(payload(past), NOW_MS)
    Historian(opened.database).load(metrics, NOW_MS)
    opened.run(
        "INSERT INTO raw_events (event_id, series, event_time, metric_value)"
        f" SELECT 'swept', 'disk', epoch_time({NOW_MS // 1000 - 60}), 3 FROM dual"
    )
    opened.store.sweep()
    opened.run(
        "INSERT INTO raw_events (event_id, series, event_time, metric_value)"
        f" SELECT 'new', 'disk', epoch_time({NOW_MS // 1000}), 4 FROM dual"
    )
    first, *_ = opened.desk.alerts("cpu", most=1)
    opened.desk.acknowledge(first.alert_id, "ann", NOW_MS + 1500)
    *_, last = opened.desk.alerts("cpu")
    opened.desk.false_alarm(last.alert_id, "ann", NOW_MS)
    opened.desk.mute("bytes", NOW_MS + HOUR_MS)
    opened.desk.set_sensitivity("cpu", 0.5)


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
    return "not judged" if row["score"] is None else "ordinary"


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
    found = by(rows_of(opened, "v_series_health"), "series")
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
            assert 0 <= row["behind_s"] - (NOW_MS - one.newest_ms) / 1000 < 600
        # Everything here arrived within the last day.
        own = [point for point in points if point["series"] == name]
        assert row["events_24h"] == len(own)
        assert row["strange_24h"] == sum(point["state"] == "strange" for point in own)
        raised = [alert for alert in alerts if alert.series == name]
        assert row["alerts_24h"] == len(raised)
        open_ = [one for one in raised if one.acknowledged_ms is None and not one.muted]
        assert row["open_alerts"] == len(open_)
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
    alerts = opened.desk.alerts(most=None)
    assert row["rows_waiting"] == 1
    assert row["quarantine_open"] == 1
    assert row["alerts_waiting"] == len(opened.store.pending())
    assert row["alerts_open"] == sum(a.acknowledged_ms is None and not a.muted for a in alerts)
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


# SQLite's text against Oracle's.


def translated(text: str) -> str:
    """Oracle's text in SQLite's words, with the functions that our connection has."""
    text = _BETWEEN.sub(r"(epoch_s(\1) - epoch_s(\2))", text)
    text = re.sub(
        r"SYS_EXTRACT_UTC\(SYSTIMESTAMP\) - INTERVAL '1' (DAY|HOUR)",
        r"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 \1')",
        text,
    )
    text = text.replace("SYS_EXTRACT_UTC(SYSTIMESTAMP)", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
    text = text.replace("newest_ms / 1000", "newest_ms / 1000.0")
    text = text.replace("muted_until_ms / 1000", "muted_until_ms / 1000.0")
    return text.replace(
        "CAST(TRUNC(e.event_time, 'HH24') AS TIMESTAMP)",
        "strftime('%Y-%m-%dT%H:00:00.000Z', e.event_time)",
    )


@pytest.mark.parametrize("view", list(VIEWS))
def test_oracles_text_finds_the_same_rows(tmp_path: Path, view: str) -> None:
    opened = STORES["sqlite"](tmp_path)
    fill(opened)
    names = columns_of(view)
    theirs = opened.run(f"SELECT {', '.join(names)} FROM ({translated(VIEWS[view])})")
    ours = opened.run(f"SELECT {', '.join(names)} FROM {view}")
    assert len(ours) == len(theirs) > 0
    for one, other in zip(sorted(ours, key=repr), sorted(theirs, key=repr), strict=True):
        for name, a, b in zip(names, one, other, strict=True):
            if name == "behind_s" and a is not None:
                assert abs(a - b) < 60  # each looked at the clock for itself
            elif isinstance(a, float):
                assert math.isclose(a, b, rel_tol=1e-9, abs_tol=2e-3), name
            else:
                assert a == b, name


def test_both_databases_have_the_same_views_and_columns() -> None:
    connection = SqliteDatabase(":memory:").connection
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
    assert {name for (name,) in listed} - {"dual"} == VIEWS.keys()
    for view in VIEWS:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
        assert columns == columns_of(view)
        assert not {name for name in columns if name.upper() in RESERVED.split()}


@pytest.mark.parametrize("view", list(VIEWS))
def test_a_view_names_columns_that_are_there(view: str) -> None:
    tree = sqlglot.parse_one(VIEWS[view], dialect="oracle")
    made = tables()
    for scope in tree.find_all(exp.Select):
        for table in scope.find_all(exp.Table):
            assert table.name in made, table.name
            for column in scope.find_all(exp.Column):
                if column.table == table.alias_or_name:
                    assert column.name in made[table.name], f"{table.name}.{column.name}"


def test_every_program_can_read_the_views_of_a_file(tmp_path: Path) -> None:
    """Without any function of ours: a BI tool has none."""
    fill(STORES["sqlite"](tmp_path))
    plain = sqlite3.connect(f"file:{tmp_path / 'test.db'}?mode=ro", uri=True)
    for view in VIEWS:
        assert plain.execute(f"SELECT * FROM {view}").fetchall()
    plain.close()


def test_a_file_of_an_earlier_version_gets_columns_and_views(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    first = SqliteDatabase(path)
    for view in VIEWS:
        first.connection.execute(f"DROP VIEW {view}")
    first.connection.execute("CREATE VIEW v_points AS SELECT 1 AS one")
    for name in ("expected", "low_value", "high_value", "rate", "view_name"):
        first.connection.execute(f"ALTER TABLE raw_events DROP COLUMN {name}")
    first.connection.execute("ALTER TABLE quarantine DROP COLUMN source_key")
    first.close()
    again = SqliteDatabase(path)
    found = Opened(STORES["sqlite"](tmp_path).store, Desk(again), lambda text: [], again)
    assert found.desk.series() == []
    for view in VIEWS:
        again.connection.execute(f"SELECT * FROM {view}")
    version = again.connection.execute("PRAGMA schema_version").fetchone()
    third = SqliteDatabase(path)
    assert third.connection.execute("PRAGMA schema_version").fetchone() == version


# The reader.


def statements_of(name: str) -> Iterator[str]:
    text = (ROOT / "oci-fn/sql/admin" / name).read_text(encoding="utf-8")
    for statement in re.sub(r"^(--|ACCEPT|EXEC).*$", "", text, flags=re.M).split(";"):
        if statement.strip():
            yield " ".join(statement.split())


def test_the_reader_gets_every_view_and_nothing_else() -> None:
    granted = set()
    for statement in statements_of("create_reader.sql"):
        if match := re.fullmatch(r"GRANT READ ON millrace\.(\w+) TO millrace_reader", statement):
            granted.add(match[1])
        elif match := re.fullmatch(
            r"CREATE SYNONYM millrace_reader\.(\w+) FOR millrace\.(\w+)", statement
        ):
            assert match[1] == match[2]
            assert match[1] in granted
        else:
            assert statement in (
                'CREATE USER millrace_reader IDENTIFIED BY "&password"',
                "GRANT CREATE SESSION TO millrace_reader",
            )
    assert granted == VIEWS.keys()


def test_views_come_before_what_might_use_them() -> None:
    names = [one.name for one in read_migrations(ROOT / "oci-fn/sql")]
    assert names.index("R__10_functions") < names.index("R__15_views")
