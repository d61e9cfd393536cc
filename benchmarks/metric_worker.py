"""The function extract-features in a process of its own: what each batch takes of a processor.

Run by the function's own environment, with its folder on the path: the handler is called as fdk
calls it. Its series are grown up: each has a detector of 2,000 points in the database before the
first batch. Prints one JSON object: processor seconds of each batch, events in it, how many series,
bytes of state of each, and the most memory that the process ever had.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import random
import resource
import sqlite3
import sys
import tempfile
from functools import partial
from itertools import islice
from pathlib import Path

from millrace.anomaly import Detector, sqlite
from millrace.anomaly.rows import SeriesState
from millrace.anomaly.scoring import Scored

from benchmarks.least_cpu import timed
from benchmarks.metric_stream import NOW_MS, batches, named, time_s, value

PAST = 2_000
# Detectors that are made for real; the series share copies of their states.
_KINDS = 20


def main(series: int, count: int, size: int) -> None:
    """Feed the function so many batches of so many events."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "millrace.db"
        os.environ["MILLRACE_DATABASE"] = f"sqlite:///{database}"
        grow_up(database, series)
        handler = importlib.import_module("func").handler
        context = importlib.import_module("fdk.context")
        logging.getLogger().setLevel(logging.INFO)  # fdk says everything that it does

        def call(body: bytes) -> None:
            invocation = context.InvokeContext("app", "app", "fn", "extract-features", "call")
            answer = json.loads(handler(invocation, io.BytesIO(body)).body())
            assert answer["stored"] == size, answer

        bodies = batches(series, count, size, PAST)
        # One at a time: what waits to be sent is not the function's memory.
        seconds = [spent for body in bodies for spent in timed([partial(call, body)])]
        states, state_bytes = _states(database)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        "seconds": seconds,
        "events": size,
        "series": states,
        "state_bytes": state_bytes,
        "most_bytes": most if sys.platform == "darwin" else most * 1024,
    }
    sys.stdout.write(json.dumps(found) + "\n")


def grow_up(database: Path, series: int) -> None:
    """Put a state of each series into a database, as if it had been fed for long."""
    kinds = [_grown(seed) for seed in range(min(_KINDS, series))]
    numbers = iter(range(series))
    store = sqlite.store(database)
    while some := list(islice(numbers, 1_000)):
        scored = Scored()
        for number in some:
            blob, last = kinds[number % len(kinds)]
            newest_ms = 1000 * time_s(PAST - 1)
            scored.fresh.append(SeriesState(named(number), blob, newest_ms, last, events=PAST))
        with store.begin() as transaction:
            transaction.write(scored, NOW_MS)


def _grown(seed: int) -> tuple[bytes, float]:
    rng = random.Random(seed)  # noqa: S311  traffic, not a secret
    detector, last = Detector(), 0.0
    for point in range(PAST):
        last = value(rng)
        detector.update(float(time_s(point)), last)
    return detector.dumps(), last


def _states(database: Path) -> tuple[int, float]:
    connection = sqlite3.connect(database)
    ((count, mean),) = connection.execute(
        "SELECT COUNT(*), AVG(LENGTH(detector)) FROM series_state"
    )
    connection.close()
    return int(count), float(mean)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:4]))
