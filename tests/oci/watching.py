"""The views by Oracle's text, and a database with something of everything in it."""

from __future__ import annotations

import re
import time
from typing import Any

import sqlglot
from millrace.anomaly.history import Historian
from millrace.anomaly.pipeline import Pipeline, sort_out
from sqlglot import exp

from tests.oci.making import STREAM, coded, payload
from tests.oci.stores import Opened
from tests.oci.test_oracle_sql import DDL

VIEWS = {
    match[1]: match[2].strip()
    for name, text in DDL
    if (match := re.match(r"CREATE OR REPLACE VIEW (\w+) AS\n(.*)", text, re.S))
}
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
