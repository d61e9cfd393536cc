"""SubscribeToShard as boto3 sees it, over a connection that stays open."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from botocore.exceptions import EventStreamError

from tests.localcloud.kinesis.served import SECOND, SHARD, Service


class Subscribe(Protocol):
    """Subscribes a consumer to the first shard; the position is TRIM_HORIZON unless given."""

    def __call__(self, consumer: str, **position: Any) -> Any: ...


@pytest.fixture
def subscribe(service: Service) -> Iterator[Subscribe]:
    """Subscriptions whose connections are closed after the test, however it ends."""
    with contextlib.ExitStack() as opened:

        def open_(consumer: str, **position: Any) -> Any:
            start: Any = position or {"Type": "TRIM_HORIZON"}
            answer = service.client.subscribe_to_shard(
                ConsumerARN=consumer, ShardId=SHARD, StartingPosition=start
            )
            return opened.enter_context(contextlib.closing(answer["EventStream"]))

        yield open_


def test_a_subscription_pushes_records_while_it_is_open(
    service: Service, stream: str, subscribe: Subscribe
) -> None:
    service.put(stream, "a", "b")
    pushed = subscribe(service.register(stream))
    events = iter(pushed)
    first = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in first["Records"]] == [b"a", b"b"]
    assert first["ContinuationSequenceNumber"] == first["Records"][-1]["SequenceNumber"]
    assert first["MillisBehindLatest"] == 0
    (number,) = service.put(stream, "c")
    second = next(events)["SubscribeToShardEvent"]
    assert [record["SequenceNumber"] for record in second["Records"]] == [number]


def test_a_subscription_ends_with_its_shard(
    service: Service, stream: str, subscribe: Subscribe
) -> None:
    service.put(stream, "last")
    service.client.merge_shards(StreamName=stream, ShardToMerge=SHARD, AdjacentShardToMerge=SECOND)
    events = [event["SubscribeToShardEvent"] for event in subscribe(service.register(stream))]
    assert [record["Data"] for event in events for record in event["Records"]] == [b"last"]
    assert events[-1].get("ContinuationSequenceNumber") is None
    (child,) = events[-1]["ChildShards"]
    assert child["ParentShards"] == [SHARD, SECOND]


def test_a_subscription_lasts_five_minutes(
    service: Service, stream: str, subscribe: Subscribe
) -> None:
    pushed = subscribe(service.register(stream), Type="LATEST")
    passing = threading.Thread(target=service.pass_time, args=(301,))
    passing.start()
    events = [event["SubscribeToShardEvent"] for event in pushed]
    passing.join()
    assert len(events) == 60
    assert all(event["Records"] == [] for event in events)


def test_a_later_subscription_takes_over(
    service: Service, stream: str, subscribe: Subscribe
) -> None:
    consumer = service.register(stream)
    first = subscribe(consumer)
    with pytest.raises(service.client.exceptions.ResourceInUseException):
        subscribe(consumer)
    service.pass_time(5)
    subscribe(consumer)
    with pytest.raises(EventStreamError, match="has taken over"):
        list(first)


def test_subscriptions_of_unknown_consumers(
    service: Service, stream: str, subscribe: Subscribe
) -> None:
    consumer = service.register(stream)
    service.client.deregister_stream_consumer(ConsumerARN=consumer)
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        subscribe(consumer)


def test_a_consumer_that_hangs_up_is_forgotten_at_once(
    service: Service, stream: str, subscribe: Subscribe
) -> None:
    pushed = subscribe(service.register(stream))
    next(iter(pushed))
    bell = service.served.value.backend.stream(stream).topology.find(SHARD).bell

    async def until_waiting(count: int) -> None:
        async with asyncio.timeout(20):
            while bell.waiting != count:
                await asyncio.sleep(0.001)

    service.served.run(until_waiting(1))
    pushed.close()
    service.served.run(until_waiting(0))
