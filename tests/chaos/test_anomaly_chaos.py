"""Everything at once on the local Oracle Cloud, by a seed; and the end is that of a clean run.

Producers repeat and come late; the connector loses answers, sends again and in disorder; the
database fails in the middle of transactions, at each kind of statement; the function is killed;
Notifications refuses and hangs up. Rows, flags, alerts, episodes, states and quarantine must be
those of a plain loop over the stream in the order of offsets, and of a clean pipeline; each alert
must come once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest
from millrace.anomaly.delivery import deliver
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.sqlite import SqliteDatabase

from localcloud.demo.anomalies.checking import check
from localcloud.demo.anomalies.made import made
from localcloud.demo.anomalies.reading import found
from localcloud.demo.anomalies.recomputing import Expected, recompute
from localcloud.demo.anomalies.replay import Metric, live, spoiled, stretches
from localcloud.faults.plan import Drop, Fail, FaultPlan, Rule
from localcloud.faults.records import reordered_within
from localcloud.oci.batching import Limits
from localcloud.oci.cloud import OciCloud, Options, running
from localcloud.oci.connector import Repeats
from localcloud.oci.notifications import Notice
from tests.oci.making import Kept

ROOT = Path(__file__).parents[2]
SERIES, POINTS = 4, 900
CHUNK = 60
KILLS = 3
TIMEOUT_S = 150
# Statements in the order in which a transaction comes to them: it is broken off there.
BROKEN = (
    "INSERT ON raw_events",
    "INSERT ON series_state",
    "UPDATE ON series_state",
    "INSERT ON alerts",
    "INSERT ON outbox",
    "INSERT ON episodes",
    "INSERT ON quarantine",
    "INSERT ON digests",
    "UPDATE ON digests",
)


def metrics(seed: int) -> list[Metric]:
    """Four series to the end of their anomalies: repeated, late, poisoned and out of order."""
    series = stretches(made(seed)[:SERIES], POINTS, time.time())
    sent = spoiled(spoiled(live(series, 10.0), seed), seed + 1)
    return list(
        reordered_within(
            sent, seed=seed, probability=0.02, bound=2.0, position=lambda one: one.due_s
        )
    )


def faults(seed: int) -> FaultPlan:
    busy = Fail("TooManyRequests", 429, "chaos")
    return FaultPlan(
        seed,
        (
            Rule("functions", "invoke_function", Fail("Timeout", 504, "chaos"), probability=0.05),
            Rule("ons", "publish_message", busy, probability=0.3),
            Rule("ons", "publish_message", Drop(), probability=0.2),
            Rule("ons", "publish_message", latency_ms=(10, 80)),
        ),
    )


class Breaking:
    """Makes the database fail at a statement, for a moment: everything before it is rolled back."""

    def __init__(self, cloud: OciCloud, seed: int) -> None:
        self._cloud = cloud
        self._rng = random.Random(f"{seed}/breaking")
        self._stopped = False
        self.felt: Counter[str] = Counter()

    def stop(self) -> None:
        """Break nothing more."""
        self._stopped = True

    async def run(self) -> None:
        """Until it is stopped; then the database is whole."""
        while not self._stopped:
            for where in self._rng.sample(BROKEN, len(BROKEN)):
                await asyncio.to_thread(self._break, where)
                failures = self._cloud.connector.counters.failures
                for _ in range(20):
                    await asyncio.sleep(0.02)
                    if self._cloud.connector.counters.failures > failures:
                        self.felt[where] += 1
                        break
                await asyncio.to_thread(self._mend)
                await asyncio.sleep(self._rng.uniform(0.05, 0.2))

    def _break(self, where: str) -> None:
        """A trigger whose arithmetic overflows: to the function its database has failed."""
        overflow = "BEGIN SELECT abs(-9223372036854775807 - 1); END"
        self._run(f"CREATE TRIGGER IF NOT EXISTS chaos AFTER {where} {overflow}")

    def _mend(self) -> None:
        self._run("DROP TRIGGER IF EXISTS chaos")

    def _run(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self._cloud.database, timeout=30)) as connection:
            connection.execute(statement)


async def kill_now_and_then(cloud: OciCloud, seed: int) -> None:
    """Kill the function in the middle of a batch, each time at another moment."""
    rng = random.Random(f"{seed}/killing")
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.5, 1.5))
        seen = cloud.function.calls
        while cloud.function.calls == seen:
            await asyncio.sleep(0.001)
        await asyncio.sleep(rng.uniform(0.0, 0.03))
        cloud.function.kill()


async def produce(cloud: OciCloud, sent: list[Metric]) -> None:
    for start in range(0, len(sent), CHUNK):
        part = sent[start : start + CHUNK]
        cloud.put([(metric.key.decode(), metric.data) for metric in part])
        await asyncio.sleep(0.03)


class Later:
    """The inbox, for what waits for somebody's lease to end: a minute passes in no time."""

    def __init__(self, cloud: OciCloud) -> None:
        self._cloud = cloud
        self._minutes = 0

    def publish(self, title: str, body: str) -> str:
        return self._cloud.inbox.take(title, body, self._now_ms()).message_id

    def drain(self) -> None:
        with contextlib.closing(SqliteDatabase(self._cloud.database)) as database:
            idle = 0
            while idle < 20:  # the longest pause of a digest is ten minutes
                self._minutes += 1
                done = deliver(SqlStore(database), self, self._now_ms())
                idle = idle + 1 if done is None else 0

    def _now_ms(self) -> int:
        return self._cloud.stream.clock.now_ms() + 60_001 * self._minutes


def distinct(notices: list[Notice]) -> list[Notice]:
    """As a receiver sees them who looks at the digest: who was killed could not note that it was
    taken, and it comes again, the same to the byte."""
    known: dict[str, Notice] = {}
    for notice in notices:
        first = known.setdefault(json.loads(notice.body)["digest"], notice)
        assert first.body == notice.body
    return list(known.values())


def clean_pipeline(cloud: OciCloud) -> Kept:
    """One record after the other, partition after partition, nothing failing."""
    kept = Kept()
    for name in cloud.stream.partitions:
        for message in cloud.stream.partition(name).read(0):
            kept.handle(
                [
                    {
                        "stream": cloud.stream.name,
                        "partition": name,
                        "key": base64.b64encode(message.key or b"").decode(),
                        "value": base64.b64encode(message.value).decode(),
                        "offset": message.offset,
                        "timestamp": message.arrival_ms,
                    }
                ]
            )
    return kept


def recomputed(cloud: OciCloud) -> Expected:
    return recompute(cloud.stream.partition(name).read(0) for name in cloud.stream.partitions)


async def everything_at_once(folder: Path, seed: int) -> None:
    options = Options(
        *(ROOT, folder),
        limits=Limits(messages=80, seconds=0.1),
        repeats=Repeats(seed, lose_answer=0.2, send_again=0.2, reorder=0.2),
        faults=faults(seed),
    )
    sent = metrics(seed)
    async with running(options) as cloud:
        # The tables are made by the first batch.
        await produce(cloud, sent[:CHUNK])
        await cloud.caught_up()
        breaking = Breaking(cloud, seed)
        async with asyncio.TaskGroup() as group:
            group.create_task(breaking.run())
            killing = group.create_task(kill_now_and_then(cloud, seed))
            await produce(cloud, sent[CHUNK:])
            await killing
            breaking.stop()
        await cloud.caught_up()
        cloud.injector.use(FaultPlan())
        await asyncio.to_thread(Later(cloud).drain)

        counters = cloud.connector.counters
        again = (counters.lost_answers, counters.sent_again, counters.reordered)
        assert min(counters.failures, *again) >= 1
        assert cloud.function.starts > 1, "it was killed and came again"
        assert breaking.felt, "the database has failed in a transaction"
        injected = {one.service for one in cloud.injector.injected()}
        assert injected == {"functions", "ons"}

        expected = recomputed(cloud)
        checked = check(expected, found(cloud.database), distinct(cloud.inbox.notices))
        assert checked.wrong == []
        assert checked.exact, checked
        assert checked.metrics == len(sent)
        for something in ("alerts", "delivered", "late", "duplicates", "quarantined", "strange"):
            assert getattr(checked, something) >= 3, (something, checked)
        assert Kept(SqliteDatabase(cloud.database)).results() == clean_pipeline(cloud).results()


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_at_once_changes_nothing(seed: int, tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(everything_at_once(tmp_path, seed), TIMEOUT_S))
