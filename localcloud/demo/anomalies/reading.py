"""What stands in the function's database, read beside it without holding it up."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from localcloud.demo.anomalies.recomputing import Row

_ROWS = """
SELECT event_id, series, event_time, metric_value, feature1, feature2, anomaly_flag, score,
       CASE late_flag WHEN 'N' THEN reason END, late_flag
FROM raw_events"""
_ALERTS = """
SELECT alert_id, series, event_time, metric_value, score, expected, low_value, high_value, reason,
       muted_flag
FROM alerts"""
_EPISODES = """
SELECT episode_id, series, start_time, end_time, peak_time, peak_score, peak_value, strange_points
FROM episodes"""
_STATES = """
SELECT series, detector, newest_ms, last_value, events, late_events, episode_id
FROM series_state"""
_QUARANTINE = "SELECT source_partition || '/' || source_offset, reason FROM quarantine"

_TALLY = """
SELECT (SELECT COUNT(*) FROM raw_events),
       (SELECT COALESCE(SUM(anomaly_flag = 'Y'), 0) FROM raw_events),
       (SELECT COUNT(*) FROM alerts),
       (SELECT COUNT(*) FROM outbox o LEFT JOIN digests d ON d.digest_id = o.digest_id
        WHERE COALESCE(d.delivered_flag, 'N') = 'N'),
       (SELECT COUNT(*) FROM quarantine)"""
_LATEST = """
SELECT series, reason, event_time FROM alerts WHERE muted_flag = 'N' ORDER BY rowid DESC LIMIT ?"""
_BEFORE = """
SELECT metric_value FROM raw_events
WHERE series = ? AND event_time <= ? AND late_flag = 'N' ORDER BY event_time DESC LIMIT ?"""
_LOOK_BACK = 14


@dataclass(frozen=True, slots=True)
class Found:
    """The tables, each row by its key."""

    rows: dict[str, Row]
    alerts: dict[str, Row]
    episodes: dict[str, Row]
    states: dict[str, Row]
    quarantine: dict[str, Row]


class Tally(NamedTuple):
    """How far it has come; `waiting` alerts are on their way to the topic."""

    rows: int = 0
    strange: int = 0
    alerts: int = 0
    waiting: int = 0
    quarantined: int = 0


def found(database: Path) -> Found:
    """Everything, at one moment."""
    with _reading(database) as connection:
        tables = (_ROWS, _ALERTS, _EPISODES, _STATES, _QUARANTINE)
        return Found(*({row[0]: row[1:] for row in connection.execute(one)} for one in tables))


class Alerted(NamedTuple):
    """An alert, and the last values up to it."""

    series: str
    reason: str
    values: list[float]


def tally(database: Path, latest: int = 0) -> tuple[Tally, list[Alerted]]:
    """The counts, and the latest alerts that were not muted, the newest first."""
    if not database.exists():
        return Tally(), []
    with _reading(database) as connection:
        if not connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'sweep_runs'"
        ).fetchone():
            return Tally(), []  # the function has not made its tables yet
        (counts,) = connection.execute(_TALLY)
        alerts = connection.execute(_LATEST, (latest,)).fetchall()
        return Tally(*counts), [
            Alerted(series, reason, _before(connection, series, time))
            for series, reason, time in alerts
        ]


def _before(connection: sqlite3.Connection, series: str, time: str) -> list[float]:
    rows = connection.execute(_BEFORE, (series, time, _LOOK_BACK)).fetchall()
    return [value for (value,) in reversed(rows)]


@contextlib.contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()
