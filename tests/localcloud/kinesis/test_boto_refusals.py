"""What Kinesis refuses comes as the exceptions of boto3's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.kinesis.served import Service


def _refusals(service: Service, stream: str) -> dict[str, Callable[[], object]]:
    client = service.client
    return {
        "ResourceNotFoundException": lambda: client.describe_stream(StreamName="nothing"),
        "ResourceInUseException": lambda: client.create_stream(StreamName=stream, ShardCount=1),
        "ValidationException": lambda: client.create_stream(StreamName=stream + "-new"),
        "InvalidArgumentException": lambda: client.get_records(ShardIterator="nonsense"),
        "LimitExceededException": lambda: [service.register(stream, f"c{i}") for i in range(21)],
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
    position = service.iterator(stream)
    token = service.client.list_shards(StreamName=stream, MaxResults=1)["NextToken"]
    service.register(stream, "a")
    service.register(stream, "b")
    arn = service.arn(stream)
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
    service.register(stream, "a")
    service.register(stream, "b")
    arn = service.arn(stream)
    token = service.client.list_stream_consumers(StreamARN=arn, MaxResults=1)["NextToken"]
    service.client.create_stream(StreamName=stream + "-other", ShardCount=1)
    other = service.arn(stream + "-other")
    with pytest.raises(service.client.exceptions.InvalidArgumentException, match="token of stream"):
        service.client.list_stream_consumers(StreamARN=other, NextToken=token)
    service.client.delete_stream(StreamName=stream + "-other")


def test_a_consumer_is_named_once_or_twice_alike(service: Service, stream: str) -> None:
    consumer, arn = service.register(stream, "a"), service.arn(stream)
    service.register(stream, "b")
    describe: Callable[..., Any] = service.client.describe_stream_consumer
    for members in (
        {"ConsumerARN": consumer},
        {"StreamARN": arn, "ConsumerName": "a"},
        {"StreamARN": arn, "ConsumerName": "a", "ConsumerARN": consumer},
    ):
        assert describe(**members)["ConsumerDescription"]["ConsumerARN"] == consumer
    for members in (
        {"ConsumerName": "b", "ConsumerARN": consumer},
        {"StreamARN": arn + "x", "ConsumerARN": consumer},
        {"ConsumerName": "a"},
        {"StreamARN": arn},
    ):
        with pytest.raises(service.client.exceptions.InvalidArgumentException):
            describe(**members)


def test_there_is_no_encryption_but_kms(service: Service, stream: str) -> None:
    for change in (service.client.start_stream_encryption, service.client.stop_stream_encryption):
        with pytest.raises(service.client.exceptions.InvalidArgumentException, match="KMS"):
            change(StreamName=stream, EncryptionType="NONE", KeyId="alias/x")
