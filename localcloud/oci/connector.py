"""Connector Hub: a stream's messages to a function, in order within a partition, until it answers.

Each partition has a lane of its own with one batch under way. A batch that was not answered with
200 is sent again, ever slower, and nothing behind it goes first. At least once is what the service
promises, so repeats can be asked for, by a seed: an answer that is lost, after which the batch is
cut anew, and a batch that was answered long ago and comes once more. So can disorder: the records
of a batch in any order.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localcloud.oci.batching import Limits, cut, payload
from localcloud.oci.partition import Message
from localcloud.oci.stream import Stream

_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0
_IDLE_S = 60.0


class Target(Protocol):
    """A function."""

    async def call(self, body: bytes) -> int:
        """Its status; whatever goes wrong with it is a status too."""
        ...


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often a batch comes again that need not, or in disorder.

    Equal seeds, equal draws in each partition.
    """

    seed: int = 0
    lose_answer: float = 0.0
    send_again: float = 0.0
    reorder: float = 0.0


@dataclass(slots=True)
class Counters:
    """What a connector did. `skipped` are messages that were too old before they could be sent."""

    batches: int = 0
    messages: int = 0
    failures: int = 0
    lost_answers: int = 0
    sent_again: int = 0
    reordered: int = 0
    skipped: int = 0


class Connector:
    """Between one stream and one function; it begins at the oldest message."""

    def __init__(
        self,
        stream: Stream,
        target: Target,
        limits: Limits | None = None,
        repeats: Repeats | None = None,
    ) -> None:
        self.stream = stream
        self.counters = Counters()
        settings = _Settings(target, limits or Limits(), repeats or Repeats(), self.counters)
        self._lanes = [_Lane(stream, name, settings) for name in stream.partitions]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Connector]:
        """Carry messages for as long as the block runs; an error in a lane ends the block."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(lane.run()) for lane in self._lanes]
                try:
                    yield self
                finally:
                    for task in tasks:
                        task.cancel()
        except BaseExceptionGroup as raised:
            if len(raised.exceptions) > 1:
                raise
            raise raised.exceptions[0] from None

    async def caught_up(self) -> None:
        """Return when every message that the stream now holds was answered."""
        ends = {name: self.stream.partition(name).end for name in self.stream.partitions}
        for lane in self._lanes:
            while lane.offset < ends[lane.name]:
                lane.moved.clear()
                await lane.moved.wait()


@dataclass(frozen=True, slots=True)
class _Settings:
    target: Target
    limits: Limits
    repeats: Repeats
    counters: Counters


@dataclass(slots=True)
class _Lane:
    """One partition: `offset` is the first message that was not answered yet."""

    stream: Stream
    name: str
    settings: _Settings
    offset: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    _draws: random.Random = field(init=False)
    _older: Sequence[Message] = ()

    def __post_init__(self) -> None:
        self._draws = random.Random(f"{self.settings.repeats.seed}/{self.name}")  # noqa: S311
        self.offset = self.stream.partition(self.name).first

    async def run(self) -> None:
        """Carry on for ever."""
        wait_s = _FIRST_WAIT_S
        while True:
            batch = await self._next()
            if await self._sent(batch):
                wait_s = _FIRST_WAIT_S
                continue
            await self.stream.clock.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _next(self) -> Sequence[Message]:
        """The next batch, full or old enough."""
        clock, limits = self.stream.clock, self.settings.limits
        since_ms: int | None = None
        while True:
            partition = self.stream.partition(self.name)
            if partition.first > self.offset:
                self.settings.counters.skipped += partition.first - self.offset
                self._answered_to(partition.first)
            found = cut(partition.read(self.offset), limits)
            if found.messages and since_ms is None:
                since_ms = clock.now_ms()
            left_s = _IDLE_S
            if since_ms is not None:
                left_s = limits.seconds - (clock.now_ms() - since_ms) / 1000
            if found.full or (found.messages and left_s <= 0):
                return found.messages
            await self.stream.bell.wait(clock, left_s)

    async def _sent(self, batch: Sequence[Message]) -> bool:
        """Whether a batch was answered, or a part of it as far as the connector knows."""
        repeats, counters = self.settings.repeats, self.settings.counters
        if self._older and self._draws.random() < repeats.send_again:
            counters.sent_again += 1
            await self._call(self._older)
        if self._draws.random() < repeats.lose_answer:
            counters.lost_answers += 1
            await self._call(batch)
            batch = batch[: self._draws.randint(1, len(batch))]
        if not await self._call(batch):
            return False
        counters.batches += 1
        counters.messages += len(batch)
        self._older = batch
        self._answered_to(batch[-1].offset + 1)
        return True

    async def _call(self, batch: Sequence[Message]) -> bool:
        if self._draws.random() < self.settings.repeats.reorder:
            self.settings.counters.reordered += 1
            batch = self._draws.sample(batch, len(batch))
        status = await self.settings.target.call(payload(self.stream.name, batch))
        self.settings.counters.failures += status != 200
        return status == 200

    def _answered_to(self, offset: int) -> None:
        self.offset = offset
        self.moved.set()
