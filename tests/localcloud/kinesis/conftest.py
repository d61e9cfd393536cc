"""The application behind a real port, and boto3 in front of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from localcloud.kinesis.app import application
from localcloud.kinesis.backend import KinesisBackend
from localcloud.serving import Address, serving
from tests.localcloud.clock import ManualClock
from tests.localcloud.running import Running, running

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


@dataclass(frozen=True, slots=True)
class Served:
    """A backend, where it listens, and the clock that tests turn."""

    backend: KinesisBackend
    clock: ManualClock
    address: Address


@dataclass(frozen=True, slots=True)
class Service:
    """What a test has of the service: boto3, and the clock."""

    client: KinesisClient
    served: Running[Served]

    def pass_time(self, seconds: float) -> None:
        """Move the service's clock on, from sleeper to sleeper."""
        self.served.run(self.served.value.clock.run(seconds))


@contextlib.asynccontextmanager
async def _serve() -> AsyncIterator[Served]:
    clock = ManualClock()
    backend = KinesisBackend(clock)
    async with serving(application(backend)) as address:
        try:
            yield Served(backend, clock, address)
        finally:
            backend.close()
            await asyncio.sleep(0)


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """One service for the session; tests make streams of their own."""
    with running(_serve) as served:
        client = boto3.client(
            "kinesis",
            endpoint_url=served.value.address.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20, proxies={}),
        )
        yield Service(client, served)
        client.close()


@pytest.fixture
def stream(service: Service, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stream of two shards, named after the test."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:120]
    service.client.create_stream(StreamName=name, ShardCount=2)
    yield name
    with contextlib.suppress(service.client.exceptions.ResourceNotFoundException):
        service.client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
