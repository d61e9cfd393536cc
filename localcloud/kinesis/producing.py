"""From records to shards: sizes, hash keys, and what a shard refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

from localcloud.kinesis.errors import InvalidArgument, ThroughputExceeded
from localcloud.kinesis.limits import MAX_PUT_BYTES, MAX_PUT_RECORDS
from localcloud.kinesis.shard import HASH_KEYS
from localcloud.kinesis.stream import Stream


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to put. `explicit_hash_key` (0 to 2^128 - 1) overrides the partition key's hash."""

    partition_key: str
    data: bytes
    explicit_hash_key: int | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a record went."""

    shard_id: str
    sequence_number: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that its stream can take, with what is needed to place it."""

    record: NewRecord
    hash_key: int
    size: int


def hash_key_of(partition_key: str) -> int:
    """The MD5 of the key as an unsigned 128-bit number.

    >>> hash_key_of("a")
    16955237001963240173058271559858726497
    """
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def prepare(stream: Stream, records: Sequence[NewRecord]) -> list[Prepared]:
    """Check everything that makes a whole call fail, before anything is stored."""
    prepared = [_prepared(record, stream.max_record_kib) for record in records]
    size = sum(each.size for each in prepared)
    if not 0 < len(prepared) <= MAX_PUT_RECORDS or size > MAX_PUT_BYTES:
        raise InvalidArgument(
            f"{len(prepared)} records of {size} bytes: one call takes 1 to {MAX_PUT_RECORDS} "
            f"records of {MAX_PUT_BYTES} bytes together. Send fewer at a time."
        )
    return prepared


def place(stream: Stream, prepared: Prepared, now_ms: int) -> Placed | ThroughputExceeded:
    """Store a record in the shard of its hash key, unless that shard's second is used up."""
    shard = stream.topology.route(prepared.hash_key)
    shard.trim(stream.horizon_ms(now_ms))
    if shard.throughput and not shard.throughput.write(now_ms, prepared.size):
        return ThroughputExceeded(
            f"Rate exceeded for shard {shard.shard_id} in stream {stream.name}: its records or "
            "bytes of this second are used up. Retry later with backoff, or split the shard."
        )
    record = prepared.record
    number = shard.append(record.partition_key, record.data, now_ms, prepared.size)
    return Placed(shard.shard_id, number)


def _prepared(record: NewRecord, max_kib: int) -> Prepared:
    size = len(record.data) + len(record.partition_key.encode())
    if size > max_kib * 1024:
        raise InvalidArgument(
            f"A record with partition key {record.partition_key[:40]!r} has {size} bytes (data and "
            f"key); this stream takes {max_kib} KiB. Split it, or raise MaxRecordSizeInKiB with "
            "UpdateMaxRecordSize."
        )
    key = record.explicit_hash_key
    if key is None:
        key = hash_key_of(record.partition_key)
    elif not 0 <= key < HASH_KEYS:
        raise InvalidArgument(f"ExplicitHashKey {key} must lie between 0 and {HASH_KEYS - 1}.")
    return Prepared(record, key, size)
