"""What the rooms of the local cloud ask of each other.

Each room implements or consumes these Protocols and never imports another room's insides, so
that every one can be tested alone against a fake. `cloud.py` wires them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Time as the rooms see it: real in the demo, driven by hand in tests."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock's time."""
        ...


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One Kinesis record as a consumer sees it; `data` is not base64-coded."""

    sequence_number: str
    arrival_ms: int
    partition_key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard: its hash range (inclusive) and its parents; it is closed when it has an end."""

    shard_id: str
    starting_hash_key: int
    ending_hash_key: int
    starting_sequence: str
    ending_sequence: str | None
    parent_id: str | None
    adjacent_parent_id: str | None


@dataclass(frozen=True, slots=True)
class ShardRead:
    """One read of a shard.

    `records` come after the position asked for, oldest first. `behind_ms` is how far the last of
    them is behind the shard's tip (0 at the tip). `drained` says that the shard is closed and that
    nothing follows: its children may now be read.
    """

    records: Sequence[StreamRecord]
    behind_ms: int
    drained: bool


class StreamReader(Protocol):
    """The consumer's side of the Kinesis data plane. `stream` is a name or an ARN."""

    def shards(self, stream: str) -> Sequence[Shard]:
        """Every shard that still holds records, parents before children."""
        ...

    def read(self, stream: str, shard_id: str, after: str | None, limit: int) -> ShardRead:
        """At most `limit` records after sequence number `after`; None is the trim horizon."""
        ...

    def position_at(
        self, stream: str, shard_id: str, start: str, timestamp_ms: int = 0
    ) -> str | None:
        """The position (for `read`'s `after`) of TRIM_HORIZON, LATEST or AT_TIMESTAMP."""
        ...

    async def wait(self, stream: str, shard_id: str, after: str | None, timeout_s: float) -> bool:
        """Wait for a record after `after`, or for the shard's end; False when time ran out."""
        ...


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function's answer. `error` is None, or the errorType of an unhandled error or time-out."""

    payload: bytes
    error: str | None
    duration_ms: float


class Invoker(Protocol):
    """Runs functions by name; callers may invoke concurrently, up to what the function allows."""

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        """Call `function` with a JSON payload and wait for its answer."""
        ...


class ObjectStore(Protocol):
    """Where an event source mapping leaves what it gave up on."""

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store `body`; raises on failure, and then nothing was stored."""
        ...
