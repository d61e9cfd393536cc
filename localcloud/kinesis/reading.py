"""How consumers read over the wire: the five starting positions, iterators, GetRecords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import (
    ExpiredIterator,
    InvalidArgument,
    ResourceNotFound,
    ThroughputExceeded,
)
from localcloud.kinesis.limits import MAX_READ_BYTES
from localcloud.kinesis.sequence import before, padded
from localcloud.kinesis.shard import ShardLog
from localcloud.kinesis.stream import Stream
from localcloud.kinesis.tokens import LIFETIME_MS, IteratorToken
from localcloud.ports import ShardRead, StreamRecord


@dataclass(frozen=True, slots=True)
class Position:
    """Where to begin in a shard: one of AWS's five types, with what three of them need."""

    kind: str
    sequence_number: str | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """An answer to GetRecords; `iterator` is None at the end of a closed shard."""

    records: Sequence[StreamRecord]
    iterator: str | None
    behind_ms: int
    children: Sequence[ShardLog]


def resolve(
    backend: KinesisBackend, stream: Stream, shard_id: str, position: Position
) -> str | None:
    """The position as `KinesisBackend.read` takes it.

    Raises InvalidArgument for a position that cannot be in this shard, ResourceNotFound for a
    stream that is not there yet or a shard that is not there any more.
    """
    now_ms = backend.clock.now_ms()
    stream.require_usable(now_ms)
    shard = stream.shard(shard_id, now_ms)
    if shard.expired(stream.horizon_ms(now_ms)):
        raise ResourceNotFound(
            f"Shard {shard_id} of stream {stream.name!r} has expired: it was closed more than "
            f"{stream.retention_hours} hours ago. Its children hold what came after."
        )
    _require_consistent(position)
    if position.sequence_number is None:
        start, timestamp_ms = position.kind, position.timestamp_ms or 0
        return backend.position_at(stream.name, shard_id, start, timestamp_ms)
    if not shard.issued(position.sequence_number):
        raise InvalidArgument(
            f"Sequence number {position.sequence_number} used on shard {shard_id} in stream "
            f"{stream.name} is invalid because it did not come from this shard."
        )
    if position.kind == "AT_SEQUENCE_NUMBER":
        return before(position.sequence_number)
    return padded(position.sequence_number)


def shard_iterator(
    backend: KinesisBackend, stream: Stream, shard_id: str, position: Position
) -> str:
    """An iterator that is good for five minutes."""
    return _iterator(backend, stream, shard_id, resolve(backend, stream, shard_id, position))


def get_records(
    backend: KinesisBackend, iterator: str, limit: int, named: Stream | None = None
) -> RecordsPage:
    """Read from an iterator's position, within the throughput that the shard's readers share.

    `named` is the stream that the caller says it reads, if it does. Raises ExpiredIterator,
    InvalidArgument for a text that is no iterator of that stream, ThroughputExceeded.
    """
    token = IteratorToken.parse(iterator)
    stream = same_stream(backend, token.stream, token.created_ms)
    if named is not None and named is not stream:
        raise InvalidArgument(
            f"The iterator belongs to stream {stream.name!r} and the request names {named.name!r}."
        )
    age_ms = backend.clock.now_ms() - token.issued_ms
    if age_ms > LIFETIME_MS:
        raise ExpiredIterator(
            f"The iterator was issued {age_ms} ms ago and lives {LIFETIME_MS} ms; get a new one "
            "AFTER_SEQUENCE_NUMBER of the last record that you have."
        )
    shard = stream.shard(token.shard_id, backend.clock.now_ms())
    read = _metered_read(shard, stream, token.after, limit, backend.clock.now_ms())
    if read.drained:
        return RecordsPage(read.records, None, read.behind_ms, shard.children)
    reached = read.records[-1].sequence_number if read.records else token.after
    following = _iterator(backend, stream, shard.shard_id, reached)
    return RecordsPage(read.records, following, read.behind_ms, ())


def same_stream(backend: KinesisBackend, name: str, created_ms: int) -> Stream:
    """The stream that a token was issued for; raises ResourceNotFound if it was made anew."""
    stream = backend.stream(name)
    if stream.created_ms != created_ms:
        raise ResourceNotFound(
            f"Stream {name!r} was deleted and made anew since this token was issued; start again."
        )
    return stream


def _metered_read(
    shard: ShardLog, stream: Stream, after: str | None, limit: int, now_ms: int
) -> ShardRead:
    if shard.throughput and not shard.throughput.begin_read(now_ms):
        raise ThroughputExceeded(
            f"Rate exceeded for shard {shard.shard_id} in stream {stream.name}: its reads or bytes "
            "of this second are used up. Retry later with backoff, or register a consumer."
        )
    read = shard.read(after, limit, MAX_READ_BYTES, now_ms)
    if shard.throughput:
        shard.throughput.end_read(now_ms, shard.size_of(read))
    return read


def _require_consistent(position: Position) -> None:
    by_number = position.kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
    if by_number != (position.sequence_number is not None):
        raise InvalidArgument(
            f"{position.kind} with sequence number {position.sequence_number}: AT_ and "
            "AFTER_SEQUENCE_NUMBER need one, and no other type takes one."
        )
    if (position.kind == "AT_TIMESTAMP") != (position.timestamp_ms is not None):
        raise InvalidArgument(
            f"{position.kind} with timestamp {position.timestamp_ms}: AT_TIMESTAMP needs one, and "
            "no other type takes one."
        )


def _iterator(backend: KinesisBackend, stream: Stream, shard_id: str, after: str | None) -> str:
    issued_ms = backend.clock.now_ms()
    return IteratorToken(stream.name, stream.created_ms, shard_id, after, issued_ms).text()
