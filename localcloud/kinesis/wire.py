"""How streams, shards and records look in Kinesis's JSON."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.consumers import Consumer
from localcloud.kinesis.errors import InvalidArgument
from localcloud.kinesis.requests import Members
from localcloud.kinesis.shard import HashRange, ShardLog
from localcloud.kinesis.stream import Stream
from localcloud.ports import StreamRecord

Json = Mapping[str, object]
# None is an answer without a body.
Answer = Json | None
Handler = Callable[[KinesisBackend, Members], Answer]


def seconds(milliseconds: int) -> float:
    """A timestamp as JSON 1.1 has it."""
    return milliseconds / 1000


def record_json(record: StreamRecord) -> Json:
    """A record as GetRecords and SubscribeToShard give it."""
    return {
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": record.arrival_ms / 1000,
        "Data": b64encode(record.data).decode(),
        "PartitionKey": record.partition_key,
    }


def shard_json(shard: ShardLog) -> Json:
    """A shard as ListShards and DescribeStream give it."""
    described = shard.describe()
    numbers = {"StartingSequenceNumber": described.starting_sequence}
    if described.ending_sequence is not None:
        numbers["EndingSequenceNumber"] = described.ending_sequence
    parents = zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False)
    return {
        "ShardId": shard.shard_id,
        **dict(parents),
        "HashKeyRange": _range_json(shard.hash_range),
        "SequenceNumberRange": numbers,
    }


def children_json(children: Iterable[ShardLog]) -> Json:
    """The children of a shard at its end; no member at all where there are none."""
    listed = [
        {
            "ShardId": child.shard_id,
            "ParentShards": list(child.parents),
            "HashKeyRange": _range_json(child.hash_range),
        }
        for child in children
    ]
    return {"ChildShards": listed} if listed else {}


def consumer_json(consumer: Consumer, now_ms: int) -> Json:
    """A registered consumer."""
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": consumer.status(now_ms),
        "ConsumerCreationTimestamp": seconds(consumer.created_ms),
    }


def tags_json(tags: Sequence[tuple[str, str]]) -> list[Json]:
    """Tags as a list of keys and values."""
    return [{"Key": key, "Value": value} for key, value in tags]


def stream_of(backend: KinesisBackend, members: Members) -> Stream:
    """The stream that a request names; raises InvalidArgument unless it names exactly one."""
    name, arn = members.get("StreamName"), members.get("StreamARN")
    named: str | None = arn or name
    if named is None:
        raise InvalidArgument("Neither StreamARN nor StreamName was given; name the stream.")
    stream = backend.stream(named)
    if name not in (None, stream.name):
        raise InvalidArgument(f"StreamName {name!r} and StreamARN {arn!r} are not the same stream.")
    return stream


def _range_json(keys: HashRange) -> Json:
    return {"StartingHashKey": str(keys.start), "EndingHashKey": str(keys.end)}
