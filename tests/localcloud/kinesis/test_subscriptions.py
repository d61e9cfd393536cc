"""Enhanced fan-out: what is pushed and when, how subscriptions end, and the frames they come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kinesis import eventstream
from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.consumers import Consumer
from localcloud.kinesis.errors import (
    InvalidArgument,
    KinesisError,
    ResourceInUse,
    ResourceNotFound,
)
from localcloud.kinesis.limits import MIB, Limits
from localcloud.kinesis.producing import NewRecord
from localcloud.kinesis.reading import Position
from localcloud.kinesis.stream import StreamSettings
from localcloud.kinesis.subscriptions import SubscriptionEvent, Subscriptions
from localcloud.kinesis.tags import Tags
from tests.localcloud.clock import ManualClock, settle
from tests.localcloud.kinesis.streams import HALF, backend_with, put, texts

SHARD = "shardId-000000000000"
TRIM_HORIZON, LATEST = Position("TRIM_HORIZON"), Position("LATEST")


@dataclass
class Listener:
    """A consumer's end of a subscription: what has come, and how it ended."""

    events: list[SubscriptionEvent]
    error: KinesisError | None = None
    ended: bool = False

    async def listen(self, events: AsyncIterator[SubscriptionEvent]) -> None:
        try:
            async for event in events:
                self.events.append(event)
        except KinesisError as error:
            self.error = error
        self.ended = True

    @property
    def texts(self) -> list[str]:
        return [text for event in self.events for text in texts(event.records)]


@dataclass
class Fanout:
    """A backend with one stream and one consumer, within a running loop."""

    backend: KinesisBackend
    clock: ManualClock
    subscriptions: Subscriptions
    consumer: Consumer
    tasks: list[asyncio.Task[None]]

    async def subscribe(self, position: Position, shard_id: str = SHARD) -> Listener:
        stream = self.backend.stream("events")
        held = self.subscriptions.open(stream, self.consumer, shard_id, position)
        listener = Listener([])
        self.tasks.append(asyncio.create_task(listener.listen(held.events())))
        await settle()
        return listener


def with_fanout(
    scenario: Callable[[Fanout], Coroutine[None, None, None]], limits: Limits | None = None
) -> None:
    """Run a scenario; every subscription has ended or is cancelled afterwards."""

    async def main() -> None:
        backend, clock = backend_with(limits=limits)
        consumer = backend.register_consumer("events", "c")
        fanout = Fanout(backend, clock, Subscriptions(backend), consumer, [])
        await scenario(fanout)
        for task in fanout.tasks:
            task.cancel()
        await asyncio.gather(*fanout.tasks, return_exceptions=True)

    asyncio.run(main())


def test_records_are_pushed_as_they_come_without_time_passing() -> None:
    async def scenario(fanout: Fanout) -> None:
        put(fanout.backend, "before")
        from_start = await fanout.subscribe(TRIM_HORIZON)
        assert from_start.texts == ["before"]
        put(fanout.backend, "a", "b")
        await settle()
        numbers = put(fanout.backend, "c")
        await settle()
        assert from_start.texts == ["before", "a", "b", "c"]
        assert from_start.events[-1].continuation == numbers[-1]
        assert from_start.events[-1].behind_ms == 0

    with_fanout(scenario)


def test_a_new_subscription_shows_at_once_that_it_lives_and_then_every_five_seconds() -> None:
    async def scenario(fanout: Fanout) -> None:
        put(fanout.backend, "before")
        latest = await fanout.subscribe(LATEST)
        assert [list(event.records) for event in latest.events] == [[]]
        continuation = latest.events[0].continuation
        assert continuation is not None
        await fanout.clock.run(4.999)
        assert len(latest.events) == 1
        await fanout.clock.run(0.001)
        assert len(latest.events) == 2
        put(fanout.backend, "after")
        await settle()
        fanout.clock.advance(5)
        again = await fanout.subscribe(Position("AFTER_SEQUENCE_NUMBER", continuation))
        assert latest.texts == again.texts == ["after"]

    with_fanout(scenario)


def test_a_subscription_ends_after_five_minutes() -> None:
    async def scenario(fanout: Fanout) -> None:
        latest = await fanout.subscribe(LATEST)
        await fanout.clock.run(299.999)
        assert not latest.ended
        await fanout.clock.run(0.001)
        assert latest.ended
        assert latest.error is None
        assert len(latest.events) == 60

    with_fanout(scenario)


def test_a_subscription_ends_with_its_shard_and_names_the_children() -> None:
    async def scenario(fanout: Fanout) -> None:
        listener = await fanout.subscribe(TRIM_HORIZON)
        put(fanout.backend, "last")
        fanout.backend.split_shard("events", SHARD, HALF)
        await settle()
        assert listener.ended
        assert listener.error is None
        last = listener.events[-1]
        assert (texts(last.records), last.continuation) == (["last"], None)
        assert [child.index for child in last.children] == [1, 2]

    with_fanout(scenario)


def test_a_second_subscription_is_refused_for_five_seconds_and_then_takes_over() -> None:
    async def scenario(fanout: Fanout) -> None:
        first = await fanout.subscribe(LATEST)
        await fanout.clock.run(4.999)
        with pytest.raises(ResourceInUse, match="4999 ms ago"):
            await fanout.subscribe(LATEST)
        await fanout.clock.run(0.001)
        second = await fanout.subscribe(LATEST)
        assert first.ended
        assert isinstance(first.error, ResourceInUse)
        put(fanout.backend, "for the second")
        await settle()
        assert (first.texts, second.texts) == ([], ["for the second"])

    with_fanout(scenario)


def test_shards_and_consumers_do_not_take_each_others_place() -> None:
    async def scenario(fanout: Fanout) -> None:
        fanout.backend.update_shard_count("events", 2)
        listeners = [await fanout.subscribe(LATEST, f"shardId-00000000000{i}") for i in (1, 2)]
        other = fanout.backend.stream("events").consumers.register(
            "other", fanout.clock.now_ms(), 0, Tags()
        )
        fanout.consumer = other
        listeners.append(await fanout.subscribe(LATEST, "shardId-000000000001"))
        put(fanout.backend, "x")
        await settle()
        assert [listener.texts for listener in listeners] == [["x"], [], ["x"]]
        for index in (1, 2):  # the second is still the first consumer's
            fanout.consumer = fanout.backend.stream("events").consumers.named("c")
            with pytest.raises(ResourceInUse, match="0 ms ago"):
                await fanout.subscribe(LATEST, f"shardId-00000000000{index}")

    with_fanout(scenario)


def test_a_subscription_fails_when_its_consumer_is_deregistered() -> None:
    async def scenario(fanout: Fanout) -> None:
        listener = await fanout.subscribe(LATEST)
        fanout.backend.stream("events").deregister(fanout.consumer)
        await settle()
        assert isinstance(listener.error, ResourceNotFound)

    with_fanout(scenario)


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_subscription_fails_when_its_stream_is_deleted(made_anew: bool) -> None:
    async def scenario(fanout: Fanout) -> None:
        listener = await fanout.subscribe(LATEST)
        fanout.backend.delete_stream("events", enforce_consumer_deletion=True)
        if made_anew:
            fanout.backend.create_stream("events", StreamSettings(1))
        await settle()
        assert isinstance(listener.error, ResourceNotFound)

    with_fanout(scenario)


def test_closing_the_backend_ends_every_subscription() -> None:
    async def scenario(fanout: Fanout) -> None:
        listener = await fanout.subscribe(LATEST)
        fanout.backend.close()
        await settle()
        assert listener.ended
        assert listener.error is None
        assert fanout.clock.sleeping == 0

    with_fanout(scenario)


def test_a_consumer_that_is_being_created_cannot_subscribe_yet() -> None:
    async def scenario(fanout: Fanout) -> None:
        consumers = fanout.backend.stream("events").consumers
        fanout.consumer = consumers.register("slow", fanout.clock.now_ms(), 2_000, Tags())
        with pytest.raises(ResourceInUse, match="still CREATING"):
            await fanout.subscribe(LATEST)
        fanout.clock.advance(2)
        await fanout.subscribe(LATEST)

    with_fanout(scenario)


def test_a_refused_position_leaves_the_earlier_subscription_alone() -> None:
    async def scenario(fanout: Fanout) -> None:
        listener = await fanout.subscribe(LATEST)
        await fanout.clock.run(6)
        with pytest.raises(InvalidArgument):
            await fanout.subscribe(Position("AT_SEQUENCE_NUMBER", "1"))
        await settle()
        assert not listener.ended

    with_fanout(scenario)


def test_a_push_has_two_mebibytes_at_most_and_waits_for_no_clock() -> None:
    async def scenario(fanout: Fanout) -> None:
        for _ in range(5):
            fanout.backend.put_record("events", NewRecord("k", bytes(MIB - 1)))
        listener = await fanout.subscribe(TRIM_HORIZON)
        assert [len(event.records) for event in listener.events] == [2, 2, 1]

    with_fanout(scenario)


def test_pushes_keep_the_pace_of_a_shard_when_limits_are_on() -> None:
    async def scenario(fanout: Fanout) -> None:
        put(fanout.backend, "x" * 19)  # 20 bytes with the key: two seconds' worth
        listener = await fanout.subscribe(TRIM_HORIZON)
        put(fanout.backend, "next")
        await fanout.clock.run(1.999)
        assert len(listener.texts) == 1
        await fanout.clock.run(0.001)
        assert listener.texts[1:] == ["next"]

    with_fanout(scenario, Limits(read_bytes_per_s=10))


HEADERS = st.dictionaries(
    st.text(st.characters(codec="ascii"), min_size=1, max_size=20), st.text(max_size=50), max_size=4
)


@given(HEADERS, st.binary(max_size=200))
def test_frames_are_what_botocore_reads(headers: dict[str, str], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    framed = eventstream.message(headers, payload)
    for part in (framed[:7], framed[7:], framed):
        buffer.add_data(part)
    received: list[Any] = list(buffer)
    assert [(each.headers, each.payload) for each in received] == [(headers, payload)] * 2


def test_an_error_is_a_frame_of_its_own_kind() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.exception("ResourceInUseException", b'{"message":"m"}'))
    answer = next(buffer).to_response_dict()
    assert answer["headers"][":exception-type"] == "ResourceInUseException"
    assert answer["status_code"] == 400
