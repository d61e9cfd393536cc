"""One shard: its records in order, its hash range, its parents and children.

Records are kept in a list, and beside it how many bytes came before each, so that a position is
found by bisection and a read of any length is one slice. Trimming only moves a start index; the
list is cut once half of it is dead.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import attrgetter

from localcloud.kinesis.bell import Bell
from localcloud.kinesis.limits import ShardThroughput
from localcloud.kinesis.sequence import Origin, Sequencer, origin_of, padded
from localcloud.ports import Shard, ShardRead, StreamRecord

HASH_KEYS = 1 << 128
_SEQUENCE = attrgetter("sequence_number")
_ARRIVAL = attrgetter("arrival_ms")


@dataclass(frozen=True, slots=True)
class HashRange:
    """Hash keys from `start` to `end`, both inclusive."""

    start: int
    end: int


class ShardLog:
    """One shard. Times are arguments, in milliseconds; nothing here reads a clock."""

    __slots__ = (
        "_arrived_ms",
        "_offsets",
        "_records",
        "_sequencer",
        "_start",
        "bell",
        "birth_ms",
        "children",
        "closed_ms",
        "created_ms",
        "ending_sequence",
        "hash_range",
        "index",
        "parents",
        "shard_id",
        "throughput",
    )

    def __init__(
        self,
        index: int,
        hash_range: HashRange,
        now_ms: int,
        parents: tuple[ShardLog, ...] = (),
        throughput: ShardThroughput | None = None,
    ) -> None:
        self.index = index
        self.shard_id = f"shardId-{index:012d}"
        self.hash_range = hash_range
        self.created_ms = now_ms
        # Later than the parents' even within one millisecond: it leads every sequence number.
        self.birth_ms: int = max([now_ms, *(parent.birth_ms + 1 for parent in parents)])
        self.parents = tuple(parent.shard_id for parent in parents)
        self.children: tuple[ShardLog, ...] = ()
        self.closed_ms: int | None = None
        self.ending_sequence: str | None = None
        self.throughput = throughput
        self.bell = Bell()
        self._sequencer = Sequencer(Origin(self.birth_ms, index))
        self._records: list[StreamRecord] = []
        self._offsets = [0]  # bytes before each record, and one more: bytes before the next
        self._start = 0  # records before this index are trimmed
        self._arrived_ms = now_ms

    @property
    def held(self) -> int:
        """How many records it holds, trimmed ones not counted."""
        return len(self._records) - self._start

    def describe(self) -> Shard:
        """What consumers are told of the shard."""
        parent, adjacent = (*self.parents, None, None)[:2]
        return Shard(
            shard_id=self.shard_id,
            starting_hash_key=self.hash_range.start,
            ending_hash_key=self.hash_range.end,
            starting_sequence=self._sequencer.starting,
            ending_sequence=self.ending_sequence,
            parent_id=parent,
            adjacent_parent_id=adjacent,
        )

    def append(self, partition_key: str, data: bytes, now_ms: int, size: int) -> str:
        """Store a record of `size` bytes (data and key) and wake the readers; its number."""
        # Arrival times never fall within a shard, or trimming by them would not be a prefix.
        self._arrived_ms = max(now_ms, self._arrived_ms)
        number = self._sequencer.next(self._arrived_ms)
        self._records.append(StreamRecord(number, self._arrived_ms, partition_key, data))
        self._offsets.append(self._offsets[-1] + size)
        self.bell.ring()
        return number

    def close(self, now_ms: int, children: tuple[ShardLog, ...]) -> None:
        """Take no more records; readers go on with `children` once they have drained this."""
        self.closed_ms = max(now_ms, self._arrived_ms)
        self.children = children
        self.ending_sequence = self._sequencer.next(self.closed_ms)
        self.bell.ring()

    def trim(self, horizon_ms: int) -> None:
        """Forget the records that arrived at `horizon_ms` or before."""
        if self._start == len(self._records) or self._records[self._start].arrival_ms > horizon_ms:
            return
        self._start = bisect_right(self._records, horizon_ms, lo=self._start, key=_ARRIVAL)
        if 2 * self._start >= len(self._records):
            del self._records[: self._start], self._offsets[: self._start]
            self._start = 0

    def expired(self, horizon_ms: int) -> bool:
        """Whether it was closed so long ago that nothing in it can still be read."""
        return self.closed_ms is not None and self.closed_ms <= horizon_ms

    def holds_after(self, after: str | None) -> bool:
        """Whether a record follows the position `after`."""
        if self._start == len(self._records):
            return False
        return after is None or padded(after) < self._records[-1].sequence_number

    def read(self, after: str | None, limit: int, max_bytes: int, now_ms: int) -> ShardRead:
        """At most `limit` records and `max_bytes` after `after`, but one at least if there is one.

        `behind_ms` is the age of the last of them when more follow, and 0 otherwise.
        """
        first = self._index_after(after)
        fits = bisect_right(self._offsets, self._offsets[first] + max_bytes, lo=first) - 1
        last = min(len(self._records), first + limit, max(fits, first + 1))
        records = self._records[first:last]
        more = last < len(self._records)
        behind_ms = max(1, now_ms - records[-1].arrival_ms) if more else 0
        return ShardRead(records, behind_ms, self.closed_ms is not None and not more)

    def size_of(self, read: ShardRead) -> int:
        """Bytes of data and keys in what `read` returned."""
        if not read.records:
            return 0
        last = self._index_after(read.records[-1].sequence_number)
        return self._offsets[last] - self._offsets[last - len(read.records)]

    def latest(self) -> str:
        """The position after everything that has arrived until now."""
        return self._sequencer.last

    def position_at(self, timestamp_ms: int) -> str | None:
        """The position just before the first record that arrived at `timestamp_ms` or later."""
        index = bisect_left(self._records, timestamp_ms, lo=self._start, key=_ARRIVAL)
        if index == len(self._records):
            return self.latest()
        return self._records[index - 1].sequence_number if index > self._start else None

    def issued(self, number: str) -> bool:
        """Whether `number` lies between the first and the last that this shard has given out."""
        own = origin_of(number) == Origin(self.birth_ms, self.index)
        return own and padded(number) <= self._sequencer.last

    def _index_after(self, after: str | None) -> int:
        if after is None:
            return self._start
        return bisect_right(self._records, padded(after), lo=self._start, key=_SEQUENCE)
