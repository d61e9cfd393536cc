"""Payloads as Connector Hub sends them, and stores with an eye on their tables."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable, Mapping
from typing import Any

from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.sqlite import SqliteDatabase

STREAM = "anomaly-events-stream"
NOW_MS = 1_800_000_000_000
START_S = 1_790_000_000
STEP_S = 300

# Times of writing differ from run to run; everything else must not.
RESULTS = {
    "raw_events": "event_id, series, event_time, metric_value, feature1, feature2, processed_flag,"
    " anomaly_flag, score, reason, late_flag",
    "series_state": "series, detector, newest_ms, last_value, events, late_events, episode_id",
    "alerts": "alert_id, series, event_time, score, expected, low_value, high_value, reason,"
    " muted_flag",
    "episodes": "episode_id, series, start_time, end_time, peak_time, peak_score, peak_value,"
    " strange_points",
    "quarantine": "quarantine_id, reason, payload",
}


def coded(value: bytes | str) -> str:
    """Base64."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def event(number: int, metric: object, series: str = "cpu", **more: object) -> dict[str, Any]:
    """An event of a series, by its number in it."""
    time_s = START_S + STEP_S * number
    return {"id": f"{series}-{number}", "time": time_s, "metric": metric, **more}


def record(
    value: Mapping[str, object] | bytes,
    offset: int,
    key: str | None = "cpu",
    partition: str = "0",
) -> dict[str, Any]:
    """A record of the stream."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return {
        "stream": STREAM,
        "partition": partition,
        "key": None if key is None else coded(key),
        "value": coded(data),
        "offset": offset,
        "timestamp": NOW_MS,
    }


def payload(records: Iterable[Mapping[str, object]]) -> bytes:
    """The body of an invocation."""
    return json.dumps(list(records)).encode()


def history(
    count: int, series: str = "cpu", seed: int = 1, spikes: Iterable[int] = ()
) -> list[dict[str, Any]]:
    """The records of a series: noise about 50, and spikes."""
    rng = random.Random(f"{series}{seed}")
    spiky = set(spikes)
    values = [50 + rng.gauss(0, 1) + (60 if i in spiky else 0) for i in range(count)]
    return [record(event(i, v, series), i, series, series) for i, v in enumerate(values)]


class Kept:
    """A pipeline over a database in memory, and what stands in its tables."""

    def __init__(self, database: SqliteDatabase | None = None) -> None:
        self.database = database or SqliteDatabase(":memory:")
        self.store = SqlStore(self.database)
        self.pipeline = Pipeline(self.store)

    def handle(self, records: Iterable[Mapping[str, object]]) -> dict[str, object]:
        """Judge a batch."""
        return self.pipeline.handle(payload(records), NOW_MS).answer()

    def rows(self, query: str, *binds: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.database.connection.execute(query, binds).fetchall()

    def results(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that must be the same however the events came."""
        return {
            table: self.rows(f"SELECT {columns} FROM {table} ORDER BY 1")
            for table, columns in RESULTS.items()
        }
