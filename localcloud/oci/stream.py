"""A stream: partitions, what may be put, and where cursors begin."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from localcloud.kinesis.bell import Bell
from localcloud.oci.errors import (
    InvalidParameter,
    MissingParameter,
    NotFound,
    TooLarge,
    TooManyRequests,
)
from localcloud.oci.partition import Message, Partition
from localcloud.oci.rates import Rate
from localcloud.ports import Clock

MAX_PUT_BYTES = 1 << 20
MAX_KEY_BYTES = 256
# Of each partition, where a stream is throttled: bytes in and reads out, a second.
MAX_BYTES_A_SECOND = 1 << 20
MAX_READS_A_SECOND = 5
RETENTION_H = range(24, 169)
_HOUR_MS = 3_600_000


class Stream:
    """Messages with one key stand in one partition; without a key they go round.

    One that is `throttled` refuses what passes the rates of the service. `firsts` are the first
    offsets of its partitions, where they are not 0.
    """

    def __init__(
        self,
        stream_id: str,
        name: str,
        clock: Clock,
        *,
        partitions: int = 1,
        retention_h: int = 24,
        throttled: bool = False,
        firsts: Mapping[str, int] | None = None,
    ) -> None:
        if retention_h not in RETENTION_H or partitions < 1:
            raise InvalidParameter(
                f"The stream {name} has {partitions} partitions and {retention_h} h; it needs at"
                " least one partition, and 24 to 168 h"
            )
        self.id = stream_id
        self.name = name
        self.retention_h = retention_h
        self.made_ms = clock.now_ms()
        self.clock = clock
        self.bell = Bell()
        self._partitions = {
            name: Partition(name, retention_h * _HOUR_MS, (firsts or {}).get(name, 0))
            for name in map(str, range(partitions))
        }
        self._round = 0
        self._throttled = throttled
        self._in = {name: Rate(MAX_BYTES_A_SECOND) for name in self._partitions}
        self._out: defaultdict[tuple[str, str], Rate] = defaultdict(
            lambda: Rate(MAX_READS_A_SECOND)
        )

    @property
    def partitions(self) -> Sequence[str]:
        """Their names, in order."""
        return tuple(self._partitions)

    def put(self, messages: Sequence[tuple[bytes | None, bytes]]) -> list[Message]:
        """Keep messages, each with its key or None, all of them or none."""
        _check(messages)
        placed = [(self._place(key), key, value) for key, value in messages]
        return self._kept(placed)

    def append(
        self, partition: str, messages: Sequence[tuple[bytes | None, bytes]]
    ) -> list[Message]:
        """Keep messages in a partition of the caller's choice, as Kafka's producers choose."""
        at = self.partition(partition)
        _check(messages)
        return self._kept([(at.name, key, value) for key, value in messages])

    def read_by(self, reader: str, partition: str) -> None:
        """Count a read. Raises TooManyRequests where a reader asks a partition too often."""
        if not self._throttled:
            return
        now_ms = self.clock.now_ms()
        rate = self._out[reader, partition]
        if not rate.room(1, now_ms):
            raise TooManyRequests(f"A partition is read {MAX_READS_A_SECOND} times a second")
        rate.note(1, now_ms)

    def partition(self, name: str) -> Partition:
        """A partition, without what is too old by now."""
        if name not in self._partitions:
            known = f"0 to {len(self._partitions) - 1}"
            raise NotFound(f"The stream {self.name} has no partition {name!r:.40}; it has {known}")
        found = self._partitions[name]
        found.trim(self.clock.now_ms())
        return found

    def start(
        self, partition: str, kind: str, *, offset: int | None = None, time_ms: int | None = None
    ) -> int:
        """The offset that a new cursor reads first."""
        at = self.partition(partition)
        if kind == "TRIM_HORIZON":
            return at.first
        if kind == "LATEST":
            return at.end
        if kind == "AT_TIME":
            if time_ms is None:
                raise MissingParameter("A cursor of type AT_TIME needs `time`")
            return at.offset_at(time_ms)
        if kind not in ("AT_OFFSET", "AFTER_OFFSET"):
            raise InvalidParameter(f"There is no cursor type {kind!r:.40}")
        if offset is None or offset < 0:
            raise InvalidParameter(f"A cursor of type {kind} needs `offset`, from 0 on")
        return offset + (kind == "AFTER_OFFSET")

    def _kept(self, placed: Sequence[tuple[str, bytes | None, bytes]]) -> list[Message]:
        now_ms = self.clock.now_ms()
        if self._throttled:
            self._count(placed, now_ms)
        kept = [self._partitions[name].append(key, value, now_ms) for name, key, value in placed]
        self.bell.ring()
        return kept

    def _count(self, placed: Sequence[tuple[str, bytes | None, bytes]], now_ms: int) -> None:
        """Raise TooManyRequests where a partition would get more than it takes; none gets any."""
        sizes = Counter[str]()
        for name, key, value in placed:
            sizes[name] += len(key or b"") + len(value)
        for name, size in sizes.items():
            if not self._in[name].room(size, now_ms):
                raise TooManyRequests(f"Partition {name} takes {MAX_BYTES_A_SECOND} bytes a second")
        for name, size in sizes.items():
            self._in[name].note(size, now_ms)

    def _place(self, key: bytes | None) -> str:
        if key is None:
            self._round += 1
            return str(self._round % len(self._partitions))
        digest = hashlib.sha256(key).digest()
        return str(int.from_bytes(digest[:8], "big") % len(self._partitions))


def _check(messages: Sequence[tuple[bytes | None, bytes]]) -> None:
    if not messages:
        raise MissingParameter("messages: there is none")
    if any(len(key or b"") > MAX_KEY_BYTES for key, _ in messages):
        raise InvalidParameter(f"A key has more than {MAX_KEY_BYTES} bytes")
    size = sum(len(key or b"") + len(value) for key, value in messages)
    if size > MAX_PUT_BYTES:
        raise TooLarge(f"The messages have {size} bytes; one call takes {MAX_PUT_BYTES}")
