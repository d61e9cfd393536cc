"""Errors are what botocore's parsers for each protocol make errors of."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import StringShape
from botocore.parsers import create_parser

from localcloud.aws_protocol import Protocol, error_answer, protocol_of

TEXT = "A <b> & “c” — " + "x" * 300


def parsed(protocol: Protocol, status: int) -> Any:
    answer = error_answer(protocol, status, "SomeError", TEXT)
    response = {
        "status_code": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }
    return create_parser(protocol.value).parse(response, StringShape("Output", {"type": "string"}))


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("status", [400, 503])
def test_botocore_reads_code_message_and_status(protocol: Protocol, status: int) -> None:
    error = parsed(protocol, status)
    assert error["Error"]["Code"] == "SomeError"
    assert error["Error"]["Message"] == TEXT
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status


def test_the_query_protocol_says_whose_fault_it_is() -> None:
    assert parsed(Protocol.QUERY, 400)["Error"]["Type"] == "Sender"
    assert parsed(Protocol.QUERY, 500)["Error"]["Type"] == "Receiver"


def test_a_head_request_gets_no_body() -> None:
    answer = error_answer(Protocol.REST_XML, 503, "SlowDown", "slower", head=True)
    assert (answer.status, answer.body) == (503, b"")


def test_a_browser_gets_json() -> None:
    assert protocol_of(None, {"user-agent": "a browser"}) is Protocol.REST_JSON
