"""Faults reach real clients as the service's own errors, and do or do not execute the call."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from localcloud.faults.loading import parse
from localcloud.faults.plan import Crash, Drop, Fail, Rule, When
from localcloud.gateway.application import CrashPoint
from tests.localcloud.gateway.aws import least
from tests.localcloud.gateway.conftest import Cloud


def fail(code: str) -> Any:
    """The error as a plan names it."""
    return parse({"rule": [{"service": "any", "error": code}]}).rules[0].effect


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("dynamodb", "PutItem", "ProvisionedThroughputExceededException", 400),
        ("dynamodb", "TransactWriteItems", "InternalServerError", 500),
        ("kinesis", "PutRecords", "ProvisionedThroughputExceededException", 400),
        ("kinesis", "PutRecord", "KMSThrottlingException", 400),
        ("sagemaker-featurestore-runtime", "PutRecord", "ServiceUnavailable", 503),
        ("sagemaker-featurestore-runtime", "GetRecord", "InternalFailure", 500),
        ("sagemaker-runtime", "InvokeEndpoint", "ModelNotReadyException", 429),
        ("lambda", "Invoke", "TooManyRequestsException", 429),
    ],
)
def test_a_modelled_error_raises_its_own_class(
    cloud: Cloud, service: str, operation: str, code: str, status: int
) -> None:
    cloud.rules(Rule(service, operation, fail(code)))
    aws = cloud.client(service)
    method = {api: name for name, api in aws.meta.method_to_api_mapping.items()}[operation]
    with pytest.raises(getattr(aws.exceptions, code)) as raised:
        getattr(aws, method)(**least(service, operation))
    metadata = raised.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == status
    assert raised.value.response["Error"]["Message"] == fail(code).message
    assert metadata["RequestId"]


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "PutObject", "SlowDown"),
        ("s3", "ListObjectsV2", "InternalError"),
        ("sns", "Publish", "Throttling"),
        ("sqs", "SendMessage", "RequestLimitExceeded"),
        ("cloudwatch", "PutMetricData", "InternalFailure"),
        ("ec2", "DescribeInstances", "RequestLimitExceeded"),
        ("sts", "GetCallerIdentity", "Throttling"),
    ],
)
def test_an_error_that_is_not_modelled_carries_its_code(
    cloud: Cloud, service: str, operation: str, code: str
) -> None:
    cloud.rules(Rule(service, "*", fail(code)))
    aws = cloud.client(service)
    method = {api: name for name, api in aws.meta.method_to_api_mapping.items()}[operation]
    with pytest.raises(ClientError) as raised:
        getattr(aws, method)(**least(service, operation))
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"] == fail(code).message


def test_a_head_request_gets_the_status_alone(cloud: Cloud) -> None:
    cloud.rules(Rule("s3", "HeadObject", fail("SlowDown")))
    with pytest.raises(ClientError) as raised:
        cloud.client("s3").head_object(Bucket="bucket", Key="k")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def counter(cloud: Cloud, table: str) -> int:
    key = {"id": {"S": "counter"}}
    answer = cloud.client("dynamodb").get_item(TableName=table, Key=key)
    return int(answer.get("Item", {"n": {"N": "0"}})["n"]["N"])


def increment(dynamodb: Any, table: str) -> None:
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": "counter"}},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


@pytest.mark.parametrize(
    ("when", "effect", "error", "executed"),
    [
        (When.BEFORE, Fail("InternalServerError", 500, "no"), ClientError, 0),
        (When.AFTER, Fail("InternalServerError", 500, "no"), ClientError, 1),
        (When.BEFORE, Drop(), ConnectionClosedError, 0),
        (When.AFTER, Drop(), ConnectionClosedError, 1),
        (When.BEFORE, Crash(), ConnectionClosedError, 0),
        (When.AFTER, Crash(), ConnectionClosedError, 1),
    ],
)
def test_a_fault_strikes_before_or_after_execution(
    cloud: Cloud, table: str, when: When, effect: Any, error: type[Exception], executed: int
) -> None:
    cloud.rules(Rule("dynamodb", "UpdateItem", effect, when, calls=(1,)))
    dynamodb = cloud.client("dynamodb")
    with pytest.raises(error):
        increment(dynamodb, table)
    assert counter(cloud, table) == executed
    increment(dynamodb, table)
    assert counter(cloud, table) == executed + 1


def test_a_client_that_tries_again_repeats_what_was_executed(cloud: Cloud, table: str) -> None:
    cloud.rules(Rule("dynamodb", "UpdateItem", Drop(), When.AFTER, calls=(1,)))
    increment(cloud.client("dynamodb", attempts=3), table)
    assert counter(cloud, table) == 2, "the nasty one: executed, not answered, executed again"


def test_a_transaction_that_lost_its_answer_is_not_executed_again(cloud: Cloud, table: str) -> None:
    cloud.rules(Rule("dynamodb", "TransactWriteItems", Drop(), When.AFTER, calls=(1,)))
    put = {"TableName": table, "Item": {"id": {"S": "a"}}}
    guarded = {**put, "ConditionExpression": "attribute_not_exists(id)"}
    cloud.client("dynamodb", attempts=3).transact_write_items(TransactItems=[{"Put": guarded}])
    counts = cloud.gateway.counters.snapshot()["dynamodb", "TransactWriteItems"]
    assert (counts.calls, counts.unanswered, counts.errors) == (2, 1, {})


def test_the_crash_hook_learns_who_called_what(cloud: Cloud, table: str) -> None:
    cloud.rules(Rule("dynamodb", "PutItem", Crash(), When.AFTER, calls=(2,)))
    worker = cloud.client("dynamodb", app_id="worker-7")
    made = cloud.gateway.injector.calls().get(("dynamodb", "PutItem"), 0)
    worker.put_item(TableName=table, Item={"id": {"S": "a"}})
    assert cloud.crashes.points == []
    with pytest.raises(HTTPClientError):
        worker.put_item(TableName=table, Item={"id": {"S": "b"}})
    assert cloud.crashes.points == [
        CrashPoint("dynamodb", "PutItem", made + 2, When.AFTER, "AKIDLOCAL", "worker-7")
    ]
    assert worker.get_item(TableName=table, Key={"id": {"S": "b"}})["Item"]


def test_a_large_upload_can_be_dropped(cloud: Cloud, bucket: str) -> None:
    cloud.rules(Rule("s3", "PutObject", Drop(), calls=(1,)))
    s3 = cloud.client("s3")
    with pytest.raises(HTTPClientError):
        s3.put_object(Bucket=bucket, Key="k", Body=bytes(3_000_000))
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_service_goes_down_and_up(cloud: Cloud, bucket: str, table: str) -> None:
    s3 = cloud.client("s3")
    cloud.gateway.injector.down("s3")
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"")
    increment(cloud.client("dynamodb"), table)
    cloud.gateway.injector.up("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")


def test_latency_alone_changes_nothing_else(cloud: Cloud, table: str) -> None:
    cloud.rules(Rule("dynamodb", latency_ms=(1, 2)))
    increment(cloud.client("dynamodb"), table)
    assert counter(cloud, table) == 1
    struck = [each for each in cloud.gateway.injector.injected() if each.fault == "latency"]
    assert {each.operation for each in struck} >= {"UpdateItem", "GetItem"}


def test_injected_errors_are_counted(cloud: Cloud, table: str) -> None:
    slow = fail("ThrottlingException")
    cloud.rules(Rule("dynamodb", "UpdateItem", slow, When.AFTER, calls=(1,)))
    with pytest.raises(ClientError):
        increment(cloud.client("dynamodb"), table)
    counts = cloud.gateway.counters.snapshot()["dynamodb", "UpdateItem"]
    assert (counts.calls, counts.errors, counts.write_units) == (1, {"ThrottlingException": 1}, 1.0)
