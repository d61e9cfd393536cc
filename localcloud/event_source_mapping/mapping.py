"""An event source mapping at work: it finds shards, keeps a worker for each, and can be stopped."""

from __future__ import annotations

import asyncio
import logging
import random

from millrace.errors import LocalCloudError, TransientError

from localcloud.event_source_mapping.checkpoints import Checkpoint, Checkpoints
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.counters import Counters
from localcloud.event_source_mapping.delivery import Surroundings
from localcloud.event_source_mapping.event import EventShape
from localcloud.event_source_mapping.failure import Destination, MessageSink
from localcloud.event_source_mapping.faults import Faults, NoFaults
from localcloud.event_source_mapping.lineage import startable
from localcloud.event_source_mapping.shard_worker import ShardWorker
from localcloud.event_source_mapping.waiting import wait_for
from localcloud.ports import Clock, Invoker, ObjectStore, Shard, StreamReader

_DISCOVERY_S = 1.0
_IDLE_CHECK_S = 0.02

_log = logging.getLogger(__name__)


class EventSourceMapping:
    """Reads a stream and invokes a function with its records, as Lambda would.

    Hand the same `checkpoints` to a later mapping (or start this one again) to go on where this one
    stopped; without any, it begins at the starting position. `objects` takes what is given up if
    the destination is a bucket, `messages` if it is a queue or topic. `seed` fixes the random
    identifiers of on-failure records. Raises ConfigurationError when the destination has no sink.
    """

    def __init__(
        self,
        config: MappingConfig,
        *,
        reader: StreamReader,
        invoker: Invoker,
        clock: Clock,
        objects: ObjectStore | None = None,
        messages: MessageSink | None = None,
        checkpoints: Checkpoints | None = None,
        faults: Faults | None = None,
        role_arn: str | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config
        self.checkpoints = Checkpoints() if checkpoints is None else checkpoints
        account = config.stream_arn.split(":")[4]
        role_arn = role_arn or f"arn:aws:iam::{account}:role/{config.function_name}"
        self._counters = Counters()
        self._with = Surroundings(
            config=config,
            reader=reader,
            invoker=invoker,
            clock=clock,
            shape=EventShape(config.event_source_arn, config.region, role_arn),
            destination=Destination(config, objects, messages),
            checkpoints=self.checkpoints,
            counters=self._counters,
            faults=faults or NoFaults(),
            random=random.Random(seed),  # noqa: S311  identifiers, not secrets
        )
        self._workers: dict[str, ShardWorker] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._task is not None and not self._task.done()

    def snapshot(self) -> Counters:
        """The counters as they are now."""
        return self._counters.copy()

    def start(self) -> None:
        """Begin in the background; does nothing for a mapping with Enabled: false, or twice."""
        if self.config.enabled and not self.running:
            self._stopping = False
            self._task = asyncio.create_task(self._run(), name=f"mapping {self.config.uuid}")
            self._task.add_done_callback(self._report)

    async def stop(self, *, abandon: bool = False) -> None:
        """Stop, and raise what ended it early, if anything did (an ExceptionGroup).

        Batches in flight are awaited and their outcome counts; retries that were due are left to
        the next run. With `abandon` batches in flight are given up as they are, so that the next
        run delivers them again from the last checkpoint, whether or not the function finished.
        """
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        self._changed.set()
        for worker in self._workers.values():
            worker.stop()
        if abandon:
            task.cancel()
        await asyncio.wait({task})
        self._workers.clear()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def caught_up(self, *, hurry: bool = False) -> None:
        """Return when everything that the stream holds now has been done or given up.

        With `hurry` batching windows end early meanwhile, so that nobody waits for them.
        Raises LocalCloudError if the mapping is not running (any more).
        """
        while not self._idle():
            if not self.running:
                raise LocalCloudError(
                    f"Mapping {self.config.uuid} of {self.config.function_name} is not running, so "
                    "it will not catch up; start it, or see why it ended."
                )
            if hurry:
                for worker in self._workers.values():
                    worker.hurry()
            await self._with.clock.sleep(_IDLE_CHECK_S)

    async def _run(self) -> None:
        self._find_starting_positions()
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                for shard in self._startable():
                    self._workers[shard.shard_id] = ShardWorker(shard.shard_id, self._with)
                    group.create_task(self._consume(shard.shard_id))
                await wait_for(self._changed, self._with.clock, _DISCOVERY_S)

    def _idle(self) -> bool:
        if not self.running:
            return False
        return not self._startable() and all(worker.idle for worker in self._workers.values())

    async def _consume(self, shard_id: str) -> None:
        try:
            await self._workers[shard_id].run()
        finally:
            self._workers.pop(shard_id, None)
            self._changed.set()

    def _startable(self) -> list[Shard]:
        try:
            shards = self._with.reader.shards(self.config.stream_arn)
        except TransientError:
            self._counters.read_failures += 1
            return []
        return startable(shards, self.checkpoints.finished, self._workers)

    def _find_starting_positions(self) -> None:
        """Fix where a new mapping begins, for every shard at once.

        From then on LATEST means "later than this start" even if no batch is ever finished, and
        shards that are born later (by resharding) are read from their trim horizon.
        """
        if self.checkpoints:
            return
        config, reader = self.config, self._with.reader
        for shard in reader.shards(config.stream_arn):
            position = reader.position_at(
                config.stream_arn,
                shard.shard_id,
                config.starting_position.value,
                config.starting_timestamp_ms,
            )
            self.checkpoints.put(shard.shard_id, Checkpoint(position))

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("mapping %s ended: %s", self.config.uuid, error, exc_info=error)
