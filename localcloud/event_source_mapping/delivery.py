"""Bringing a batch of one shard to the function, and what it leaves behind when it gives up."""

from __future__ import annotations

import logging
import random
import uuid
from dataclasses import dataclass

from millrace.errors import TransientError

from localcloud.event_source_mapping.answer import read_answer
from localcloud.event_source_mapping.batch import (
    NOT_INVOKED,
    Batch,
    Decision,
    Outcome,
    Step,
    backoff_s,
    decide,
    expired_prefix,
    repeat,
    without_prefix,
)
from localcloud.event_source_mapping.checkpoints import Checkpoints
from localcloud.event_source_mapping.config import MappingConfig
from localcloud.event_source_mapping.counters import Counters
from localcloud.event_source_mapping.event import EventShape, QueuedRecord, event_of
from localcloud.event_source_mapping.failure import (
    RETRIES_EXHAUSTED,
    TOO_OLD,
    Destination,
    Discarded,
)
from localcloud.event_source_mapping.faults import Faults
from localcloud.ports import Clock, Invoker, StreamReader

_DESTINATION_TRIES = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all shards of a mapping share."""

    config: MappingConfig
    reader: StreamReader
    invoker: Invoker
    clock: Clock
    shape: EventShape
    destination: Destination
    checkpoints: Checkpoints
    counters: Counters
    faults: Faults
    random: random.Random


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivers the batches of one shard."""

    shard_id: str
    surroundings: Surroundings

    async def deliver(self, batch: Batch) -> tuple[Decision, tuple[QueuedRecord, ...]]:
        """Deliver a batch once; what was decided, and the records that are finished for good.

        Records that are too old go to the on-failure destination instead, as do those whose
        retries are exhausted, and only when they have got there do they count as finished.
        """
        expired = batch.records[: self._expired(batch)]
        if expired:
            await self._give_up(expired, TOO_OLD, batch, None)
        fresh = without_prefix(batch, len(expired))
        if fresh is None:
            return Decision(Step.GIVE_UP), expired
        decision = await self._attempt(fresh)
        done = fresh.records[: decision.done]
        return decision, (*expired, *done, *decision.discarded)

    async def _attempt(self, batch: Batch) -> Decision:
        config, counters = self.surroundings.config, self.surroundings.counters
        outcome = await self._invoke(batch)
        decision = decide(
            batch, outcome, bisect=config.bisect_on_error, max_retries=config.max_retries
        )
        if decision.step is Step.DONE and self._repeats(batch):
            counters.duplicates += 1
            decision = repeat(batch)
        counters.decided(decision)
        if decision.discarded:
            await self._give_up(decision.discarded, RETRIES_EXHAUSTED, batch, outcome.error)
        return decision

    async def _invoke(self, batch: Batch) -> Outcome:
        config, counters = self.surroundings.config, self.surroundings.counters
        counters.leaving(batch, self.surroundings.clock.now_ms())
        outcome = NOT_INVOKED
        try:
            invocation = await self.surroundings.invoker.invoke(
                config.function_name, event_of(batch.records)
            )
        except TransientError:
            pass  # a throttle, or the service is away: the function has not run
        else:
            outcome = read_answer(
                invocation, batch, report_item_failures=config.report_item_failures
            )
            if self.surroundings.faults.loses_answer(self.shard_id, batch):
                counters.lost_answers += 1
                outcome = Outcome(0, failed=True, error="AnswerLost")
        counters.returned(batch, outcome)
        return outcome

    def _repeats(self, batch: Batch) -> bool:
        return not batch.duplicate and self.surroundings.faults.repeats(self.shard_id, batch)

    def _expired(self, batch: Batch) -> int:
        now_ms = self.surroundings.clock.now_ms()
        max_age_s = self.surroundings.config.max_record_age_s
        return expired_prefix(batch, now_ms, max_age_s, self._oldest_kept(batch))

    def _oldest_kept(self, batch: Batch) -> str | None:
        """Where the stream begins now; not asked for batches that have just been read."""
        if not (batch.again or batch.held):
            return None
        stream = self.surroundings.config.stream_arn
        try:
            read = self.surroundings.reader.read(stream, self.shard_id, None, 1)
        except TransientError:
            self.surroundings.counters.read_failures += 1
            return None
        if read.records:
            return read.records[0].sequence_number
        return str(int(batch.records[-1].sequence_number) + 1)

    async def _give_up(
        self, records: tuple[QueuedRecord, ...], condition: str, batch: Batch, error: str | None
    ) -> None:
        self.surroundings.counters.discarded(len(records))
        discarded = Discarded(
            shard_id=self.shard_id,
            condition=condition,
            records=records,
            invocations=batch.invocations + 1,
            error=error,
            request_id=uuid.UUID(int=self.surroundings.random.getrandbits(128), version=4),
            now_ms=self.surroundings.clock.now_ms(),
        )
        if not await self._leave(discarded):
            # As in Lambda, which only counts DestinationDeliveryFailures; here the log says so too.
            _log.error(
                "mapping %s lost %d records of %s from %s on: %s could not be written",
                self.surroundings.config.uuid,
                len(records),
                self.shard_id,
                records[0].sequence_number,
                self.surroundings.config.on_failure_arn,
            )

    async def _leave(self, discarded: Discarded) -> bool:
        """Write to the destination, with a few tries; whether it is written."""
        for tried in range(1, _DESTINATION_TRIES + 1):
            try:
                await self.surroundings.destination.send(discarded)
            except Exception:  # whatever client is behind it, the shard must go on
                self.surroundings.counters.destination_failures += 1
                _log.exception("the on-failure destination failed, try %d", tried)
                await self.surroundings.clock.sleep(backoff_s(tried))
            else:
                return True
        return False
