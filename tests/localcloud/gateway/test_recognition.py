"""Service and operation are told from any request that botocore can send, and from odd ones."""

from __future__ import annotations

import pytest

from localcloud.aws_protocol import Protocol
from localcloud.gateway.recognition import UNKNOWN, Call, Head, recognise
from tests.localcloud.gateway.aws import client, head, least, operations, sent, serialised

# One service for each way of naming an operation, and all that share a signing name.
SERVICES = [
    "apigatewayv2",
    "dynamodb",
    "dynamodbstreams",
    "lambda",
    "s3",
    "sagemaker-featurestore-runtime",
    "sagemaker-metrics",
    "sagemaker-runtime",
    "sns",
    "sts",
]
# They sign for services of their own, with endpoints of their own.
ELSEWHERE = {"ListDirectoryBuckets", "WriteGetObjectResponse"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_of_a_service_is_recognised(service: str) -> None:
    for operation in set(operations(service)) - ELSEWHERE:
        request, form = serialised(service, operation)
        call = recognise(request, form)
        assert call is not None, operation
        assert (call.service, call.operation) == (service, operation), request


@pytest.mark.parametrize(
    ("service", "operation", "protocol"),
    [
        ("dynamodb", "PutItem", Protocol.JSON),
        ("kinesis", "PutRecord", Protocol.JSON),
        ("sqs", "SendMessage", Protocol.JSON),
        ("s3", "PutObject", Protocol.REST_XML),
        ("lambda", "Invoke", Protocol.REST_JSON),
        ("sagemaker-runtime", "InvokeEndpoint", Protocol.REST_JSON),
        ("sagemaker-featurestore-runtime", "GetRecord", Protocol.REST_JSON),
        ("sns", "Publish", Protocol.QUERY),
        ("ec2", "RunInstances", Protocol.EC2),
        ("cloudwatch", "PutMetricData", Protocol.JSON),
    ],
)
def test_the_protocol_is_told_from_the_request(
    service: str, operation: str, protocol: Protocol
) -> None:
    call = recognise(*sent(service, operation, least(service, operation)))
    assert call is not None
    assert call.protocol is protocol


def test_a_smithy_request_names_its_operation_in_its_path() -> None:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    call = recognise(Head("POST", path, "", {"smithy-protocol": "rpc-v2-cbor"}))
    assert call == Call("cloudwatch", "PutMetricData", Protocol.CBOR)


def test_who_calls_is_told_from_the_request() -> None:
    request, _ = sent("dynamodb", "ListTables", {})
    assert recognise(request) == Call("dynamodb", "ListTables", Protocol.JSON, "AKIDLOCAL")
    agent = "Boto3/1 md/Botocore#1 ua/2.1 app/worker-3 cfg/retry-mode#standard"
    named = Head("POST", "/", "", {**request.headers, "user-agent": agent})
    call = recognise(named)
    assert call is not None
    assert call.app_id == "worker-3"


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_urls_are_recognised(version: str) -> None:
    s3 = client("s3", "http://127.0.0.1:9", signature_version=version)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k/é"})
    call = recognise(head("GET", url, {}))
    assert call == Call("s3", "GetObject", Protocol.REST_XML, "AKIDLOCAL")


@pytest.mark.parametrize(
    ("method", "path", "headers", "service", "operation"),
    [
        ("POST", "/", {"x-amz-target": "Kinesis_20131202.PutRecord"}, "kinesis", "PutRecord"),
        ("POST", "/", {"x-amz-target": "DynamoDB_20120810.PutItem"}, "dynamodb", "PutItem"),
        ("POST", "/endpoints/e/invocations", {}, "sagemaker-runtime", "InvokeEndpoint"),
        ("GET", "/FeatureGroup/g", {}, "sagemaker-featurestore-runtime", None),
        ("POST", "/2015-03-31/functions/f/invocations", {}, "lambda", "Invoke"),
        ("GET", "/b", {"authorization": "AWS AKID:c2ln"}, "s3", "ListObjects"),
    ],
)
def test_unsigned_and_old_requests_are_recognised_where_they_can_be(
    method: str, path: str, headers: dict[str, str], service: str, operation: str | None
) -> None:
    call = recognise(Head(method, path, "", headers))
    assert call is not None
    assert (call.service, call.operation) == (service, operation or UNKNOWN)


def test_roles_are_assumed_without_a_signature() -> None:
    form = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
    content_type = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    call = recognise(Head("POST", "/", "", content_type), form)
    assert call == Call("sts", "AssumeRoleWithWebIdentity", Protocol.QUERY)


def test_a_request_of_an_unknown_operation_is_its_services() -> None:
    request, _ = sent("s3", "ListBuckets", {})
    call = recognise(Head("PATCH", "/b/k", "", request.headers))
    assert call is not None
    assert (call.service, call.operation) == ("s3", UNKNOWN)
    authorization = "AWS4-HMAC-SHA256 Credential=k/20240102/us-east-1/nosuch/aws4_request, S"
    call = recognise(Head("GET", "/x", "", {"authorization": authorization}))
    assert call is not None
    assert (call.service, call.operation) == ("nosuch", UNKNOWN)


@pytest.mark.parametrize(
    "request_",
    [
        Head("GET", "/", "", {}),
        Head("GET", "/favicon.ico", "", {"user-agent": "a browser"}),
        Head("GET", "/", "", {"authorization": "Bearer x"}),
        Head("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}),
    ],
)
def test_what_cannot_be_told_is_not_guessed(request_: Head) -> None:
    assert recognise(request_, b"a=b") is None
