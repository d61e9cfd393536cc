"""One moto behind one gateway for all tests of this room; each test takes names of its own."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.faults.plan import FaultPlan, Rule
from localcloud.feature_store.application import application
from localcloud.feature_store.definitions import Feature, FeatureGroup, FeatureType
from localcloud.feature_store.store import FeatureStore
from localcloud.gateway.application import CrashPoint, Gateway
from localcloud.gateway.upstream import Upstream
from localcloud.moto import moto_server
from localcloud.serving import Address, serving
from tests.localcloud.gateway.aws import client
from tests.localcloud.running import Running, running


class Recorder:
    """A crash hook that remembers where it was called."""

    def __init__(self) -> None:
        self.points: list[CrashPoint] = []

    async def __call__(self, point: CrashPoint) -> None:
        self.points.append(point)


async def _answer(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"ShardId": "s", "SequenceNumber": str(len(body))})


async def _broken(request: Request) -> Response:
    return JSONResponse(
        {"message": "no such endpoint"}, 400, {"x-amzn-errortype": "ValidationError"}
    )


_FEATURES = {"id": FeatureType.STRING, "at": FeatureType.FRACTIONAL}
_GROUP = FeatureGroup("group", "id", "at", {k: Feature(k, v) for k, v in _FEATURES.items()})
APPS = {
    "sagemaker-featurestore-runtime": application(FeatureStore(lambda: 0, [_GROUP])),
    "kinesis": Starlette(routes=[Route("/", _answer, methods=["POST"])]),
    "sagemaker-runtime": Starlette(
        routes=[Route("/endpoints/{name}/invocations", _broken, methods=["POST"])]
    ),
}


@dataclass(frozen=True, slots=True)
class Cloud:
    """The gateway under test."""

    gateway: Gateway
    address: Address
    crashes: Recorder

    def client(self, service: str, **options: Any) -> Any:
        """An AWS client for the gateway."""
        return client(service, self.address.url, **options)

    def rules(self, *rules: Rule) -> None:
        """Let exactly these fault rules hold, their calls counted from now."""
        offset = self.gateway.injector.calls()
        self.gateway.injector.use(FaultPlan(1, tuple(_shifted(rule, offset) for rule in rules)))


def _shifted(rule: Rule, made: Any) -> Rule:
    done = made.get((rule.service, rule.operation), 0)
    calls = tuple(call + done for call in rule.calls)
    return Rule(
        rule.service,
        rule.operation,
        rule.effect,
        rule.when,
        rule.probability,
        calls,
        rule.latency_ms,
    )


@contextlib.asynccontextmanager
async def _cloud(log: Any) -> AsyncIterator[Cloud]:
    crashes = Recorder()
    async with moto_server(log) as moto:
        upstream = Upstream(moto.host, moto.port)
        gateway = Gateway(upstream, APPS, crash_hook=crashes)
        async with serving(gateway) as address:
            yield Cloud(gateway, address, crashes)
        upstream.close()


@pytest.fixture(scope="package")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running[Cloud]]:
    log = tmp_path_factory.mktemp("gateway") / "moto.log"
    with running(lambda: _cloud(log)) as cloud:
        yield cloud
    assert "Traceback" not in log.read_text(), "moto failed"


@pytest.fixture
def cloud(running_cloud: Running[Cloud]) -> Iterator[Cloud]:
    """The gateway, without faults and with counters at zero."""
    cloud = running_cloud.value
    cloud.rules()
    cloud.gateway.counters.reset()
    cloud.crashes.points.clear()
    yield cloud
    cloud.rules()


_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    """A name that no other test uses, for a table, a bucket or a queue."""
    return f"name-{next(_numbers)}"


@pytest.fixture
def table(cloud: Cloud, name: str) -> str:
    """A table with key `id`."""
    cloud.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    cloud.gateway.counters.reset()
    return name


@pytest.fixture
def bucket(cloud: Cloud, name: str) -> str:
    """A bucket."""
    cloud.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    cloud.gateway.counters.reset()
    return name
