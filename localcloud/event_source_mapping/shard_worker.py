"""One shard's loops: read records into lanes, and bring each lane's batches to the function.

Standard iterators poll once a second and go on at once while more records are there; enhanced
fan-out is woken by the next record. (Developer guide: "Polling and batching streams".)
"""

from __future__ import annotations

import asyncio

from millrace.errors import TransientError

from localcloud.event_source_mapping.checkpoints import Checkpoint
from localcloud.event_source_mapping.delivery import Delivery, Surroundings
from localcloud.event_source_mapping.event import QueuedRecord
from localcloud.event_source_mapping.lanes import Lanes
from localcloud.event_source_mapping.waiting import wait_for
from localcloud.ports import ShardRead

_POLL_S = 1.0
_PUSH_TIMEOUT_S = 300.0
# Kinesis returns at most this many records a read.
_READ_LIMIT = 10_000


class ShardWorker:
    """Reads one shard from its checkpoint on, until it is drained and done, or stopped."""

    def __init__(self, shard_id: str, surroundings: Surroundings) -> None:
        config = surroundings.config
        checkpoint = surroundings.checkpoints.get(shard_id) or Checkpoint(None)
        self._shard_id = shard_id
        self._with = surroundings
        self._delivery = Delivery(shard_id, surroundings)
        self._position = checkpoint.after
        self._lanes = Lanes(
            factor=config.parallelization_factor,
            batch_size=config.batch_size,
            window_s=config.batching_window_s,
            position=checkpoint.after,
            now_ms=surroundings.clock.now_ms(),
        )
        self._ordinal = 0
        self._wake = [asyncio.Event() for _ in range(config.parallelization_factor)]
        self._room = asyncio.Event()
        self._drained = False
        self._stopping = False
        self._reading: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether all is done that the stream holds for this shard, and the shard goes on."""
        if not self._lanes.empty:
            return False
        read = self._read(1)
        return read is not None and not read.records and not read.drained

    def stop(self) -> None:
        """Start no more batches; `run` returns when those in flight have come back."""
        self._stopping = True
        if self._reading is not None:
            self._reading.cancel()
        self._wake_lanes()

    def hurry(self) -> None:
        """Deliver what is queued now instead of at the end of its batching window."""
        self._lanes.end_windows(self._with.clock.now_ms())
        self._wake_lanes()

    async def run(self) -> None:
        """Work until stopped, or until the shard is closed, drained and every batch done."""
        if self._stopping:
            return
        async with asyncio.TaskGroup() as group:
            self._reading = group.create_task(self._read_on())
            for lane in range(len(self._wake)):
                group.create_task(self._serve(lane))
        if self._drained and self._lanes.empty:
            self._save(finished=True)

    async def _read_on(self) -> None:
        while not self._drained:
            if not (room := self._lanes.room):
                await wait_for(self._room, self._with.clock, None)
                continue
            if (read := self._read(min(room, _READ_LIMIT))) is None:
                await self._with.clock.sleep(_POLL_S)
                continue
            self._queue(read)
            if self._drained or read.behind_ms:
                await asyncio.sleep(0)
            else:
                await self._await_records()
        self._wake_lanes()

    def _read(self, limit: int) -> ShardRead | None:
        stream = self._with.config.stream_arn
        try:
            return self._with.reader.read(stream, self._shard_id, self._position, limit)
        except TransientError:
            self._with.counters.read_failures += 1
            return None

    def _queue(self, read: ShardRead) -> None:
        queued: list[tuple[str, QueuedRecord]] = []
        for record in read.records:
            self._ordinal += 1
            entry = self._with.shape.queued(self._shard_id, self._ordinal, record)
            queued.append((record.partition_key, entry))
        if read.records:
            self._position = read.records[-1].sequence_number
        for lane in self._lanes.add(queued, self._with.clock.now_ms()):
            self._wake[lane].set()
        self._drained = read.drained

    async def _await_records(self) -> None:
        clock, config = self._with.clock, self._with.config
        if not config.fan_out:
            await clock.sleep(_POLL_S)
            return
        try:
            await self._with.reader.wait(
                config.stream_arn, self._shard_id, self._position, _PUSH_TIMEOUT_S
            )
        except TransientError:
            self._with.counters.read_failures += 1
            await clock.sleep(_POLL_S)

    async def _serve(self, lane: int) -> None:
        while not self._over:
            due_ms = self._lanes.due_ms(lane)
            wait_s = None if due_ms is None else (due_ms - self._with.clock.now_ms()) / 1000
            if wait_s is not None and wait_s <= 0:
                await self._deliver(lane)
            else:
                await wait_for(self._wake[lane], self._with.clock, wait_s)
        self._wake_lanes()

    async def _deliver(self, lane: int) -> None:
        decision, finished = await self._delivery.deliver(self._lanes.take(lane))
        self._lanes.settle(lane, finished, decision, self._with.clock.now_ms())
        self._save(finished=False)
        self._room.set()

    def _save(self, *, finished: bool) -> None:
        checkpoint = Checkpoint(self._lanes.checkpoint, finished=finished)
        self._with.checkpoints.put(self._shard_id, checkpoint)

    @property
    def _over(self) -> bool:
        return self._stopping or (self._drained and self._lanes.empty)

    def _wake_lanes(self) -> None:
        for event in self._wake:
            event.set()
