"""What Kinesis lets through: bounds on every call, and the throughput of a shard.

The bounds on one call always hold. The throughput of a shard holds when a backend is given
`Limits`; without them a local run is as fast as the machine. Throughput is counted in windows of a
second that open at their first use; a call that is larger than a whole window keeps it shut for as
many seconds as it took, which is how Kinesis says it treats a read of 10 MiB.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
MAX_PUT_RECORDS = 500
MAX_PUT_BYTES = 10 * MIB
MAX_READ_RECORDS = 10_000
MAX_READ_BYTES = 10 * MIB
MAX_EVENT_BYTES = 2 * MIB
MAX_SHARDS = 10_000
MAX_ON_DEMAND_STREAMS = 50
MAX_CONSUMERS = 20
MAX_TAGS = 50


@dataclass(frozen=True, slots=True)
class Limits:
    """Throughput of one shard as AWS documents it, and how often a day a stream is rescaled."""

    write_records_per_s: int = 1_000
    write_bytes_per_s: int = MIB
    reads_per_s: int = 5
    read_bytes_per_s: int = 2 * MIB
    rescales_per_day: int = 10


class Window:
    """How much of `rate` per second has been used since the window opened."""

    __slots__ = ("_opened_ms", "_rate", "_used")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._opened_ms = 0
        self._used = 0

    def admits(self, now_ms: int, cost: int) -> bool:
        """Whether `cost` fits; anything fits an unused window, so that nothing starves."""
        shut_ms = max(1_000, self._used * 1_000 // self._rate)
        if not 0 <= now_ms - self._opened_ms < shut_ms:
            self._used = 0
        return self._used == 0 or self._used + cost <= self._rate

    def use(self, now_ms: int, cost: int) -> None:
        """Count `cost`; the first use opens the window."""
        if self._used == 0:
            self._opened_ms = now_ms
        self._used += cost


class ShardThroughput:
    """The four windows of a shard: records and bytes written, reads and bytes read."""

    __slots__ = ("_read_bytes", "_reads", "_written", "_written_bytes")

    def __init__(self, limits: Limits) -> None:
        self._written = Window(limits.write_records_per_s)
        self._written_bytes = Window(limits.write_bytes_per_s)
        self._reads = Window(limits.reads_per_s)
        self._read_bytes = Window(limits.read_bytes_per_s)

    def write(self, now_ms: int, size: int) -> bool:
        """Count one record of `size` bytes, unless it is too much for this second."""
        if not (self._written.admits(now_ms, 1) and self._written_bytes.admits(now_ms, size)):
            return False
        self._written.use(now_ms, 1)
        self._written_bytes.use(now_ms, size)
        return True

    def begin_read(self, now_ms: int) -> bool:
        """Count one read, unless this second's reads or bytes are used up."""
        if not (self._reads.admits(now_ms, 1) and self._read_bytes.admits(now_ms, 1)):
            return False
        self._reads.use(now_ms, 1)
        return True

    def end_read(self, now_ms: int, size: int) -> None:
        """Count the bytes that a read gave; their number is known only afterwards."""
        self._read_bytes.use(now_ms, size)
