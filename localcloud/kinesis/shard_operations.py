"""The operations on shards: ListShards, SplitShard, MergeShards, UpdateShardCount."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import InvalidArgument
from localcloud.kinesis.paging import Page, named_stream, next_page
from localcloud.kinesis.requests import Members
from localcloud.kinesis.topology import EVERY_SHARD, ShardFilter
from localcloud.kinesis.wire import Answer, Handler, shard_json, stream_of

_PAGE = 1_000


def _list_shards(backend: KinesisBackend, members: Members) -> Answer:
    if "NextToken" in members:
        page = next_page(backend, members)
    else:
        page = _first_shards(backend, members)
    horizon_ms = page.stream.horizon_ms(backend.clock.now_ms())
    shards = [
        shard
        for shard in page.stream.topology.select(page.wanted, horizon_ms)
        if shard.shard_id > page.after
    ]
    listed = shards[: min(members.get("MaxResults", _PAGE), _PAGE)]
    answer: dict[str, object] = {"Shards": [shard_json(shard) for shard in listed]}
    if len(listed) < len(shards):
        answer["NextToken"] = page.token(backend, listed[-1].shard_id)
    return answer


def _first_shards(backend: KinesisBackend, members: Members) -> Page:
    given: Members = members.get("ShardFilter", {"Type": "FROM_TRIM_HORIZON"})
    kind, shard_id, timestamp_ms = given["Type"], given.get("ShardId"), given.get("Timestamp")
    if (kind == "AFTER_SHARD_ID") != (shard_id is not None):
        raise InvalidArgument(
            f"ShardFilter {kind} with ShardId {shard_id}: AFTER_SHARD_ID needs one, and no other "
            "type takes one."
        )
    if kind.endswith("_TIMESTAMP") != (timestamp_ms is not None):
        raise InvalidArgument(
            f"ShardFilter {kind} with Timestamp {timestamp_ms}: AT_TIMESTAMP and FROM_TIMESTAMP "
            "need one, and no other type takes one."
        )
    # A shard id to start after is the same thing in a filter and beside it.
    after = max(shard_id or "", members.get("ExclusiveStartShardId", ""))
    wanted = EVERY_SHARD if shard_id else ShardFilter(kind, timestamp_ms)
    return Page(named_stream(backend, members), after, wanted)


def _split_shard(backend: KinesisBackend, members: Members) -> Answer:
    at = int(members["NewStartingHashKey"])
    backend.split_shard(stream_of(backend, members).name, members["ShardToSplit"], at)
    return None


def _merge_shards(backend: KinesisBackend, members: Members) -> Answer:
    first, adjacent = members["ShardToMerge"], members["AdjacentShardToMerge"]
    backend.merge_shards(stream_of(backend, members).name, first, adjacent)
    return None


def _update_shard_count(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    before = len(stream.topology.open)
    backend.update_shard_count(stream.name, members["TargetShardCount"])
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardCount": before,
        "TargetShardCount": members["TargetShardCount"],
    }


OPERATIONS: Mapping[str, Handler] = {
    "ListShards": _list_shards,
    "SplitShard": _split_shard,
    "MergeShards": _merge_shards,
    "UpdateShardCount": _update_shard_count,
}
