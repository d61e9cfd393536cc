"""Metrics on the stream become rows, flags, alerts and messages: series with labelled anomalies.

Made ones, and real ones where the development half of the Numenta benchmark is beside the checkout.
What must come out is what a Detector says that is run over each series by itself.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from millrace.anomaly import Detector
from millrace.anomaly.instants import iso_ms

from benchmarks import nab
from localcloud.demo.anomalies.labelled import Labelled, read_folder
from localcloud.demo.anomalies.made import made
from localcloud.demo.anomalies.replay import Stretch, live, past, stretches
from localcloud.oci.batching import Limits
from localcloud.oci.cloud import OciCloud, Options, running
from localcloud.oci.notifications import Notice

ROOT = Path(__file__).parents[2]
SERIES = 4
LIVE_POINTS = 200
# Large batches, as the topic takes ten messages a minute.
LIMITS = Limits(messages=5_000, seconds=0.3)


SOURCES: dict[str, Callable[[], list[Labelled]]] = {"made": lambda: made(seed=1)[:SERIES]}
if nab.NAB_DEV.is_dir():
    SOURCES["nab-dev"] = lambda: read_folder(nab.NAB_DEV, SERIES)


@dataclass
class Expected:
    """What the detector says of every series, point by point."""

    flags: dict[str, tuple[str, float, str]] = field(default_factory=dict)
    features: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    alerts: dict[str, str] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)


def directly(series: list[Stretch]) -> Expected:
    expected = Expected()
    for one in series:
        detector = Detector()
        last: float | None = None
        for index, (at_s, value) in enumerate(zip(one.times_s, one.values, strict=True)):
            verdict = detector.update(at_s, value)
            name = one.event_id(index)
            flag = "Y" if verdict.score >= 1 else "N"
            expected.flags[name] = (flag, verdict.score, verdict.reason)
            change = None if last is None else value - last
            expected.features[name] = (change, value / last if last else None)
            if verdict.alert:
                expected.alerts[name] = verdict.reason
            last = value
        expected.states[one.name] = detector.dumps()
    return expected


@dataclass
class Ran:
    """What stood there when all was done."""

    series: list[Stretch]
    database: Path
    notices: list[Notice]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


async def _run(labelled: list[Labelled], folder: Path) -> Ran:
    series = stretches(labelled, LIVE_POINTS, time.time())
    async with running(Options(ROOT, folder, limits=LIMITS)) as cloud:
        metrics = [*past(series, 0), *live(series, 10.0)]
        cloud.put([(metric.key.decode(), metric.data) for metric in metrics])
        await cloud.caught_up()
        await _delivered(cloud)
        return Ran(series, cloud.database, list(cloud.notices))


async def _delivered(cloud: OciCloud) -> None:
    """Until the outbox is empty: the database's job sends what the function has left."""
    waiting = "SELECT COUNT(*) FROM outbox WHERE digest_id IS NULL"
    while True:
        connection = sqlite3.connect(cloud.database)
        ((count,),) = connection.execute(waiting)
        connection.close()
        if not count:
            return
        await cloud.swept()
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module", params=SOURCES)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    run = _run(SOURCES[request.param](), tmp_path_factory.mktemp("oci"))
    return asyncio.run(asyncio.wait_for(run, 120))


@pytest.fixture(scope="module")
def expected(ran: Ran) -> Expected:
    return directly(ran.series)


def test_every_row_has_the_detectors_flag_score_and_reason(ran: Ran, expected: Expected) -> None:
    rows = ran.rows("SELECT event_id, anomaly_flag, score, reason FROM raw_events")
    assert {str(name): told for name, *told in rows} == {
        name: list(told) for name, told in expected.flags.items()
    }
    flags = Counter(flag for flag, _, _ in expected.flags.values())
    assert 0 < flags["Y"] < flags["N"] / 10


def test_every_row_has_its_event_and_features(ran: Ran, expected: Expected) -> None:
    rows = ran.rows(
        "SELECT event_id, series, event_time, metric_value, feature1, feature2 FROM raw_events"
    )
    assert {str(row[0]): row[1:] for row in rows} == {
        one.event_id(index): (
            one.name,
            iso_ms(round(one.times_s[index] * 1000)),
            one.values[index],
            *expected.features[one.event_id(index)],
        )
        for one in ran.series
        for index in range(len(one.values))
    }


def test_the_states_are_the_detectors_own(ran: Ran, expected: Expected) -> None:
    rows = ran.rows("SELECT series, detector, events, late_events FROM series_state")
    assert {str(name): told for name, *told in rows} == {
        one.name: [expected.states[one.name], len(one.values), 0] for one in ran.series
    }


def test_there_is_one_alert_an_episode_and_each_is_told_once(ran: Ran, expected: Expected) -> None:
    rows = ran.rows("SELECT alert_id, reason FROM alerts")
    assert {str(name): reason for name, reason in rows} == expected.alerts
    assert ran.rows("SELECT COUNT(*) FROM episodes") == [(len(expected.alerts),)]
    told = Counter(
        alert["id"] for notice in ran.notices for alert in json.loads(notice.body)["alerts"]
    )
    assert told == Counter(expected.alerts.keys())
    assert ran.rows("SELECT COUNT(*) FROM digests WHERE delivered_flag = 'N'") == [(0,)]
    assert ran.rows("SELECT COUNT(*) FROM quarantine") == [(0,)]


def test_most_of_the_labelled_anomalies_raise_an_alert(ran: Ran, expected: Expected) -> None:
    windows = [(one, window) for one in ran.series for window in one.windows]
    hit = sum(
        any(one.event_id(index) in expected.alerts for index in window) for one, window in windows
    )
    assert hit >= 0.6 * len(windows)
