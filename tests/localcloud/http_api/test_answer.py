"""Both forms of a function's answer, and answers that cannot be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.http_api.answer import Answer, BadAnswer, read_answer

JSON = (("content-type", "application/json"),)
TEXT = ("content-type", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    "payload",
    [b'{"message": "Hello"}', b'"Hello"', b"[1, 2]", b"null", b"", b"no json {", b'{"status": 5}'],
)
def test_anything_without_a_status_code_is_the_body(payload: bytes) -> None:
    assert read_answer(payload) == Answer(200, JSON, payload)


def structured(**answer: Any) -> Answer:
    return read_answer(json.dumps(answer).encode())


def test_a_structured_answer() -> None:
    assert structured(
        statusCode=201,
        headers={"Content-Type": "text/html", "X-Number": 5, "X-Flag": True, "Content-Length": "9"},
        cookies=["a=1", "b=2"],
        body="<p>ü</p>",
    ) == Answer(
        201,
        (
            ("content-type", "text/html"),
            ("x-number", "5"),
            ("x-flag", "true"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ),
        "<p>ü</p>".encode(),
    )
    assert structured(statusCode=204) == Answer(204, (TEXT,), b"")
    assert structured(statusCode="404", headers=None, body=None) == Answer(404, (TEXT,), b"")
    assert structured(statusCode=200, body="AAEC", isBase64Encoded=True).body == b"\x00\x01\x02"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"statusCode": "ok"}, "statusCode must be an HTTP status, not 'ok'"),
        ({"statusCode": None}, "not None"),
        ({"statusCode": True}, "not True"),
        ({"statusCode": 42}, "not 42"),
        ({"statusCode": 600}, "not 600"),
        ({"statusCode": 200, "body": {"a": 1}}, "body must be a text, not dict; json.dumps it"),
        ({"statusCode": 200, "headers": ["a"]}, "headers must be an object"),
        ({"statusCode": 200, "headers": {"a": ["b"]}}, "header a must be a text"),
        ({"statusCode": 200, "cookies": "a=1"}, "cookies must be a list of texts"),
        ({"statusCode": 200, "body": "%", "isBase64Encoded": True}, "not base64-coded"),
    ],
)
def test_an_answer_that_cannot_be_sent(answer: dict[str, Any], message: str) -> None:
    with pytest.raises(BadAnswer, match=message):
        structured(**answer)
