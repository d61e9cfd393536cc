"""Enhanced fan-out: what SubscribeToShard pushes, and who holds a subscription.

A subscription lasts five minutes. Another one of the same consumer to the same shard is refused
within five seconds of the last; after that it takes over, and the earlier one fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.consumers import Consumer
from localcloud.kinesis.errors import ResourceInUse, ResourceNotFound
from localcloud.kinesis.limits import MAX_EVENT_BYTES, MAX_READ_RECORDS
from localcloud.kinesis.reading import Position, resolve
from localcloud.kinesis.shard import ShardLog
from localcloud.kinesis.stream import Stream
from localcloud.ports import StreamRecord

LIFETIME_MS = 300_000
EXCLUSIVE_MS = 5_000
HEARTBEAT_S = 5.0


@dataclass(frozen=True, slots=True)
class SubscriptionEvent:
    """One push. `continuation` is None at the end of a closed shard; `children` follow it."""

    records: Sequence[StreamRecord]
    continuation: str | None
    behind_ms: int
    children: Sequence[ShardLog]


class Subscription:
    """One consumer's hold on one shard; `events` yields what is pushed."""

    def __init__(
        self,
        backend: KinesisBackend,
        stream: Stream,
        shard: ShardLog,
        consumer: Consumer,
        after: str | None,
    ) -> None:
        self._backend = backend
        self._stream = stream
        self._shard = shard
        self._consumer = consumer
        self._after = after
        self.opened_ms = backend.clock.now_ms()
        self._superseded = False

    def supersede(self) -> None:
        """Let it fail, because a later subscription has taken over."""
        self._superseded = True
        self._shard.bell.ring()

    async def events(self) -> AsyncIterator[SubscriptionEvent]:
        """Records as they come, and an empty event now and then to show that it lives.

        Ends after five minutes and at the shard's end; raises ResourceInUse when another
        subscription has taken over, ResourceNotFound when the consumer or the stream is gone.
        """
        clock = self._backend.clock
        expires_ms = self.opened_ms + LIFETIME_MS
        heard = False
        while not self._backend.closed and clock.now_ms() < expires_ms:
            self._require_held()
            event = self._next_event()
            if event.records or event.continuation is None or not heard:
                yield event
                if event.continuation is None:
                    return
                await self._pace(event)
            # Records may have come while the last event was on its way: look before waiting.
            if not self._shard.holds_after(self._after) and self._shard.closed_ms is None:
                left_s = max(0, expires_ms - clock.now_ms()) / 1000
                heard = await self._shard.bell.wait(clock, min(HEARTBEAT_S, left_s))

    def _next_event(self) -> SubscriptionEvent:
        now_ms = self._backend.clock.now_ms()
        read = self._shard.read(self._after, MAX_READ_RECORDS, MAX_EVENT_BYTES, now_ms)
        if read.records:
            self._after = read.records[-1].sequence_number
        if read.drained:
            return SubscriptionEvent(read.records, None, read.behind_ms, self._shard.children)
        continuation = self._after or self._shard.describe().starting_sequence
        return SubscriptionEvent(read.records, continuation, read.behind_ms, ())

    async def _pace(self, event: SubscriptionEvent) -> None:
        limits = self._backend.limits
        if limits is not None and event.records:
            size = sum(len(each.data) + len(each.partition_key) for each in event.records)
            await self._backend.clock.sleep(size / limits.read_bytes_per_s)

    def _require_held(self) -> None:
        if self._superseded:
            raise ResourceInUse(
                f"Another subscription of consumer {self._consumer.name!r} to "
                f"{self._shard.shard_id} has taken over."
            )
        if self._backend.stream(self._stream.name) is not self._stream:
            raise ResourceNotFound(f"Stream {self._stream.name!r} was deleted.")
        self._stream.consumers.by_arn(self._consumer.arn)


class Subscriptions:
    """The last subscription of every consumer to every shard."""

    def __init__(self, backend: KinesisBackend) -> None:
        self._backend = backend
        self._held: dict[tuple[str, str], Subscription] = {}

    def open(
        self, stream: Stream, consumer: Consumer, shard_id: str, position: Position
    ) -> Subscription:
        """Subscribe; raises ResourceInUse within five seconds of the last subscription."""
        now_ms = self._backend.clock.now_ms()
        if consumer.status(now_ms) != "ACTIVE":
            raise ResourceInUse(
                f"Consumer {consumer.name!r} is still CREATING; wait until DescribeStreamConsumer "
                "says ACTIVE."
            )
        after = resolve(self._backend, stream, shard_id, position)
        earlier = self._held.get((consumer.arn, shard_id))
        if earlier is not None:
            if now_ms - earlier.opened_ms < EXCLUSIVE_MS:
                raise ResourceInUse(
                    f"Consumer {consumer.name!r} subscribed to {shard_id} "
                    f"{now_ms - earlier.opened_ms} ms ago; the next call may follow after "
                    f"{EXCLUSIVE_MS} ms."
                )
            earlier.supersede()
        shard = stream.shard(shard_id, now_ms)
        subscription = Subscription(self._backend, stream, shard, consumer, after)
        self._held = {
            key: held for key, held in self._held.items() if now_ms - held.opened_ms < LIFETIME_MS
        } | {(consumer.arn, shard_id): subscription}
        return subscription
