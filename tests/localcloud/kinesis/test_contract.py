"""Kinesis as boto3 sees it: exceptions, pages, waiters, iterators, resharding, fan-out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.localcloud.kinesis.conftest import Service

SHARD, SECOND = "shardId-000000000000", "shardId-000000000001"
HALF = 1 << 127


def put(service: Service, stream: str, *payloads: str, at: int = 0) -> list[str]:
    """Put texts in one call; their sequence numbers."""
    records: Any = [
        {"Data": payload.encode(), "PartitionKey": "k", "ExplicitHashKey": str(at)}
        for payload in payloads
    ]
    answer = service.client.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0
    return [record["SequenceNumber"] for record in answer["Records"]]


def iterator(service: Service, stream: str, kind: str = "TRIM_HORIZON", **members: Any) -> str:
    members = {"ShardId": SHARD, "ShardIteratorType": kind, **members}
    return service.client.get_shard_iterator(StreamName=stream, **members)["ShardIterator"]


def arn_of(service: Service, stream: str) -> str:
    summary = service.client.describe_stream_summary(StreamName=stream)
    return summary["StreamDescriptionSummary"]["StreamARN"]


def register(service: Service, stream: str, name: str = "c") -> str:
    arn = arn_of(service, stream)
    answer = service.client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    return answer["Consumer"]["ConsumerARN"]


# Records


def test_records_come_back_as_they_were_put(service: Service, stream: str) -> None:
    placed = service.client.put_record(
        StreamName=stream, Data=b"\x00\xff", PartitionKey="ключ", ExplicitHashKey="0"
    )
    read = service.client.get_records(ShardIterator=iterator(service, stream))
    (record,) = read["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b"\x00\xff", "ключ")
    assert record["SequenceNumber"] == placed["SequenceNumber"]
    now_ms = service.served.value.clock.now_ms()
    assert record["ApproximateArrivalTimestamp"] == datetime.fromtimestamp(now_ms / 1000, UTC)
    assert read["MillisBehindLatest"] == 0


def test_pages_of_records_and_how_far_behind_they_are(service: Service, stream: str) -> None:
    put(service, stream, "a", "b", "c")
    service.pass_time(7)
    first = service.client.get_records(ShardIterator=iterator(service, stream), Limit=2)
    assert [record["Data"] for record in first["Records"]] == [b"a", b"b"]
    assert first["MillisBehindLatest"] == 7_000
    second = service.client.get_records(ShardIterator=first["NextShardIterator"], Limit=2)
    assert [record["Data"] for record in second["Records"]] == [b"c"]
    assert second["MillisBehindLatest"] == 0


def test_iterators_of_every_type(service: Service, stream: str) -> None:
    numbers = put(service, stream, "a", "b")
    service.pass_time(1)
    now = service.served.value.clock.now_ms() / 1000
    put(service, stream, "c")

    def from_(kind: str, **members: Any) -> list[bytes]:
        position = iterator(service, stream, kind, **members)
        read = service.client.get_records(ShardIterator=position)
        return [record["Data"] for record in read["Records"]]

    assert from_("TRIM_HORIZON") == [b"a", b"b", b"c"]
    assert from_("LATEST") == []
    assert from_("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"b", b"c"]
    assert from_("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"c"]
    assert from_("AT_TIMESTAMP", Timestamp=datetime.fromtimestamp(now, UTC)) == [b"c"]
    assert from_("AT_TIMESTAMP", Timestamp=now - 0.5) == [b"c"]


def test_a_split_shard_is_read_to_its_end_and_then_its_children(
    service: Service, stream: str
) -> None:
    put(service, stream, "before")
    service.client.split_shard(
        StreamName=stream, ShardToSplit=SHARD, NewStartingHashKey=str(HALF // 2)
    )
    put(service, stream, "after")
    read: Any = service.client.get_records(ShardIterator=iterator(service, stream))
    assert [record["Data"] for record in read["Records"]] == [b"before"]
    assert read.get("NextShardIterator") is None
    children = read["ChildShards"]
    assert [child["ParentShards"] for child in children] == [[SHARD], [SHARD]]
    position = iterator(service, stream, ShardId=children[0]["ShardId"])
    after = service.client.get_records(ShardIterator=position)
    assert [record["Data"] for record in after["Records"]] == [b"after"]


def test_scaling_reports_both_counts(service: Service, stream: str) -> None:
    answer = service.client.update_shard_count(
        StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (2, 4)
    summary = service.client.describe_stream_summary(StreamName=stream)
    assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 4


def test_five_hundred_records_in_a_call(service: Service, stream: str) -> None:
    payloads = [str(index) for index in range(500)]
    assert len(set(put(service, stream, *payloads))) == 500
    read = service.client.get_records(ShardIterator=iterator(service, stream))
    assert [record["Data"].decode() for record in read["Records"]] == payloads


# Lists and descriptions


def test_shards_are_listed_page_by_page(service: Service, stream: str) -> None:
    service.client.update_shard_count(
        StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    everything = [f"shardId-{index:012d}" for index in range(6)]
    paginator: Any = service.client.get_paginator("describe_stream")
    pages = list(paginator.paginate(StreamName=stream, PaginationConfig={"PageSize": 4}))
    described = [page["StreamDescription"]["Shards"] for page in pages]
    assert [len(shards) for shards in described] == [4, 2]
    assert [shard["ShardId"] for shards in described for shard in shards] == everything
    first = service.client.list_shards(StreamName=stream, MaxResults=4)
    second = service.client.list_shards(NextToken=first["NextToken"], MaxResults=4)
    assert [shard["ShardId"] for page in (first, second) for shard in page["Shards"]] == everything
    assert "NextToken" not in second


def test_shards_by_filter(service: Service, stream: str) -> None:
    service.pass_time(1)
    service.client.split_shard(
        StreamName=stream, ShardToSplit=SHARD, NewStartingHashKey=str(HALF // 2)
    )
    service.pass_time(1)

    def listed(**members: Any) -> list[int]:
        shards = service.client.list_shards(StreamName=stream, **members)["Shards"]
        return [int(shard["ShardId"][-3:]) for shard in shards]

    assert listed(ShardFilter={"Type": "AT_LATEST"}) == [1, 2, 3]
    assert listed(ShardFilter={"Type": "AT_TRIM_HORIZON"}) == [0, 1]
    assert listed(ShardFilter={"Type": "FROM_TRIM_HORIZON"}) == [0, 1, 2, 3]
    assert listed(ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": SECOND}) == [2, 3]
    assert listed(ExclusiveStartShardId=SHARD) == [1, 2, 3]
    now = service.served.value.clock.now_ms() / 1000
    assert listed(ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": now - 1.5}) == [0, 1]
    assert listed(ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": now}) == [1, 2, 3]


def test_a_filter_holds_on_the_following_pages(service: Service, stream: str) -> None:
    service.client.update_shard_count(
        StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
    )
    latest: Any = {"Type": "AT_LATEST"}
    first = service.client.list_shards(StreamName=stream, ShardFilter=latest, MaxResults=3)
    second = service.client.list_shards(NextToken=first["NextToken"], MaxResults=3)
    listed = [shard["ShardId"][-1] for page in (first, second) for shard in page["Shards"]]
    assert listed == ["2", "3", "4", "5"]
    assert "NextToken" not in second


def test_the_creation_time_tells_streams_of_one_name_apart(service: Service, stream: str) -> None:
    summary = service.client.describe_stream_summary(StreamName=stream)
    created = summary["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    assert service.client.list_shards(StreamName=stream, StreamCreationTimestamp=created)["Shards"]
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.client.list_shards(
            StreamName=stream, StreamCreationTimestamp=created - timedelta(seconds=9)
        )


def test_streams_and_consumers_are_listed_page_by_page(service: Service, stream: str) -> None:
    names = [f"{stream}-{index}" for index in range(3)]
    for name in names:
        service.client.create_stream(StreamName=name, ShardCount=1)
        register(service, stream, name[-40:])
    streams: Any = service.client.get_paginator("list_streams")
    pages = list(streams.paginate(PaginationConfig={"PageSize": 2}))
    listed = [name for page in pages for name in page["StreamNames"]]
    assert [name for name in listed if name.startswith(stream)] == [stream, *names]
    assert len(listed) == len(set(listed))
    assert all(len(page["StreamNames"]) <= 2 for page in pages)
    consumers: Any = service.client.get_paginator("list_stream_consumers")
    arn = arn_of(service, stream)
    pages = list(consumers.paginate(StreamARN=arn, PaginationConfig={"PageSize": 2}))
    assert [[each["ConsumerName"] for each in page["Consumers"]] for page in pages] == [
        [name[-40:] for name in names[:2]],
        [names[2][-40:]],
    ]
    for name in names:
        service.client.delete_stream(StreamName=name)


def test_waiters_see_streams_come_and_go(service: Service, stream: str) -> None:
    service.client.get_waiter("stream_exists").wait(StreamName=stream)
    service.client.delete_stream(StreamName=stream)
    service.client.get_waiter("stream_not_exists").wait(StreamName=stream)


def test_settings_are_described(service: Service, stream: str) -> None:
    arn = arn_of(service, stream)
    service.client.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    service.client.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/x")
    service.client.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    service.client.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    service.client.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    register(service, stream)
    answer: Any = service.client.describe_stream_summary(StreamARN=arn)
    summary = answer["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 48
    assert (summary["EncryptionType"], summary["KeyId"]) == ("KMS", "alias/x")
    assert len(summary["EnhancedMonitoring"][0]["ShardLevelMetrics"]) == 7
    assert summary["MaxRecordSizeInKiB"] == 2048
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert (summary["OpenShardCount"], summary["ConsumerCount"]) == (2, 1)
    placed = service.client.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    assert placed["EncryptionType"] == "KMS"
    service.client.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/x")
    answer = service.client.describe_stream(StreamName=stream)
    assert answer["StreamDescription"]["EncryptionType"] == "NONE"


def test_on_demand_streams_begin_with_four_shards(service: Service, stream: str) -> None:
    mode: Any = {"StreamMode": "ON_DEMAND"}
    service.client.create_stream(StreamName=stream + "-od", StreamModeDetails=mode)
    assert len(service.client.list_shards(StreamName=stream + "-od")["Shards"]) == 4
    assert service.client.describe_limits()["OnDemandStreamCount"] == 1
    service.client.delete_stream(StreamName=stream + "-od")
    assert service.client.describe_limits()["OnDemandStreamCount"] == 0


def test_tags_of_streams_and_consumers(service: Service, stream: str) -> None:
    arn, consumer = arn_of(service, stream), register(service, stream)
    service.client.add_tags_to_stream(StreamName=stream, Tags={"b": "2", "a": "1"})
    page = service.client.list_tags_for_stream(StreamName=stream, Limit=1)
    assert (page["Tags"], page["HasMoreTags"]) == ([{"Key": "a", "Value": "1"}], True)
    rest = service.client.list_tags_for_stream(StreamName=stream, ExclusiveStartTagKey="a")
    assert (rest["Tags"], rest["HasMoreTags"]) == ([{"Key": "b", "Value": "2"}], False)
    service.client.untag_resource(ResourceARN=arn, TagKeys=["a"])
    service.client.tag_resource(ResourceARN=consumer, Tags={"c": "3"})
    assert service.client.list_tags_for_resource(ResourceARN=arn)["Tags"] == rest["Tags"]
    tags = service.client.list_tags_for_resource(ResourceARN=consumer)["Tags"]
    assert tags == [{"Key": "c", "Value": "3"}]


# Refusals


def _refusals(service: Service, stream: str) -> dict[str, Callable[[], object]]:
    client = service.client
    return {
        "ResourceNotFoundException": lambda: client.describe_stream(StreamName="nothing"),
        "ResourceInUseException": lambda: client.create_stream(StreamName=stream, ShardCount=1),
        "ValidationException": lambda: client.create_stream(StreamName=stream + "-new"),
        "InvalidArgumentException": lambda: client.get_records(ShardIterator="nonsense"),
        "LimitExceededException": lambda: [register(service, stream, f"c{i}") for i in range(21)],
    }


@pytest.mark.parametrize(
    "name",
    [
        "ResourceNotFoundException",
        "ResourceInUseException",
        "ValidationException",
        "InvalidArgumentException",
        "LimitExceededException",
    ],
)
def test_refusals_are_the_clients_own_exceptions(service: Service, stream: str, name: str) -> None:
    with pytest.raises(getattr(service.client.exceptions, name)) as refused:
        _refusals(service, stream)[name]()
    assert refused.value.response["Error"]["Code"] == name
    assert refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_validation_names_the_field(service: Service, stream: str) -> None:
    with pytest.raises(ClientError, match=r"at 'records\.2\.member\.partitionKey'"):
        service.client.put_records(
            StreamName=stream,
            Records=[
                {"Data": b"", "PartitionKey": "k"},
                {"Data": b"", "PartitionKey": "k" * 257},
            ],
        )


def test_iterators_and_page_tokens_expire(service: Service, stream: str) -> None:
    position = iterator(service, stream)
    token = service.client.list_shards(StreamName=stream, MaxResults=1)["NextToken"]
    register(service, stream, "a")
    register(service, stream, "b")
    arn = arn_of(service, stream)
    consumers = service.client.list_stream_consumers(StreamARN=arn, MaxResults=1)
    service.pass_time(300.001)
    with pytest.raises(service.client.exceptions.ExpiredIteratorException):
        service.client.get_records(ShardIterator=position)
    with pytest.raises(service.client.exceptions.ExpiredNextTokenException):
        service.client.list_shards(NextToken=token)
    with pytest.raises(service.client.exceptions.ExpiredNextTokenException):
        service.client.list_stream_consumers(StreamARN=arn, NextToken=consumers["NextToken"])


def test_a_token_stands_alone(service: Service, stream: str) -> None:
    """So boto3's own paginator of ListShards fails on its second page, as it does on AWS."""
    paginator: Any = service.client.get_paginator("list_shards")
    with pytest.raises(service.client.exceptions.InvalidArgumentException, match="StreamName"):
        list(paginator.paginate(StreamName=stream, PaginationConfig={"PageSize": 1}))


def test_a_token_of_another_stream(service: Service, stream: str) -> None:
    register(service, stream, "a")
    register(service, stream, "b")
    arn = arn_of(service, stream)
    token = service.client.list_stream_consumers(StreamARN=arn, MaxResults=1)["NextToken"]
    service.client.create_stream(StreamName=stream + "-other", ShardCount=1)
    other = arn_of(service, stream + "-other")
    with pytest.raises(service.client.exceptions.InvalidArgumentException, match="token of stream"):
        service.client.list_stream_consumers(StreamARN=other, NextToken=token)
    service.client.delete_stream(StreamName=stream + "-other")


# Fan-out


def subscribe(service: Service, consumer: str, **start: Any) -> Any:
    position: Any = start or {"Type": "TRIM_HORIZON"}
    answer = service.client.subscribe_to_shard(
        ConsumerARN=consumer, ShardId=SHARD, StartingPosition=position
    )
    return answer["EventStream"]


def test_a_subscription_pushes_records_while_it_is_open(service: Service, stream: str) -> None:
    put(service, stream, "a", "b")
    pushed = subscribe(service, register(service, stream))
    events = iter(pushed)
    first = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in first["Records"]] == [b"a", b"b"]
    assert first["ContinuationSequenceNumber"] == first["Records"][-1]["SequenceNumber"]
    assert first["MillisBehindLatest"] == 0
    (number,) = put(service, stream, "c")
    second = next(events)["SubscribeToShardEvent"]
    assert [record["SequenceNumber"] for record in second["Records"]] == [number]
    pushed.close()


def test_a_subscription_ends_with_its_shard(service: Service, stream: str) -> None:
    put(service, stream, "last")
    service.client.merge_shards(StreamName=stream, ShardToMerge=SHARD, AdjacentShardToMerge=SECOND)
    events = [
        event["SubscribeToShardEvent"] for event in subscribe(service, register(service, stream))
    ]
    assert [record["Data"] for event in events for record in event["Records"]] == [b"last"]
    assert events[-1].get("ContinuationSequenceNumber") is None
    (child,) = events[-1]["ChildShards"]
    assert child["ParentShards"] == [SHARD, SECOND]


def test_a_subscription_lasts_five_minutes(service: Service, stream: str) -> None:
    pushed = subscribe(service, register(service, stream), Type="LATEST")
    passing = threading.Thread(target=service.pass_time, args=(301,))
    passing.start()
    events = [event["SubscribeToShardEvent"] for event in pushed]
    passing.join()
    assert len(events) == 60
    assert all(event["Records"] == [] for event in events)


def test_a_later_subscription_takes_over(service: Service, stream: str) -> None:
    consumer = register(service, stream)
    first = subscribe(service, consumer)
    with pytest.raises(service.client.exceptions.ResourceInUseException):
        subscribe(service, consumer)
    service.pass_time(5)
    second = subscribe(service, consumer)
    with pytest.raises(EventStreamError, match="has taken over"):
        list(first)
    second.close()


def test_subscriptions_of_unknown_consumers(service: Service, stream: str) -> None:
    consumer = register(service, stream)
    service.client.deregister_stream_consumer(ConsumerARN=consumer)
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        subscribe(service, consumer)
