"""Series in a database, as the function leaves them."""

from __future__ import annotations

import json
import math
import random
import time
from pathlib import Path

from millrace.anomaly.desk import Desk
from millrace.anomaly.pipeline import Pipeline, Report
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.sqlite import SqliteDatabase

from tests.oci.making import coded

NOW_MS = time.time_ns() // 1_000_000
STEP_MS = 60_000
HOSTILE = '<img src=x onerror="window.hacked=1">\'; DROP TABLE alerts;--'


class Plant:
    """A database that a function writes to, while the page reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        database = SqliteDatabase(path)
        self.connection = database.connection
        self.desk = Desk(database)
        self._store = SqlStore(database)
        self._pipeline = Pipeline(self._store)
        self._sent: dict[str, int] = {}

    @property
    def url(self) -> str:
        """As MILLRACE_DATABASE names it."""
        return f"sqlite:///{self.path}"

    def send(self, series: str, *values: float) -> Report:
        """The next values of a series, a minute apart, the last ones about now."""
        first = self._sent.get(series, 0)
        self._sent[series] = first + len(values)
        start_ms = NOW_MS - 10_000 * STEP_MS
        records = [
            {
                "stream": "metrics",
                "partition": series,
                "key": None,
                "value": coded(json.dumps(self._event(series, number, value, start_ms))),
                "offset": number,
                "timestamp": NOW_MS,
            }
            for number, value in enumerate(values, first)
        ]
        return self._pipeline.handle(json.dumps(records).encode(), NOW_MS)

    def put(self, event: dict[str, object]) -> Report:
        """One event as it is."""
        return self._pipeline.handle(json.dumps(event).encode(), NOW_MS)

    def sweep(self) -> None:
        """Judge what came in by other ways."""
        self._store.sweep()

    def _event(self, series: str, number: int, value: float, start_ms: int) -> dict[str, object]:
        time_ms = start_ms + number * STEP_MS
        return {"id": f"{series}#{number}", "time": time_ms, "metric": value, "series": series}


def quiet(count: int, seed: int = 1, usual: float = 50.0) -> list[float]:
    """Values of a series in which nothing is strange."""
    rng = random.Random(seed)
    return [usual + 5 * math.sin(i / 40) + rng.gauss(0, 1) for i in range(count)]
