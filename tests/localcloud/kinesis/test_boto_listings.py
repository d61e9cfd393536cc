"""Lists, pages, filters, descriptions and tags as boto3 sees them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.localcloud.kinesis.served import SECOND, SHARD, Service


def test_shards_are_listed_page_by_page(service: Service, stream: str) -> None:
    service.scale(stream, 4)
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
    service.split(stream)
    service.pass_time(1)

    def listed(**members: Any) -> list[int]:
        shards = service.client.list_shards(StreamName=stream, **members)["Shards"]
        return [int(shard["ShardId"][-3:]) for shard in shards]

    assert listed(ShardFilter={"Type": "AT_LATEST"}) == [1, 2, 3]
    assert listed(ShardFilter={"Type": "AT_TRIM_HORIZON"}) == [0, 1]
    assert listed(ShardFilter={"Type": "FROM_TRIM_HORIZON"}) == [0, 1, 2, 3]
    assert listed(ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": SECOND}) == [2, 3]
    assert listed(ExclusiveStartShardId=SHARD) == [1, 2, 3]
    now = service.now_s()
    assert listed(ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": now - 1.5}) == [0, 1]
    assert listed(ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": now}) == [1, 2, 3]


def test_a_filter_holds_on_the_following_pages(service: Service, stream: str) -> None:
    service.scale(stream, 4)
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
        service.register(stream, name[-40:])
    streams: Any = service.client.get_paginator("list_streams")
    pages = list(streams.paginate(PaginationConfig={"PageSize": 2}))
    listed = [name for page in pages for name in page["StreamNames"]]
    assert [name for name in listed if name.startswith(stream)] == [stream, *names]
    assert len(listed) == len(set(listed))
    assert all(len(page["StreamNames"]) <= 2 for page in pages)
    consumers: Any = service.client.get_paginator("list_stream_consumers")
    arn = service.arn(stream)
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
    arn = service.arn(stream)
    service.client.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    service.client.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/x")
    service.client.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    service.client.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    service.client.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    service.register(stream)
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
    arn, consumer = service.arn(stream), service.register(stream)
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
