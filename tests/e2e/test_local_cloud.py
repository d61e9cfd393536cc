"""The whole of template.yaml on one machine: HTTP in, features, feature store and archive out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from millrace.features.definitions import load
from millrace.features.dynamodb import from_wire
from millrace.features.feature_store import FeatureStoreSink
from millrace.features.item import iso_ms
from millrace.features.plan import plans_of

from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.checking import check
from tests.localcloud.running import Running
from tests.localcloud.running import running as in_thread

ROOT = Path(__file__).parents[2]
EVERYTHING = {
    "Ingest": "on",
    "ApiAuth": "NONE",
    "ArchiveEvents": "on",
    "FeatureStore": "both",
    "EnhancedFanOut": "on",
    "StreamMode": "PROVISIONED",
    "ShardCount": "2",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running[LocalCloud]]:
    folder = tmp_path_factory.mktemp("cloud")
    with in_thread(lambda: running(Options(ROOT, folder, parameters=EVERYTHING))) as cloud:
        yield cloud


def post(cloud: LocalCloud, body: object) -> httpx.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return httpx.post(f"{cloud.output('EventsUrl')}", content=content, timeout=30)


def events(cloud: LocalCloud, count: int, user: str) -> list[dict[str, object]]:
    now_ms = cloud.clock.now_ms()
    return [
        {
            "userId": user,
            "eventType": "view",
            "metric": n,
            "timestamp": iso_ms(now_ms - 1000 * (count - n)),
        }
        for n in range(count)
    ]


def test_events_over_http_become_features(cloud: Running[LocalCloud]) -> None:
    value = cloud.value
    for user in ("anna", "bert"):
        answer = post(value, events(value, 20, user))
        assert (answer.status_code, answer.json()) == (202, {"accepted": 20})
    cloud.run(value.caught_up())
    table = value.output("FeaturesTableName")
    item = from_wire(
        value.client("dynamodb").get_item(TableName=table, Key={"userId": {"S": "anna"}})["Item"]
    )
    assert (item["count5min"], item["count"], item["lastMetric"]) == (20, 20, 19)
    assert item["lastEventType"] == "view"
    checked = cloud.run(check(value, load(ROOT / "features.toml")))
    assert (checked.exact, checked.events) == (True, 40)


def test_a_wrong_event_is_refused_and_named(cloud: Running[LocalCloud]) -> None:
    wrong = [*events(cloud.value, 2, "anna"), {"userId": "anna"}]
    answer = post(cloud.value, wrong)
    assert answer.status_code == 400
    assert answer.json()["index"] == 2
    assert "timestamp is missing" in answer.json()["message"]
    assert post(cloud.value, b"{").status_code == 400


def test_the_feature_store_follows_and_is_read_as_of_now(cloud: Running[LocalCloud]) -> None:
    value = cloud.value
    post(value, events(value, 5, "carla"))
    cloud.run(value.caught_up())
    group = value.stack.feature_groups[0].name
    runtime = value.client("sagemaker-featurestore-runtime")
    record = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString="carla")
    stored = {v["FeatureName"]: v["ValueAsString"] for v in record["Record"]}
    assert (stored["count_5m"], stored["metric_max_1h"]) == ("5", "4.0")
    assert orjson.loads(stored["types"])["view"]["count_24h"] == 5
    plan = plans_of(load(ROOT / "features.toml"))[0]
    sink = FeatureStoreSink(runtime, group)
    later = sink.read("carla", plan, value.clock.now_ms() + 600_000)
    assert later is not None
    assert (later["count_5m"], later["count_1h"]) == (0, 5)
    assert sink.read("nobody", plan, 0) is None


def test_without_an_endpoint_features_are_served_and_predict_says_why_it_does_not(
    cloud: Running[LocalCloud],
) -> None:
    value = cloud.value
    asked = {"userId": "nobody", "input": None}
    answer = httpx.post(value.output("PredictUrl"), json=asked, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (503, "endpoint-none")
    assert "EndpointMode is none" in answer.json()["message"]
    assert int(answer.headers["retry-after"]) >= 1
    unknown = httpx.get(f"{value.output('FeaturesUrl')}/nobody", timeout=30).json()
    assert (unknown["known"], unknown["featureAgeMs"]) == (False, None)
    assert unknown["features"]["count_5m"] == 0


def test_every_event_is_archived(cloud: Running[LocalCloud]) -> None:
    value = cloud.value
    post(value, events(value, 3, "dora"))
    cloud.run(value.caught_up())
    s3, bucket = value.client("s3"), value.output("ArchiveBucketName")
    lines = []
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix="events/")["Contents"]:
        lines += s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().splitlines()
    kept = [orjson.loads(line) for line in lines]
    assert sum(one["event"]["userId"] == "dora" for one in kept) == 3
    assert len({one["position"] for one in kept}) == len(kept)


def test_everything_listens_on_loopback_and_is_gone_afterwards(tmp_path: Path) -> None:
    async def ports() -> list[int]:
        options = Options(ROOT, tmp_path, parameters={"Ingest": "on", "ApiAuth": "NONE"})
        async with running(options) as cloud:
            urls = [cloud.url, cloud.stack.http_apis[0].url]
            assert all(urlsplit(url).hostname == "127.0.0.1" for url in urls)
            return [urlsplit(url).port or 0 for url in urls]

    for port in asyncio.run(ports()):
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", port)) != 0
