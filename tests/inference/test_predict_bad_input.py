"""POST /predict refuses bad input: it names the field, and reaches neither model nor stream."""

from __future__ import annotations

import json

import pytest
from millrace.inference.contract import MAX_BODY_BYTES

from tests.inference.conforming import assert_conforms
from tests.inference.making import Bench, predict, request


@pytest.fixture
def bench() -> Bench:
    return Bench()


BAD: list[tuple[object, int, str, str | None]] = [
    (None, 400, "not-json", None),
    (b"", 400, "not-json", None),
    (b"\xff", 400, "not-json", None),
    (b'{"userId":"u1","input":NaN}', 400, "not-json", None),
    (b'{"userId":"u1","input":{"x":-Infinity}}', 400, "not-json", None),
    (b'{"userId":"u1","input":1e999}', 400, "not-json", None),
    (b'{"userId":"\\ud800","input":1}', 400, "not-json", None),
    (b'{"userId":"u1","input":' + b"[" * 2000 + b"]" * 2000 + b"}", 400, "not-json", None),
    (b'{"userId":"u1","input":' + b"9" * 5000 + b"}", 400, "not-json", None),
    (b"[" * 1000 + b"]" * 1000, 400, "not-an-object", None),
    (["u1"], 400, "not-an-object", None),
    ("u1", 400, "not-an-object", None),
    ({}, 400, "missing-field", "userId"),
    ({"userId": "u1"}, 400, "missing-field", "input"),
    ({"input": 1}, 400, "missing-field", "userId"),
    ({"userId": "u1", "input": 1, "inptu": 2}, 400, "unknown-field", "inptu"),
    ({"userId": "u1", "input": 1, "x" * 100: 2}, 400, "unknown-field", "x" * 60),
    ({"userId": "", "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": None, "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": 1.5, "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": True, "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": {"S": "u1"}, "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": "x" * 257, "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": "ä" * 129, "input": 1}, 400, "invalid-field", "userId"),
    ({"userId": "u1", "input": "x" * MAX_BODY_BYTES}, 413, "too-large", None),
    (b" " * 1024 * 1024, 413, "too-large", None),
]


@pytest.mark.parametrize(("body", "status", "code", "field"), BAD)
def test_bad_input_is_named_and_reaches_nobody(
    bench: Bench, body: object, status: int, code: str, field: str | None
) -> None:
    outcome = bench.run(request("POST /predict", body))
    answered = json.loads(outcome.answer["body"])
    assert (outcome.answer["statusCode"], answered["error"]) == (status, code)
    assert answered.get("field") == field
    assert field is None or field in answered["message"]
    assert not bench.model.asked
    assert not bench.stream.put
    assert outcome.problem is None
    assert_conforms("POST /predict", outcome.answer)


def test_deep_input_that_json_allows_is_refused_or_passed_on_whole(bench: Bench) -> None:
    for depth in (250, 260, 900):
        text = "[" * depth + "]" * depth
        body = f'{{"userId":"u1","input":{text}}}'.encode()
        status, answered = bench.ask(request("POST /predict", body))
        if status == 200:
            assert text.encode() in bench.model.asked[-1]
        else:
            assert (status, answered["field"]) == (400, "input")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/json; profile=x; Charset=ISO-8859-1",
    ],
)
def test_another_content_type_is_refused(bench: Bench, content_type: str) -> None:
    status, body = bench.ask(predict(content_type=content_type))
    assert (status, body["error"]) == (415, "unsupported-type")
    assert "application/json" in body["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        'application/json; charset="UTF-8"',
        "application/json; charset=utf-8; profile=x",
        "application/json; notcharset=latin-1",
    ],
)
def test_json_is_recognised_however_it_is_written(bench: Bench, content_type: str) -> None:
    assert bench.ask(predict(content_type=content_type))[0] == 200


def test_an_encoded_body_is_refused(bench: Bench) -> None:
    status, body = bench.ask(predict(content_encoding="gzip"))
    assert (status, body["error"]) == (415, "unsupported-encoding")


def test_a_body_as_it_is_may_say_so(bench: Bench) -> None:
    assert bench.ask(predict(content_encoding="Identity"))[0] == 200
