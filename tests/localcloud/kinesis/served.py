"""The application behind a real port, with boto3 and its clock in a test's hands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from localcloud.kinesis.app import application
from localcloud.kinesis.backend import KinesisBackend
from localcloud.serving import Address, serving
from tests.localcloud.clock import ManualClock
from tests.localcloud.running import Running

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

SHARD, SECOND = "shardId-000000000000", "shardId-000000000001"


@dataclass(frozen=True, slots=True)
class Served:
    """A backend, where it listens, and the clock that tests turn."""

    backend: KinesisBackend
    clock: ManualClock
    address: Address


@contextlib.asynccontextmanager
async def serve() -> AsyncIterator[Served]:
    """Serve a new backend for as long as the block runs."""
    clock = ManualClock()
    backend = KinesisBackend(clock)
    async with serving(application(backend)) as address:
        try:
            yield Served(backend, clock, address)
        finally:
            backend.close()
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Service:
    """What a test has of the service: boto3, the clock, and what most tests do first."""

    client: KinesisClient
    served: Running[Served]

    def pass_time(self, seconds: float) -> None:
        """Move the service's clock on, from sleeper to sleeper."""
        self.served.run(self.served.value.clock.run(seconds))

    def now_s(self) -> float:
        """The time of the service's clock."""
        return self.served.value.clock.now_ms() / 1000

    def put(self, stream: str, *payloads: str) -> list[str]:
        """Put texts into the first shard in one call; their sequence numbers."""
        records: Any = [
            {"Data": payload.encode(), "PartitionKey": "k", "ExplicitHashKey": "0"}
            for payload in payloads
        ]
        answer = self.client.put_records(StreamName=stream, Records=records)
        assert answer["FailedRecordCount"] == 0
        return [record["SequenceNumber"] for record in answer["Records"]]

    def iterator(self, stream: str, kind: str = "TRIM_HORIZON", **members: Any) -> str:
        """An iterator, of the first shard unless told otherwise."""
        members = {"ShardId": SHARD, "ShardIteratorType": kind, **members}
        return self.client.get_shard_iterator(StreamName=stream, **members)["ShardIterator"]

    def read(self, stream: str, kind: str = "TRIM_HORIZON", **members: Any) -> list[bytes]:
        """The data that an iterator leads to."""
        iterator = self.iterator(stream, kind, **members)
        return [r["Data"] for r in self.client.get_records(ShardIterator=iterator)["Records"]]

    def arn(self, stream: str) -> str:
        """The stream's ARN."""
        summary = self.client.describe_stream_summary(StreamName=stream)
        return summary["StreamDescriptionSummary"]["StreamARN"]

    def register(self, stream: str, name: str = "c") -> str:
        """Register a consumer; its ARN."""
        arn = self.arn(stream)
        answer = self.client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
        return answer["Consumer"]["ConsumerARN"]

    def split(self, stream: str) -> None:
        """Split the first of two shards in the middle."""
        self.client.split_shard(
            StreamName=stream, ShardToSplit=SHARD, NewStartingHashKey=str(1 << 126)
        )

    def scale(self, stream: str, count: int) -> None:
        """Reach `count` shards."""
        self.client.update_shard_count(
            StreamName=stream, TargetShardCount=count, ScalingType="UNIFORM_SCALING"
        )


def client_of(address: Address) -> KinesisClient:
    """A boto3 client that asks once and says what it got."""
    return boto3.client(
        "kinesis",
        endpoint_url=address.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20, proxies={}),
    )
