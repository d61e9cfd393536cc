"""The records of one shard on their way to the function: lanes, batching windows, checkpoint. Pure.

ParallelizationFactor gives a shard that many lanes, and a partition key belongs to one of them for
good. A lane has one batch in flight; while that batch is retried or split, nothing that was read
after it leaves the lane, so the order of each key holds whatever fails. (Developer guide: "in-order
processing is still guaranteed for each partition key".)

A batch leaves when it has BatchSize records, when one more would take the event beyond 6 MB, or
when the batching window ends. The next window opens as soon as an invocation completes, and an
empty one is followed by the next. (Developer guide: "Batching behavior".)

The checkpoint is the last record up to which all are finished, in every lane (ours: Lambda does not
say). A run that starts from it delivers again what other lanes had finished beyond it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import md5

from localcloud.event_source_mapping.batch import Batch, Decision, backoff_s
from localcloud.event_source_mapping.event import (
    PAYLOAD_LIMIT_BYTES,
    QueuedRecord,
    event_bytes,
)

# Records may wait here while lanes are busy: two batches a lane, within bounds for small batches
# and for large records.
_MIN_READ_AHEAD = 1_000
_MAX_READ_AHEAD_BYTES = 64 * 1024 * 1024


class Checkpointer:
    """Finds the last record up to which all are finished, whatever order they finish in."""

    __slots__ = ("_finished", "_open", "position")

    def __init__(self, position: str | None) -> None:
        self.position = position
        self._open: deque[QueuedRecord] = deque()
        self._finished: set[int] = set()

    def add(self, record: QueuedRecord) -> None:
        """A record was read; they come in the shard's order."""
        self._open.append(record)

    def finish(self, records: Iterable[QueuedRecord]) -> None:
        """These need not be delivered again."""
        self._finished.update(record.ordinal for record in records)
        while self._open and self._open[0].ordinal in self._finished:
            record = self._open.popleft()
            self._finished.discard(record.ordinal)
            self.position = record.sequence_number

    @property
    def unfinished(self) -> int:
        """How many records were read and are not covered by `position`."""
        return len(self._open)


class _Lane:
    __slots__ = (
        "failures",
        "in_flight",
        "not_before_ms",
        "opened_ms",
        "pending",
        "queue",
        "queued_bytes",
    )

    def __init__(self, now_ms: int) -> None:
        self.queue: deque[QueuedRecord] = deque()
        self.queued_bytes = 0
        self.pending: deque[Batch] = deque()
        self.in_flight: Batch | None = None
        self.opened_ms = now_ms
        self.not_before_ms = now_ms
        self.failures = 0

    @property
    def empty(self) -> bool:
        return not (self.queue or self.pending or self.in_flight)


class Lanes:
    """All lanes of a shard. Times are milliseconds since the epoch."""

    def __init__(
        self, *, factor: int, batch_size: int, window_s: int, position: str | None, now_ms: int
    ) -> None:
        self._batch_size = batch_size
        self._window_ms = window_s * 1000
        self._lanes = [_Lane(now_ms) for _ in range(factor)]
        self._checkpointer = Checkpointer(position)
        self._read_ahead = max(_MIN_READ_AHEAD, 2 * factor * batch_size)
        self._waiting_bytes = 0

    @property
    def checkpoint(self) -> str | None:
        """The position from which a new run would go on."""
        return self._checkpointer.position

    @property
    def empty(self) -> bool:
        """Whether every record that was read is finished."""
        return self._checkpointer.unfinished == 0

    @property
    def room(self) -> int:
        """How many more records may be read now."""
        if self._waiting_bytes >= _MAX_READ_AHEAD_BYTES:
            return 0
        return max(0, self._read_ahead - self._checkpointer.unfinished)

    def lane_of(self, partition_key: str) -> int:
        """The lane of a key; it depends on nothing but the key and the factor."""
        if len(self._lanes) == 1:
            return 0
        digest = md5(partition_key.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest) % len(self._lanes)

    def add(self, records: Sequence[tuple[str, QueuedRecord]], now_ms: int) -> set[int]:
        """Queue (partition key, record) pairs in the shard's order; the lanes that got some."""
        touched = set()
        for key, record in records:
            number = self.lane_of(key)
            lane = self._lanes[number]
            if not lane.queue:
                self._roll_window(lane, now_ms)
            lane.queue.append(record)
            lane.queued_bytes += len(record.entry)
            self._waiting_bytes += len(record.entry)
            self._checkpointer.add(record)
            touched.add(number)
        return touched

    def due_ms(self, number: int) -> int | None:
        """When the lane's next batch leaves; None while it has none or one is in flight."""
        lane = self._lanes[number]
        if lane.in_flight:
            return None
        if lane.pending:
            return lane.not_before_ms
        if not lane.queue:
            return None
        return lane.opened_ms if self._full(lane) else lane.opened_ms + self._window_ms

    def end_windows(self, now_ms: int) -> None:
        """Let what is queued leave now, however long its batching window would still be open."""
        for lane in self._lanes:
            if lane.queue:
                lane.opened_ms = min(lane.opened_ms, now_ms - self._window_ms)

    def take(self, number: int) -> Batch:
        """The lane's next batch, now in flight; only when it is due."""
        lane = self._lanes[number]
        assert lane.in_flight is None, "a lane has one batch in flight"
        lane.in_flight = lane.pending.popleft() if lane.pending else self._form(lane)
        return lane.in_flight

    def settle(
        self, number: int, finished: Iterable[QueuedRecord], decision: Decision, now_ms: int
    ) -> None:
        """The batch in flight came back: what is finished for good, and what follows from it."""
        lane = self._lanes[number]
        lane.in_flight = None
        lane.opened_ms = now_ms
        lane.pending.extendleft(reversed(decision.following))
        lane.failures = lane.failures + 1 if decision.back_off else 0
        pause_s = backoff_s(lane.failures) if decision.back_off else 0.0
        lane.not_before_ms = now_ms + round(pause_s * 1000)
        self._checkpointer.finish(finished)

    def _form(self, lane: _Lane) -> Batch:
        records = [lane.queue.popleft()]
        taken = len(records[0].entry)
        while lane.queue and len(records) < self._batch_size:
            longer = taken + len(lane.queue[0].entry)
            if event_bytes(longer, len(records) + 1) > PAYLOAD_LIMIT_BYTES:
                break
            records.append(lane.queue.popleft())
            taken = longer
        lane.queued_bytes -= taken
        self._waiting_bytes -= taken
        return Batch(tuple(records))

    def _full(self, lane: _Lane) -> bool:
        waiting = len(lane.queue)
        return (
            waiting >= self._batch_size
            or event_bytes(lane.queued_bytes, waiting) > PAYLOAD_LIMIT_BYTES
        )

    def _roll_window(self, lane: _Lane, now_ms: int) -> None:
        """Windows that ended with nothing in them are over; the current one began at a multiple."""
        if self._window_ms and now_ms >= lane.opened_ms + self._window_ms:
            lane.opened_ms = now_ms - (now_ms - lane.opened_ms) % self._window_ms
