"""What follows from a batch's outcome: done, again, split, or given up. Pure.

Known from the Lambda developer guide ("Using Lambda to process records from Amazon Kinesis Data
Streams", "Configuring partial batch response", "Retain discarded batch records") and from recorded
answers of the service:

- MaximumRetryAttempts counts retries, so a batch is invoked once more than that; -1 has no end.
- Splitting (BisectBatchOnFunctionError) consumes no retry.
- After a partial answer the records from the lowest failure on are a new batch, with a retry quota
  and an invoke count of its own.
- Throttles and service errors, where the function did not run, consume no retry and never split.

Ours, where Lambda says nothing: a partial answer that names the batch's first record made no
progress, so it counts as a failed invocation (which splits or spends a retry); and there is a
back-off before a retry, but none after progress or a split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from localcloud.event_source_mapping.event import QueuedRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are delivered together, oldest first.

    `retries` are those spent, `invocations` how often the function has run on exactly these
    records. `again` says that they were delivered before in any batch, `duplicate` that they are
    only delivered again because a fault wants it, `held` that the function was not reached with it.
    """

    records: tuple[QueuedRecord, ...]
    retries: int = 0
    invocations: int = 0
    again: bool = False
    duplicate: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: how many leading records are done, and whether the rest failed.

    `invoked` is false when the function did not run at all. `error` is the errorType of a function
    error, None after a partial answer.
    """

    done: int
    failed: bool
    invoked: bool = True
    error: str | None = None


NOT_INVOKED = Outcome(0, failed=True, invoked=False)


class Step(Enum):
    """What was decided about a batch."""

    DONE = auto()
    RESUME = auto()
    SPLIT = auto()
    RETRY = auto()
    WAIT = auto()
    REPEAT = auto()
    GIVE_UP = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """`done` leading records are finished; `following` come next, in order; `discarded` are lost.

    `back_off` asks for a pause before the first of `following`.
    """

    step: Step
    done: int = 0
    following: tuple[Batch, ...] = ()
    discarded: tuple[QueuedRecord, ...] = ()

    @property
    def back_off(self) -> bool:
        """Whether to pause before what follows."""
        return self.step in (Step.RETRY, Step.WAIT)


def decide(batch: Batch, outcome: Outcome, *, bisect: bool, max_retries: int) -> Decision:
    """What to do with `batch` after `outcome`; `max_retries` -1 never gives up."""
    if not outcome.invoked:
        return Decision(Step.WAIT, following=(replace(batch, held=True),))
    if not outcome.failed:
        return Decision(Step.DONE, done=len(batch.records))
    if outcome.done:
        return Decision(Step.RESUME, outcome.done, (_part(batch, batch.records[outcome.done :]),))
    if bisect and len(batch.records) > 1:
        middle = len(batch.records) // 2
        halves = _part(batch, batch.records[:middle]), _part(batch, batch.records[middle:])
        # Both go on with the retries that the whole has spent: a split costs none, and gives none.
        return Decision(
            Step.SPLIT, following=tuple(replace(half, retries=batch.retries) for half in halves)
        )
    if max_retries != -1 and batch.retries >= max_retries:
        return Decision(Step.GIVE_UP, discarded=batch.records)
    retry = replace(batch, retries=batch.retries + 1, invocations=batch.invocations + 1, again=True)
    return Decision(Step.RETRY, following=(retry,))


def repeat(batch: Batch) -> Decision:
    """Deliver a batch that succeeded once more, as if its checkpoint had been lost."""
    return Decision(Step.REPEAT, following=(Batch(batch.records, again=True, duplicate=True),))


def expired_prefix(batch: Batch, now_ms: int, max_age_s: int, oldest_kept: str | None) -> int:
    """How many leading records are too old to be delivered.

    `max_age_s` is MaximumRecordAgeInSeconds (-1: no bound); records that the stream itself no
    longer holds come before `oldest_kept`, a sequence number (None: not asked). Recorded answers of
    the service show that only the expired records are discarded, and the rest is delivered.
    """
    count = 0
    for record in batch.records:
        too_old = max_age_s != -1 and now_ms - record.arrival_ms > max_age_s * 1000
        gone = oldest_kept is not None and int(record.sequence_number) < int(oldest_kept)
        if not (too_old or gone):
            break
        count += 1
    return count


def without_prefix(batch: Batch, count: int) -> Batch | None:
    """The batch after its first `count` records; None if nothing is left."""
    rest = batch.records[count:]
    return replace(batch, records=rest) if rest else None


def backoff_s(failures: int) -> float:
    """Seconds to wait after the `failures`-th failure in a row: 0.1, 0.2, 0.4, … up to 10.

    Lambda backs off exponentially too, but does not say how.
    """
    return min(10.0, 0.1 * 2.0 ** min(failures - 1, 10))


def _part(batch: Batch, records: tuple[QueuedRecord, ...]) -> Batch:
    return Batch(records, again=True, duplicate=batch.duplicate)
