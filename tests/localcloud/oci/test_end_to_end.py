"""Stream → connector → function under fdk → SQLite → outbox → Notifications, all of it real.

However often batches are repeated and the function is killed, rows, states and alerts are those of
a clean run in the order of offsets, and every alert is delivered once.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from pathlib import Path

from millrace.anomaly.delivery import deliver
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.sqlite import SqliteDatabase

from localcloud.oci.batching import Limits
from localcloud.oci.cloud import OciCloud, Options, running
from localcloud.oci.connector import Repeats
from localcloud.oci.notifications import Inbox
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import ROOT
from tests.oci.making import Kept, history

SERIES = {"cpu": [500], "memory": [450, 700], "disk": []}
POINTS = 750


def messages() -> list[tuple[bytes | None, bytes]]:
    """The series, interleaved as producers at work would put them."""
    told = [
        [(name.encode(), base64.b64decode(record["value"])) for record in history(
            POINTS, name, spikes=spikes)]
        for name, spikes in SERIES.items()
    ]  # fmt: skip
    return [message for together in zip(*told, strict=True) for message in together]


def clean_run(cloud: OciCloud) -> Kept:
    """Every partition by itself, in order, in this process, cut as no connector here cuts it."""
    kept = Kept()
    for name in cloud.stream.partitions:
        found = [
            {
                "stream": cloud.stream.name,
                "partition": name,
                "key": base64.b64encode(message.key or b"").decode(),
                "value": base64.b64encode(message.value).decode(),
                "offset": message.offset,
                "timestamp": message.arrival_ms,
            }
            for message in cloud.stream.partition(name).read(0)
        ]
        for start in range(0, len(found), 77):
            kept.handle(found[start : start + 77])
    return kept


def delivered(inbox: Inbox) -> Counter[str]:
    """How often each alert came."""
    digests = [json.loads(notice.body) for notice in inbox.notices]
    return Counter(alert["id"] for digest in digests for alert in digest["alerts"])


def check(cloud: OciCloud) -> None:
    """The tables and the inbox are those of a clean run."""
    clean = clean_run(cloud)
    found = Kept(SqliteDatabase(cloud.database))
    assert found.results() == clean.results()
    assert not found.results()["quarantine"]
    alerts = [alert for (alert,) in clean.rows("SELECT alert_id FROM alerts")]
    assert len(alerts) >= 3
    assert delivered(cloud.inbox) == Counter(alerts)


def put(cloud: OciCloud, told: list[tuple[bytes | None, bytes]]) -> None:
    for start in range(0, len(told), 500):
        cloud.stream.put(told[start : start + 500])


@looped
async def test_metrics_become_rows_and_each_alert_comes_once(tmp_path: Path) -> None:
    limits = Limits(messages=200, seconds=0.1)
    async with running(Options(ROOT, tmp_path, limits=limits)) as cloud:
        put(cloud, messages())
        await cloud.connector.caught_up()
        check(cloud)
        assert cloud.connector.counters.failures == 0


class Later:
    """The inbox, for alerts that wait for whoever comes after a death."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def publish(self, title: str, body: str) -> str:
        return self._inbox.take(title, body, 0).message_id


async def kill_now_and_then(cloud: OciCloud) -> None:
    """Kill the function a moment after it began with a batch; each time a little later."""
    for number in range(3):
        seen = cloud.function.calls
        while cloud.function.calls == seen:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005 * number)
        cloud.function.kill()


@looped
async def test_repeats_and_killed_functions_change_nothing(tmp_path: Path) -> None:
    options = Options(
        *(ROOT, tmp_path),
        limits=Limits(messages=100, seconds=0.1),
        repeats=Repeats(seed=3, lose_answer=0.2, send_again=0.2),
    )
    async with running(options) as cloud:
        killing = asyncio.create_task(kill_now_and_then(cloud))
        put(cloud, messages())
        await cloud.connector.caught_up()
        await killing
        counters = cloud.connector.counters
        assert min(counters.failures, counters.lost_answers, counters.sent_again) >= 1
        # A digest that died with its sender is somebody's for a minute: look two minutes later.
        store = SqlStore(SqliteDatabase(cloud.database))
        while deliver(store, Later(cloud.inbox), _later_ms(cloud)) is not None:
            pass
        _without_repeated_digests(cloud.inbox)
        check(cloud)


def _without_repeated_digests(inbox: Inbox) -> None:
    """Take from the inbox what a receiver knows: a digest whose sender died before it was noted."""
    inbox.notices[:] = {json.loads(one.body)["digest"]: one for one in inbox.notices}.values()


def _later_ms(cloud: OciCloud) -> int:
    return cloud.stream.clock.now_ms() + 120_000
