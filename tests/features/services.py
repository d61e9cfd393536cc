"""The services that the edges talk to, for tests: moto, streams and feature store at one gateway.

Clients are botocore's own, with its own retries, so an edge meets what it would meet in the cloud:
modelled errors, answers that are lost, throttling.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from botocore.config import Config
from botocore.session import Session, get_session

from localcloud.clock import RealClock
from localcloud.faults.codes import KNOWN_ERRORS
from localcloud.faults.plan import Drop, Effect, Fail, FaultPlan, Rule, When
from localcloud.feature_store.application import application as feature_store_app
from localcloud.feature_store.store import FeatureStore
from localcloud.gateway.application import Gateway
from localcloud.gateway.upstream import Upstream
from localcloud.kinesis.app import application as kinesis_app
from localcloud.kinesis.backend import KinesisBackend
from localcloud.moto import moto_server
from localcloud.serving import serving

REGION = "us-east-1"


def assert_dynamodb_takes(value: Any) -> None:
    """Fail on what DynamoDB refuses and the emulator does not: long numbers, nested additions."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "N" and isinstance(inner, str):
                digits = inner.lstrip("-").replace(".", "").lstrip("0").rstrip("0")
                assert len(digits) <= 38, f"a number of {len(digits)} digits: {inner}"
            if name == "UpdateExpression":
                assert "ADD" not in inner.upper(), f"an addition: {inner}"
            assert_dynamodb_takes(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_dynamodb_takes(inner)


def failing(code: str) -> Fail:
    """A service's own error, as the gateway answers it."""
    status, message = KNOWN_ERRORS[code]
    return Fail(code, status, message)


@dataclass(frozen=True, slots=True)
class Services:
    """What a test has of them."""

    url: str
    gateway: Gateway
    kinesis: KinesisBackend
    features: FeatureStore
    _names: itertools.count[int] = field(default_factory=itertools.count)
    _clients: dict[tuple[str, int], Any] = field(default_factory=dict)

    def client(self, service: str, *, attempts: int = 3) -> Any:
        """A client that watches what it sends to DynamoDB."""
        if (service, attempts) not in self._clients:
            self._clients[service, attempts] = self._new_client(service, attempts)
        return self._clients[service, attempts]

    def _new_client(self, service: str, attempts: int) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            proxies={},
            max_pool_connections=16,
        )
        client = _session().create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="AKIDLOCAL",
            aws_secret_access_key="secret",
            config=config,
        )
        client.meta.events.register("before-call.dynamodb", _watch)
        return client

    def name(self, what: str = "name") -> str:
        """A name that no other test uses."""
        return f"{what}-{next(self._names)}"

    def fail(
        self,
        service: str,
        operation: str,
        effect: Effect | None = None,
        *calls: int,
        when: When = When.BEFORE,
    ) -> None:
        """Let calls from now on (all of them, or those of these numbers, from 1) meet a fault.

        Without an effect the connection is cut, as if the answer were lost.
        """
        done = self.gateway.injector.calls().get((service, operation), 0)
        later = tuple(done + call for call in calls)
        rule = Rule(service, operation, effect or Drop(), when, calls=later)
        self.gateway.injector.use(FaultPlan(rules=(rule,)))

    def heal(self) -> None:
        """No more faults."""
        self.gateway.injector.use(FaultPlan())

    def calls(self, service: str, operation: str) -> int:
        """How often an operation was called so far."""
        return self.gateway.injector.calls().get((service, operation), 0)

    def table(self, key: str = "userId") -> str:
        """A new table."""
        name = self.name("table")
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def bucket(self) -> str:
        """A new bucket."""
        name = self.name("bucket")
        self.client("s3").create_bucket(Bucket=name)
        return name


@cache
def _session() -> Session:
    # It keeps the models that it loaded, which takes a good part of a second.
    return get_session()


def _watch(params: Any, **_: object) -> None:
    assert_dynamodb_takes(orjson.loads(params["body"]))


@contextlib.asynccontextmanager
async def services(log: Path) -> AsyncIterator[Services]:
    """Every service for as long as the block runs."""
    clock = RealClock()
    kinesis, features = KinesisBackend(clock, region=REGION), FeatureStore(clock.now_ms)
    apps: dict[str, Any] = {
        "kinesis": kinesis_app(kinesis),
        "sagemaker-featurestore-runtime": feature_store_app(features),
    }
    async with moto_server(log) as moto:
        upstream = Upstream(moto.host, moto.port)
        gateway = Gateway(upstream, apps)
        async with serving(gateway) as address:
            yield Services(address.url, gateway, kinesis, features)
            kinesis.close()
        upstream.close()
