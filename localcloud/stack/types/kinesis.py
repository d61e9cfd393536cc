"""Kinesis streams and their consumers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_DEFAULT_RETENTION_HOURS = 24


def _make_stream(creation: Creation) -> Made:
    properties, aws = creation.properties, creation.aws
    name = creation.name("Name", 128)
    details = properties.nested("StreamModeDetails")
    mode = details.text("StreamMode", "PROVISIONED")
    details.done()
    shards = properties.optional_integer("ShardCount")
    request: dict[str, Any] = {"StreamName": name, "StreamModeDetails": {"StreamMode": mode}}
    if shards is not None:
        request["ShardCount"] = shards
    aws.call("kinesis", "create_stream", **request)
    hours = properties.integer("RetentionPeriodHours", _DEFAULT_RETENTION_HOURS)
    if hours != _DEFAULT_RETENTION_HOURS:
        aws.call(
            "kinesis",
            "increase_stream_retention_period",
            StreamName=name,
            RetentionPeriodHours=hours,
        )
    summary = aws.call("kinesis", "describe_stream_summary", StreamName=name)
    return Made(
        ref=name,
        attributes={"Arn": str(summary["StreamDescriptionSummary"]["StreamARN"])},
        undo=lambda aws: aws.call(
            "kinesis", "delete_stream", StreamName=name, EnforceConsumerDeletion=True
        ),
    )


def _make_consumer(creation: Creation) -> Made:
    properties = creation.properties
    answer = creation.aws.call(
        "kinesis",
        "register_stream_consumer",
        StreamARN=properties.text("StreamARN"),
        ConsumerName=properties.text("ConsumerName"),
    )
    consumer = answer["Consumer"]
    arn = str(consumer["ConsumerARN"])
    return Made(
        ref=arn,
        attributes={
            "ConsumerARN": arn,
            "ConsumerName": str(consumer["ConsumerName"]),
            "ConsumerStatus": str(consumer["ConsumerStatus"]),
        },
        undo=lambda aws: aws.call("kinesis", "deregister_stream_consumer", ConsumerARN=arn),
    )


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::Kinesis::Stream": ResourceType(
        _make_stream,
        "a stream of the local Kinesis",
        {
            "DesiredShardLevelMetrics": "metrics are of the whole stream",
            "StreamEncryption": "records never leave this machine's memory",
            **TAGS,
        },
    ),
    "AWS::Kinesis::StreamConsumer": ResourceType(_make_consumer, "a consumer of that stream", TAGS),
}
