"""The HTTP side of the protocol, without a network: targets, media types, the shape of errors."""

from __future__ import annotations

import asyncio
import logging

import httpx
import orjson
import pytest

from localcloud.kinesis.app import OPERATIONS, application
from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.limits import Limits
from localcloud.kinesis.requests import kinesis_requests
from localcloud.kinesis.stream import Stream
from tests.localcloud.kinesis.streams import backend_with

JSON = {"content-type": "application/x-amz-json-1.1"}


def call(
    backend: KinesisBackend,
    target: str | None,
    content: bytes = b"{}",
    *,
    method: str = "POST",
    path: str = "/",
    media_type: str = JSON["content-type"],
) -> httpx.Response:
    headers = {"content-type": media_type, **({"x-amz-target": target} if target else {})}

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application(backend), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://kinesis") as client:
            return await client.request(method, path, content=content, headers=headers)

    return asyncio.run(send())


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"]
    content = orjson.loads(answer.content)
    return answer.status_code, content["__type"], content["message"]


def test_an_answer_is_json_with_a_request_id_of_its_own() -> None:
    backend, _ = backend_with()
    answers = [call(backend, "Kinesis_20131202.ListStreams") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"] == "application/x-amz-json-1.1"
    assert answers[0].headers["x-amzn-requestid"] != answers[1].headers["x-amzn-requestid"]
    assert orjson.loads(answers[0].content)["StreamNames"] == ["events"]


def test_an_operation_without_output_answers_an_empty_body() -> None:
    backend, _ = backend_with()
    answer = call(backend, "Kinesis_20131202.DeleteStream", b'{"StreamName": "events"}')
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "media_type",
    ["application/x-amz-json-1.1; charset=utf-8", "application/json", "application/x-amz-json-1.0"],
)
def test_other_names_for_json_will_do(media_type: str) -> None:
    backend, _ = backend_with()
    answer = call(backend, "Kinesis_20131202.ListStreams", media_type=media_type)
    assert answer.status_code == 200


def test_cbor_is_refused_with_the_way_out() -> None:
    backend, _ = backend_with()
    media_type = "application/x-amz-cbor-1.1"
    answer = call(backend, "Kinesis_20131202.ListStreams", b"\xa0", media_type=media_type)
    status, code, message = error_of(answer)
    assert (status, code) == (415, "UnsupportedMediaTypeException")
    assert "application/x-amz-cbor-1.1" in message
    assert "CBOR_ENABLED=false" in message


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (None, "not an operation of Kinesis"),
        ("ListStreams", "not an operation of Kinesis"),
        ("DynamoDB_20120810.GetItem", "not an operation of Kinesis"),
        ("Kinesis_20131202.Nonsense", "not an operation of Kinesis"),
        ("Kinesis_20131202.CreateQueue", "not emulated"),
    ],
)
def test_operations_that_are_not_there(target: str | None, said: str) -> None:
    backend, _ = backend_with()
    status, code, message = error_of(call(backend, target))
    assert (status, code) == (400, "UnknownOperationException")
    assert said in message
    assert "PutRecords" in message, "it says what there is"


def test_what_is_offered_is_in_the_model() -> None:
    assert kinesis_requests().operations >= OPERATIONS


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 405), ("POST", "/x", 404), ("PUT", "/", 405)]
)
def test_other_paths_and_methods_answer_in_the_same_shape(
    method: str, path: str, status: int
) -> None:
    backend, _ = backend_with()
    answer = call(backend, "Kinesis_20131202.ListStreams", method=method, path=path)
    assert error_of(answer) == (
        status,
        "UnknownOperationException",
        f"{method} {path}: Kinesis is called by POST to /.",
    )


def test_a_body_beyond_all_measure_is_not_read() -> None:
    backend, _ = backend_with()
    answer = call(backend, "Kinesis_20131202.PutRecords", bytes(20 * (1 << 20) + 1))
    assert error_of(answer)[:2] == (413, "RequestEntityTooLargeException")


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("PutRecord", b"{", 400, "SerializationException"),
        ("PutRecord", b'{"Data": "", "StreamName": "events"}', 400, "ValidationException"),
        ("DescribeStream", b'{"StreamName": "no"}', 400, "ResourceNotFoundException"),
        ("DescribeStream", b"{}", 400, "InvalidArgumentException"),
        (
            "CreateStream",
            b'{"StreamName": "events", "ShardCount": 1}',
            400,
            "ResourceInUseException",
        ),
        ("CreateStream", b'{"StreamName": "new"}', 400, "ValidationException"),
    ],
)
def test_refusals_have_their_code(target: str, body: bytes, status: int, code: str) -> None:
    backend, _ = backend_with()
    assert error_of(call(backend, f"Kinesis_20131202.{target}", body))[:2] == (status, code)


class BrokenBackend(KinesisBackend):
    """Fails as no backend should."""

    def streams(self) -> list[Stream]:
        raise ZeroDivisionError("a bug")


def test_a_fault_of_our_own_is_a_500_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, clock = backend_with()
    with caplog.at_level(logging.ERROR):
        answer = call(BrokenBackend(clock), "Kinesis_20131202.ListStreams")
    status, code, message = error_of(answer)
    assert (status, code) == (500, "InternalFailureException")
    assert message == "ZeroDivisionError: a bug"
    assert "Kinesis_20131202.ListStreams failed" in caplog.text


def test_a_stream_may_be_named_twice_but_not_two_streams() -> None:
    backend, _ = backend_with()
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
    both = orjson.dumps({"StreamName": "events", "StreamARN": arn})
    assert call(backend, "Kinesis_20131202.DescribeStream", both).status_code == 200
    two = orjson.dumps({"StreamName": "other", "StreamARN": arn})
    status, code, message = error_of(call(backend, "Kinesis_20131202.DescribeStream", two))
    assert (status, code) == (400, "InvalidArgumentException")
    assert "not the same stream" in message


def test_throttled_records_are_answered_one_by_one_and_throttled_calls_as_errors() -> None:
    backend, _ = backend_with(limits=Limits(write_records_per_s=2, reads_per_s=1))
    record = {"Data": "AA==", "PartitionKey": "k"}
    body = orjson.dumps({"StreamName": "events", "Records": [record] * 3})
    answer = orjson.loads(call(backend, "Kinesis_20131202.PutRecords", body).content)
    assert answer["FailedRecordCount"] == 1
    assert [sorted(each) for each in answer["Records"]] == [
        ["SequenceNumber", "ShardId"],
        ["SequenceNumber", "ShardId"],
        ["ErrorCode", "ErrorMessage"],
    ]
    assert answer["Records"][2]["ErrorCode"] == "ProvisionedThroughputExceededException"
    single = orjson.dumps({"StreamName": "events", **record})
    refused = error_of(call(backend, "Kinesis_20131202.PutRecord", single))
    assert refused[:2] == (400, "ProvisionedThroughputExceededException")
