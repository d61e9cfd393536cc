"""SNS topics and subscriptions, SQS queues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_NOT_ENCRYPTED = "messages never leave this machine"
_QUEUE_NUMBERS = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)


def _make_topic(creation: Creation) -> Made:
    properties, aws = creation.properties, creation.aws
    name = creation.name("TopicName", 256)
    arn = str(aws.call("sns", "create_topic", Name=name)["TopicArn"])
    for item in properties.items("Subscription"):
        aws.call(
            "sns", "subscribe", TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"]
        )
    return Made(
        ref=arn,
        attributes={"TopicArn": arn, "TopicName": name},
        undo=lambda aws: aws.call("sns", "delete_topic", TopicArn=arn),
    )


def _make_subscription(creation: Creation) -> Made:
    properties = creation.properties
    answer = creation.aws.call(
        "sns",
        "subscribe",
        TopicArn=properties.text("TopicArn"),
        Protocol=properties.text("Protocol"),
        Endpoint=properties.text("Endpoint"),
        ReturnSubscriptionArn=True,
    )
    arn = str(answer["SubscriptionArn"])
    return Made(ref=arn, undo=lambda aws: aws.call("sns", "unsubscribe", SubscriptionArn=arn))


def _make_queue(creation: Creation) -> Made:
    properties, aws = creation.properties, creation.aws
    name = creation.name("QueueName", 80)
    attributes = {
        number: str(properties.integer(number)) for number in _QUEUE_NUMBERS if number in properties
    }
    if "RedrivePolicy" in properties:
        attributes["RedrivePolicy"] = json.dumps(properties.mapping("RedrivePolicy"))
    url = str(aws.call("sqs", "create_queue", QueueName=name, Attributes=attributes)["QueueUrl"])
    answer = aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["QueueArn"])
    return Made(
        ref=url,
        attributes={
            "Arn": str(answer["Attributes"]["QueueArn"]),
            "QueueName": name,
            "QueueUrl": url,
        },
        undo=lambda aws: aws.call("sqs", "delete_queue", QueueUrl=url),
    )


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::SNS::Topic": ResourceType(
        _make_topic,
        "a topic of the emulator",
        {
            "KmsMasterKeyId": _NOT_ENCRYPTED,
            "DisplayName": "no e-mail is sent",
            "SignatureVersion": "nobody checks it here",
            "TracingConfig": "there is no X-Ray on one machine",
            **TAGS,
        },
    ),
    "AWS::SNS::Subscription": ResourceType(_make_subscription, "a subscription to that topic"),
    "AWS::SQS::Queue": ResourceType(
        _make_queue,
        "a queue of the emulator",
        {"KmsMasterKeyId": _NOT_ENCRYPTED, "SqsManagedSseEnabled": _NOT_ENCRYPTED, **TAGS},
    ),
}
