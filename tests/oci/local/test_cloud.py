"""The pipeline as one thing: started without a loop, struck by faults, fed by Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from millrace.anomaly.delivery import deliver
from millrace.anomaly.kafka import KafkaProducer, StreamPool
from millrace.anomaly.outgoing import outgoing
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.errors import StartupError

from localcloud.faults.plan import Crash, Drop, Fail, FaultPlan, Rule, When
from localcloud.oci.batching import Limits
from localcloud.oci.cloud import FUNCTION_ID, OciCloud, Options, running, start
from localcloud.oci.connector import Repeats
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import ROOT
from tests.localcloud.oci.test_end_to_end import Later, clean_run, messages, put
from tests.oci.local.test_sweeper import rows
from tests.oci.making import START_S, Kept
from tests.oci.test_sweep import put as insert


@contextlib.contextmanager
def tables(database: Path) -> Iterator[Kept]:
    """What stands in a database."""
    kept = Kept(SqliteDatabase(database))
    try:
        yield kept
    finally:
        kept.database.close()


def check(cloud: OciCloud) -> Kept:
    """Tell what waits in the outbox, and hold the tables to those of a clean run, given back."""
    clean = clean_run(cloud)
    later_ms = cloud.stream.clock.now_ms() + 3_600_000
    with tables(cloud.database) as kept:
        while deliver(kept.store, Later(cloud.inbox), later_ms) is not None:
            pass
        assert kept.results() == clean.results()
    return clean


SOON = Limits(messages=100, seconds=0.05)
NOW_MS = 1_795_000_000_000


def test_it_starts_and_stops_without_a_loop(tmp_path: Path) -> None:
    before = threading.active_count()
    options = Options(ROOT, tmp_path, limits=SOON)
    with start(options) as started:
        cloud = started.cloud
        assert set(cloud.endpoints()) == {
            "url", "stream_id", "topic_id", "function_id", "database", "kafka",
        }  # fmt: skip
        assert cloud.database.is_file()  # who looks before the first event finds it empty
        one = outgoing("1", "cpu", START_S * 1000, 5.0, NOW_MS)
        assert [m.offset for m in started.put([(one.series, one.data)])] == [0]
        started.caught_up(30)
        kept = Kept(SqliteDatabase(cloud.database))
        assert kept.rows("SELECT event_id, metric_value FROM raw_events") == [("1", 5.0)]
        insert(kept, rows())
        started.swept(30)
        (notice,) = cloud.notices
        with urllib.request.urlopen(f"{cloud.url}/_localcloud/inbox") as answer:
            assert json.load(answer)["anomalies"][0]["body"] == notice.body
        kept.database.close()
    started.stop()
    assert threading.active_count() == before


def test_what_keeps_it_from_starting_is_raised(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"run scripts/setup --oci"):
        start(Options(tmp_path, tmp_path / "data"))


def test_a_database_that_is_there_goes_on(tmp_path: Path) -> None:
    events = [outgoing(str(i), "cpu", START_S * 1000 + i, i, NOW_MS) for i in range(30)]
    for part in (events[:20], events[15:]):
        with start(Options(ROOT, tmp_path, limits=SOON)) as started:
            started.put([*part, ("cpu", b"no event")])
            started.caught_up(30)
    with tables(tmp_path / "millrace.db") as kept:
        assert kept.rows("SELECT COUNT(*) FROM raw_events") == [(30,)]
        poison = kept.rows("SELECT reason, source_offset FROM quarantine ORDER BY 2")
        assert poison == [("not-json", 20), ("not-json", 36)]


def test_more_is_put_than_one_call_takes(tmp_path: Path) -> None:
    with start(Options(ROOT, tmp_path, limits=SOON)) as started:
        assert started.put([]) == []
        kept = started.put([("cpu", b"x" * 400_000)] * 5)
        assert [message.offset for message in kept] == list(range(5))


PLAN = FaultPlan(
    7,
    (
        Rule("functions", latency_ms=(0, 5)),
        Rule("functions", effect=Fail("ServiceUnavailable", 503, "chaos"), probability=0.1),
        Rule("functions", effect=Fail("TooManyRequests", 429, "chaos"), calls=(2,)),
        Rule("functions", effect=Drop(), when=When.AFTER, probability=0.1),
        Rule("functions", effect=Crash(), calls=(3,)),
        Rule("ons", "publish_message", Fail("TooManyRequests", 429, "chaos"), calls=(1,)),
        Rule("ons", "publish_message", Drop(), When.AFTER, calls=(2,)),
        Rule("ons", "publish_message", Drop(), calls=(3,)),
    ),
)


@looped
async def test_no_fault_of_any_service_changes_what_stands_and_what_is_told(tmp_path: Path) -> None:
    options = Options(
        *(ROOT, tmp_path),
        limits=SOON,
        repeats=Repeats(seed=5, lose_answer=0.1, send_again=0.1, reorder=0.3),
        faults=PLAN,
    )
    async with running(options) as cloud:
        put(cloud, messages())
        await cloud.caught_up()
        assert cloud.connector.counters.failures >= 3
        assert cloud.connector.counters.reordered >= 1
        struck = {(one.service, one.operation) for one in cloud.injector.injected()}
        assert struck == {("functions", "invoke_function"), ("ons", "publish_message")}
        clean = check(cloud)
        digests = {json.loads(one.body)["digest"]: one.body for one in cloud.notices}
        told = Counter(a["id"] for body in digests.values() for a in json.loads(body)["alerts"])
        assert told == Counter(alert for (alert,) in clean.rows("SELECT alert_id FROM alerts"))
        clean.database.close()


@looped
async def test_a_function_that_dies_when_the_topic_has_its_digest_tells_it_once(
    tmp_path: Path,
) -> None:
    plan = FaultPlan(1, (Rule("ons", "publish_message", Crash(), When.AFTER, calls=(1,)),))
    async with running(Options(ROOT, tmp_path, limits=SOON, faults=plan)) as cloud:
        put(cloud, messages())
        await cloud.caught_up()
        assert cloud.function.starts >= 2
        check(cloud).database.close()
        digests = [json.loads(one.body)["digest"] for one in cloud.notices]
        assert digests.count(digests[0]) == 2  # the same digest, which its receiver knows


@looped
async def test_metrics_by_kafka_are_judged_and_told(tmp_path: Path) -> None:
    async with running(Options(ROOT, tmp_path, limits=SOON)) as cloud:
        pool = StreamPool.of(cloud.environment())
        values = [50 + i % 5 + 90 * (i == 550) for i in range(600)]
        events = [
            outgoing(f"{i}", "cpu", (START_S + 300 * i) * 1000, value, NOW_MS)
            for i, value in enumerate(values)
        ]
        sent = await asyncio.to_thread(lambda: KafkaProducer(pool, cloud.stream.name).put(events))
        assert sent == 600
        await cloud.caught_up()
        with tables(cloud.database) as kept:
            assert kept.rows("SELECT COUNT(*) FROM raw_events") == [(600,)]
        alerts = [a["id"] for n in cloud.notices for a in json.loads(n.body)["alerts"]]
        assert "550" in alerts


@looped
async def test_the_function_takes_password_and_wallet_out_of_the_vault(tmp_path: Path) -> None:
    wallet = BytesIO()
    with zipfile.ZipFile(wallet, "w") as archive:
        archive.writestr("tnsnames.ora", "adb_low = (DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)"
                         "(HOST=127.0.0.1)(PORT=1))(CONNECT_DATA=(SERVICE_NAME=x)))")  # fmt: skip
    secret = "ocid1.vaultsecret.oc1.local."
    options = Options(
        *(ROOT, tmp_path),
        limits=SOON,
        secrets={"password": b"hunter2", "wallet": wallet.getvalue()},
        environ={
            "MILLRACE_DATABASE": "oracle://app@adb_low",
            "MILLRACE_DATABASE_SECRET_ID": f"{secret}password",
            "MILLRACE_WALLET_SECRET_ID": f"{secret}wallet",
        },
    )
    async with running(options) as cloud:
        cloud.put([("cpu", b'{"id": "1", "time": "2026-01-01T00:00:00Z", "metric": 5}')])
        while not cloud.connector.counters.failures:
            await asyncio.sleep(0.05)
        assert cloud.vault.secret(f"{secret}password").reads >= 1
        assert cloud.vault.secret(f"{secret}wallet").reads >= 1
        log = cloud.function.log.read_text()
    assert "Unavailable" in log  # there is no database, and it says so without its password
    assert "hunter2" not in log


@looped
async def test_the_gateway_leads_to_the_function(tmp_path: Path) -> None:
    backend = {"type": "ORACLE_FUNCTIONS_BACKEND", "functionId": FUNCTION_ID}
    route = {"path": "/metrics", "methods": ["POST"], "backend": backend}
    async with running(Options(ROOT, tmp_path, gateway={"routes": [route]})) as cloud:
        url = cloud.endpoints()["gateway"]
        event = {"id": "1", "time": "2026-01-01T00:00:00Z", "metric": 5}
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{url}/metrics", json=event)
        assert (answer.status_code, answer.json()["stored"]) == (200, 1)


@looped
async def test_a_running_cloud_takes_a_plan_over_http(tmp_path: Path) -> None:
    async with running(Options(ROOT, tmp_path)) as cloud, httpx.AsyncClient() as client:
        faults = f"{cloud.url}/_localcloud/faults"
        rule = {"service": "ons", "error": "TooManyRequests"}
        assert (await client.put(faults, json={"seed": 3, "rule": [rule]})).status_code == 204
        assert (await client.put(faults, json={"rule": [{}]})).status_code == 400
        told = (await client.get(faults)).json()
        assert (told["plan"]["seed"], told["plan"]["rule"][0]["status"]) == (3, 429)
        refused = await client.post(f"{cloud.url}/20181201/topics/{cloud.inbox.topic_id}/messages")
        assert (refused.status_code, refused.json()["code"]) == (429, "TooManyRequests")
        counted = (await client.get(f"{cloud.url}/_localcloud/counters")).json()
        assert counted["ons"]["publish_message"] == 1
