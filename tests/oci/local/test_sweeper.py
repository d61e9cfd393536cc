"""The database's job by the clock: what came in by other ways is judged, and told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from millrace.anomaly.instants import iso_ms
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.anomaly.sweep import NewRow
from millrace.errors import MillraceError

from localcloud.oci.notifications import Inbox, Notifications
from localcloud.oci.sweeper import Sweeper
from tests.localcloud.clock import ManualClock
from tests.localcloud.oci.looped import looped
from tests.oci.making import START_S, Kept
from tests.oci.test_sweep import put


def rows(first: int = 0) -> list[NewRow]:
    """Forty rows, the last of them strange."""
    return [
        NewRow(f"row-{first + i:04}", START_S + 60 * (first + i), 50 + i % 3 + 500 * (i == 39))
        for i in range(40)
    ]


@contextlib.contextmanager
def made(folder: Path, clock: ManualClock) -> Iterator[tuple[Sweeper, Inbox, Kept]]:
    notifications = Notifications(clock)
    inbox = notifications.create("anomalies")
    path = folder / "millrace.db"
    kept = Kept(SqliteDatabase(path))
    try:
        yield Sweeper(path, notifications, inbox.topic_id, clock), inbox, kept
    finally:
        kept.database.close()


async def turned(clock: ManualClock, sweeper: Sweeper, runs: int) -> None:
    """Wait for a run to end, which is in a thread."""
    while sweeper.done.runs < runs:
        await clock.run(0)
        await asyncio.sleep(0.001)


@looped
async def test_it_runs_every_two_minutes(tmp_path: Path) -> None:
    clock = ManualClock()
    with made(tmp_path, clock) as (sweeper, inbox, kept):
        put(kept, rows())
        async with sweeper.running():
            await clock.run(119)
            assert sweeper.done.runs == 0
            await clock.run(1)
            await turned(clock, sweeper, 1)
            assert (sweeper.done.rows, sweeper.done.alerts, sweeper.done.digests) == (40, 1, 1)
            ((flag,),) = kept.rows(
                "SELECT anomaly_flag FROM raw_events WHERE event_id = 'row-0039'"
            )
            assert flag == "Y"
            (notice,) = inbox.notices
            (alert,) = json.loads(notice.body)["alerts"]
            assert alert["id"] == "row-0039"
            await clock.run(120)
            await turned(clock, sweeper, 2)
        assert len(inbox.notices) == 1
        assert sweeper.done.rows == 40


@looped
async def test_a_topic_that_is_full_leaves_the_alert_in_the_outbox(tmp_path: Path) -> None:
    clock = ManualClock()
    with made(tmp_path, clock) as (sweeper, inbox, kept):
        for _ in range(60):
            inbox.take(None, "other", clock.now_ms())
        put(kept, rows())
        await sweeper.run()
        assert (sweeper.done.alerts, sweeper.done.digests) == (1, 0)
        clock.advance(120)
        await sweeper.run()
        assert sweeper.done.digests == 1
        assert len(inbox.notices) == 61


@looped
async def test_a_database_that_is_none_ends_a_run_and_not_the_job(tmp_path: Path) -> None:
    clock = ManualClock()
    notifications = Notifications(clock)
    topic = notifications.create("t").topic_id
    sweeper = Sweeper(tmp_path / "not there/millrace.db", notifications, topic, clock, 10)
    with pytest.raises(MillraceError):
        await sweeper.run()
    async with sweeper.running():
        for runs in (2, 3):
            await clock.run(10)
            await turned(clock, sweeper, runs)
            while sweeper.done.failures < runs - 1:
                await asyncio.sleep(0.001)
    assert (sweeper.done.runs, sweeper.done.failures) == (3, 2)


@looped
async def test_once_a_day_what_is_older_than_90_days_is_deleted(tmp_path: Path) -> None:
    clock = ManualClock()
    with made(tmp_path, clock) as (sweeper, _, kept):
        put(kept, rows())
        await sweeper.run()
        received = iso_ms(clock.now_ms() - 89 * 86_400_000)
        kept.rows(f"UPDATE raw_events SET received_time = '{received}' WHERE event_id < 'row-0010'")
        clock.advance(86_300)
        await sweeper.run()
        assert sweeper.done.purged == 0
        clock.advance(86_400)
        await sweeper.run()
        await sweeper.run()
        assert sweeper.done.purged == 10
        assert kept.rows("SELECT COUNT(*) FROM raw_events") == [(30,)]
