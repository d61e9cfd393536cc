"""Records as boto3 sees them: put, iterated, followed through a split; iterators that expire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.localcloud.kinesis.served import SHARD, Service


def test_records_come_back_as_they_were_put(service: Service, stream: str) -> None:
    placed = service.client.put_record(
        StreamName=stream, Data=b"\x00\xff", PartitionKey="ключ", ExplicitHashKey="0"
    )
    read = service.client.get_records(ShardIterator=service.iterator(stream))
    (record,) = read["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b"\x00\xff", "ключ")
    assert record["SequenceNumber"] == placed["SequenceNumber"]
    assert record["ApproximateArrivalTimestamp"] == datetime.fromtimestamp(service.now_s(), UTC)
    assert read["MillisBehindLatest"] == 0


def test_pages_of_records_and_how_far_behind_they_are(service: Service, stream: str) -> None:
    service.put(stream, "a", "b", "c")
    service.pass_time(7)
    first = service.client.get_records(ShardIterator=service.iterator(stream), Limit=2)
    assert [record["Data"] for record in first["Records"]] == [b"a", b"b"]
    assert first["MillisBehindLatest"] == 7_000
    second = service.client.get_records(ShardIterator=first["NextShardIterator"], Limit=2)
    assert [record["Data"] for record in second["Records"]] == [b"c"]
    assert second["MillisBehindLatest"] == 0


def test_iterators_of_every_type(service: Service, stream: str) -> None:
    numbers = service.put(stream, "a", "b")
    service.pass_time(1)
    now = service.now_s()
    service.put(stream, "c")
    assert service.read(stream, "TRIM_HORIZON") == [b"a", b"b", b"c"]
    assert service.read(stream, "LATEST") == []
    second, moment = {"StartingSequenceNumber": numbers[1]}, datetime.fromtimestamp(now, UTC)
    assert service.read(stream, "AT_SEQUENCE_NUMBER", **second) == [b"b", b"c"]
    assert service.read(stream, "AFTER_SEQUENCE_NUMBER", **second) == [b"c"]
    assert service.read(stream, "AT_TIMESTAMP", Timestamp=moment) == [b"c"]
    assert service.read(stream, "AT_TIMESTAMP", Timestamp=now - 0.5) == [b"c"]


def test_a_split_shard_is_read_to_its_end_and_then_its_children(
    service: Service, stream: str
) -> None:
    service.put(stream, "before")
    service.split(stream)
    service.put(stream, "after")
    read: Any = service.client.get_records(ShardIterator=service.iterator(stream))
    assert [record["Data"] for record in read["Records"]] == [b"before"]
    assert read.get("NextShardIterator") is None
    children = read["ChildShards"]
    assert [child["ParentShards"] for child in children] == [[SHARD], [SHARD]]
    position = service.iterator(stream, ShardId=children[0]["ShardId"])
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
    assert len(set(service.put(stream, *payloads))) == 500
    read = service.client.get_records(ShardIterator=service.iterator(stream))
    assert [record["Data"].decode() for record in read["Records"]] == payloads
