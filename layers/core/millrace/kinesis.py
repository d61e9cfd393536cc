"""Kinesis records as Lambda hands them over: decoding, KPL aggregates, the partial-batch answer.

A record's `Position` says where in which stream it stands. Within a shard positions rise, and a
child shard's are above its parents', because shard numbers and sequence numbers only grow; a
stream made anew under the same name has a later creation time, so its positions are above the old
one's though its sequence numbers may start again.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import md5
from typing import Any, NamedTuple

_KPL_MAGIC = b"\xf3\x89\x9a\xc2"
_KPL_DIGEST_BYTES = 16

# What Kinesis allows, and a date that can be written: others would fail wherever they are used.
_SEQUENCE_DIGITS = 129
_SHARD_DIGITS = 12
_HASHES = 2**128
_LATEST_MS = 253_402_300_800_000  # the year 10000


# Half the time of Delivery(…): there is one for every event.
_new = tuple.__new__


class Position(NamedTuple):
    """Where a record stands, compared as integers.

    `sub` is the place within a KPL aggregate, 0 for a plain record.
    """

    created_ms: int
    shard: int
    sequence: int
    sub: int

    def __str__(self) -> str:
        return f"{self.created_ms}/{self.shard}/{self.sequence}/{self.sub}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position that `str` wrote. Raises ValueError."""
        created_ms, shard, sequence, sub = map(int, text.split("/"))
        return cls(created_ms, shard, sequence, sub)


class Delivery(NamedTuple):
    """One user record of the stream `arn`, out of its base64 and its aggregate.

    The first four fields are its position, flat: there is one of these for every event.
    """

    created_ms: int
    shard: int
    sequence: int
    sub: int
    sequence_number: str
    partition_key: str
    data: bytes
    arrival_ms: int
    aggregated: bool
    arn: str

    @property
    def position(self) -> Position:
        """Where the record stands."""
        return _new(Position, self[:4])


class Rejected(NamedTuple):
    """A record that cannot even be decoded: `raw` is what Lambda handed over."""

    reason: str
    message: str
    raw: object
    sequence_number: str | None
    position: Position | None
    arn: str


class Stream(NamedTuple):
    """What must be known of a stream to place its records."""

    created_ms: int
    # First and last hash key of a shard, for records that a producer aggregated.
    hash_range: Callable[[str], tuple[int, int]]


# What describes a stream: its ARN, the shard, and the first record's sequence number and arrival.
StreamOf = Callable[[str, str, int, int], Stream]


def decode(records: Iterable[Any], stream_of: StreamOf) -> Iterator[Delivery | Rejected]:
    """Every user record of an invocation, in order. What `stream_of` raises comes through."""
    streams: dict[tuple[str, str], tuple[Stream, str, int, str]] = {}
    # A batch is of one shard: what describes it is looked up only when it changes.
    prefix = source = shard_id = arn = ""
    shard = created_ms = 0
    stream: Stream | None = None
    for record in records:
        try:
            kinesis = record["kinesis"]
            sequence_number = str(kinesis["sequenceNumber"])
            sequence = int(sequence_number)
            arrival_ms = round(kinesis["approximateArrivalTimestamp"] * 1e3)
            partition_key, coded = kinesis["partitionKey"], kinesis["data"]
            if not partition_key.isascii():
                partition_key.encode()  # fails where it is no text
            if (
                sequence < 0
                or len(sequence_number) > _SEQUENCE_DIGITS
                or not 0 <= arrival_ms < _LATEST_MS
            ):
                raise ValueError(f"there is no place {sequence_number[:60]} at {arrival_ms} ms")
            event_id, its_source = record["eventID"], record["eventSourceARN"]
            if stream is None or its_source != source or not event_id.startswith(prefix):
                its_shard = event_id[: event_id.index(":")]
                known = streams.get((its_source, its_shard))
                if known is None:
                    number = _shard_number(its_shard)
                    # With enhanced fan-out the source is the consumer, behind the stream.
                    its_arn = its_source.partition("/consumer/")[0]
                    found = stream_of(its_arn, its_shard, sequence, arrival_ms)
                    known = streams[its_source, its_shard] = (found, its_shard, number, its_arn)
                stream, shard_id, shard, arn = known
                created_ms = stream.created_ms
                prefix, source = f"{shard_id}:", its_source
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            yield _malformed(record, error)
            continue
        try:
            data = a2b_base64(coded, strict_mode=True)
        except (Base64Error, ValueError, TypeError) as error:
            message = f"the record's data is not base64: {error}"
            position = Position(created_ms, shard, sequence, 0)
            yield Rejected("not-base64", message, coded, sequence_number, position, arn)
            continue
        # fmt: off
        plain: Delivery = _new(Delivery, (
            created_ms, shard, sequence, 0, sequence_number, partition_key, data, arrival_ms,
            False, arn,
        ))
        # fmt: on
        if data[:4] == _KPL_MAGIC and _digest_is_right(data):
            yield from _deaggregated(plain, stream, shard_id)
        else:
            yield plain


def _malformed(record: object, error: Exception) -> Rejected:
    kinesis = record.get("kinesis") if isinstance(record, Mapping) else None
    number = kinesis.get("sequenceNumber") if isinstance(kinesis, Mapping) else None
    arn = record.get("eventSourceARN", "") if isinstance(record, Mapping) else ""
    message = f"not a Kinesis record as Lambda sends it: {type(error).__name__}: {error}"
    return Rejected("not-a-kinesis-record", message, record, _number(number), None, str(arn))


def _number(number: object) -> str | None:
    """A sequence number that an answer may name; None for anything else."""
    if isinstance(number, str) and _is_number(number, _SEQUENCE_DIGITS):
        return number
    return None


def _shard_number(shard_id: str) -> int:
    """The number in ``shardId-000000000007``. Raises ValueError."""
    digits = shard_id.rpartition("-")[2]
    if not _is_number(digits, _SHARD_DIGITS):
        raise ValueError(f"no shard is called {shard_id[:60]!r}")
    return int(digits)


def _is_number(text: str, most_digits: int) -> bool:
    # Other digits than ASCII's are digits to Python as well.
    return text.isascii() and text.isdigit() and len(text) <= most_digits


def _digest_is_right(data: bytes) -> bool:
    body, digest = data[len(_KPL_MAGIC) : -_KPL_DIGEST_BYTES], data[-_KPL_DIGEST_BYTES:]
    return md5(body, usedforsecurity=False).digest() == digest


def _deaggregated(record: Delivery, stream: Stream, shard_id: str) -> Iterator[Delivery | Rejected]:
    """The user records of a KPL aggregate; sub-sequence numbers count from 0 as in the KCL."""
    # Protobuf is slow to import, and most streams never see an aggregate.
    from aws_kinesis_agg.deaggregator import messages_pb2
    from google.protobuf.message import DecodeError

    try:
        aggregate = messages_pb2.AggregatedRecord.FromString(record.data[4:-_KPL_DIGEST_BYTES])
        rows = [
            (
                aggregate.partition_key_table[row.partition_key_index],
                aggregate.explicit_hash_key_table[row.explicit_hash_key_index]
                if row.HasField("explicit_hash_key_index")
                else None,
                row.data,
            )
            for row in aggregate.records
        ]
        hashes = [_effective_hash(partition_key, hash_key) for partition_key, hash_key, _ in rows]
    except (DecodeError, IndexError, ValueError) as error:
        message = f"a damaged KPL aggregate: {error}"
        where = (record.sequence_number, record.position, record.arn)
        yield Rejected("damaged-aggregate", message, record.data, *where)
        return
    first, last = stream.hash_range(shard_id)
    for sub, ((partition_key, _, data), hashed) in enumerate(zip(rows, hashes, strict=True)):
        # After a reshard a producer may still aggregate by the old shards. It sends what came to a
        # wrong shard again, by itself, and the KCL drops it there, as we do.
        if first <= hashed <= last:
            yield record._replace(sub=sub, partition_key=partition_key, data=data, aggregated=True)


def _effective_hash(partition_key: str, hash_key: str | None) -> int:
    if hash_key is not None:
        hashed = int(hash_key)
        if not 0 <= hashed < _HASHES:
            raise ValueError(f"no shard takes the hash key {hash_key}")
        return hashed
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def partial_batch_answer(failed: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """What the function answers: Lambda goes on from the lowest sequence number that failed.

    >>> partial_batch_answer(["12", "9"])
    {'batchItemFailures': [{'itemIdentifier': '9'}]}
    """
    numbers = list(failed)
    if not numbers:
        return {"batchItemFailures": []}
    return {"batchItemFailures": [{"itemIdentifier": min(numbers, key=int)}]}
