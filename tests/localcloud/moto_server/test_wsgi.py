"""What moto cannot do is said in the shape of the service's protocol."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.session import get_session

from localcloud.moto_server.wsgi import Dispatcher, Headers, Request

JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"
dispatcher = Dispatcher()


def signed(service: str, content_type: str, target: str = "") -> Headers:
    scope = f"Credential=key/20240102/us-east-1/{service}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
    headers = {"host": "127.0.0.1:1", "content-type": content_type, "authorization": authorization}
    return [*headers.items(), *([("x-amz-target", target)] if target else [])]


def parsed(service: str, answer: tuple[int, Headers, bytes]) -> Any:
    """The error as botocore understands it."""
    model = get_session().get_service_model(service)
    status, headers, body = answer
    response = {"status_code": status, "headers": dict(headers), "body": body}
    outputs = (model.operation_model(name).output_shape for name in model.operation_names)
    shape = next(output for output in outputs if output is not None)
    return create_parser(model.resolved_protocol).parse(response, shape)["Error"]


@pytest.mark.parametrize(
    ("service", "request_", "code", "message"),
    [
        (
            "kinesis",
            Request("POST", "/", signed("nosuch", JSON, "NoSuch.Do"), b"{}"),
            "UnknownService",
            "has no service 'nosuch'",
        ),
        (
            "dynamodb",
            Request("POST", "/", signed("dynamodb", JSON, "DynamoDB_20120810.No"), b"{}"),
            "UnknownOperationException",
            "dynamodb has no operation No",
        ),
        (
            "kinesis",
            Request("POST", "/", signed("kinesis", JSON, "Kinesis_20131202.No"), b"{}"),
            "NotImplemented",
            "does not implement this of kinesis",
        ),
        (
            "sns",
            Request("POST", "/", signed("sns", FORM), b"Action=No&Version=2010-03-31"),
            "UnknownOperationException",
            "sns has no operation No",
        ),
        (
            "lambda",
            Request("GET", "/2015-03-31/no", signed("lambda", "application/json"), b""),
            "UnknownOperationException",
            "knows no operation GET /2015-03-31/no",
        ),
    ],
)
def test_errors_that_botocore_understands(
    service: str, request_: Request, code: str, message: str
) -> None:
    error = parsed(service, dispatcher.call(request_))
    assert error["Code"] == code
    assert message in error["Message"]


def test_a_failure_inside_moto_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    target = "DynamoDB_20120810.CreateTable"
    answer = dispatcher.call(Request("POST", "/", signed("dynamodb", JSON, target), b"{}"))
    assert answer[0] == 500
    assert parsed("dynamodb", answer)["Code"] == "InternalFailure"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_header_that_comes_twice_is_joined() -> None:
    def call(method: str, path: str, *more: tuple[str, str]) -> dict[str, str]:
        headers = [*signed("s3", "text/plain"), *more]
        status, answered, body = dispatcher.call(Request(method, path, headers, b""))
        assert status == 200, body
        return {name.lower(): value for name, value in answered}

    call("PUT", "/bucket-of-twice")
    twice = (("x-amz-meta-a", "1"), ("x-amz-meta-a", "2"), ("x-amz-meta-b_c", "3"))
    call("PUT", "/bucket-of-twice/key", *twice)
    found = call("GET", "/bucket-of-twice/key")
    assert (found["x-amz-meta-a"], found["x-amz-meta-b_c"]) == ("1,2", "3")
