"""Rows, alerts and episodes that tests write into a store."""

from __future__ import annotations

from millrace.anomaly.rows import Alert, EpisodeRow, EventRow, SeriesState
from millrace.anomaly.scoring import Scored
from millrace.connector_hub import Source

from tests.oci.making import NOW_MS
from tests.oci.stores import Opened

TIME_MS = 1_767_225_600_123
SOURCE = Source("stream", "2", 17)


def row(name: str = "a", source: Source | None = SOURCE, series: str = "cpu") -> EventRow:
    return EventRow(name, series, TIME_MS, 0.1, None, 2.5, True, 1.25, "why", False, source)


def state(series: str = "cpu", events: int = 1) -> SeriesState:
    return SeriesState(series, b"\x00\xff" * 2000, TIME_MS, 0.1, events, 2, "a")


def alert(name: str = "a", muted: bool = False) -> Alert:
    return Alert(name, "cpu", TIME_MS, 0.1, 1.25, 0.0, -1e300, None, "why", "function", muted)


def episode(points: int = 1) -> EpisodeRow:
    return EpisodeRow("a", "cpu", TIME_MS, TIME_MS + points, TIME_MS, 1.25, 0.1, points)


def write(opened: Opened, scored: Scored, now_ms: int = NOW_MS) -> None:
    with opened.store.begin() as transaction:
        transaction.write(scored, now_ms)


def put_alerts(opened: Opened, count: int, prefix: str = "a") -> None:
    alerts = [alert(f"{prefix}{number:04d}") for number in range(count)]
    write(opened, Scored(alerts=alerts))
