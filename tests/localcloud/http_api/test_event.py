"""The event is payload format 2.0, field by field."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from localcloud.http_api.event import Api, Received, build_event
from localcloud.http_api.routes import Route as Route
from localcloud.http_api.routes import RouteTable

NOW_MS = 1_583_348_638_390  # 04/Mar/2020:19:03:58.390
REQUEST = Received(
    "POST", "/my/path", "", [("host", "api.example.com:8080")], b"", "192.0.2.1", 8080
)
TABLE = RouteTable([Route("POST /my/{id}", "f"), Route("$default", "f")])


def event(api: Api | None = None, **changes: Any) -> dict[str, Any]:
    request = replace(REQUEST, **changes)
    match = TABLE.match(request.method, request.path)
    assert match is not None
    return build_event(request, match, api or Api(), now_ms=NOW_MS, request_id="JKJaXmPLvHcESHA=")


EVERYTHING = {
    "version": "2.0",
    "routeKey": "POST /my/{id}",
    "rawPath": "/my/path",
    "rawQueryString": "p=1&q=%C3%BC+x&p=2&empty=",
    "cookies": ["c1=1", "c2=2", "c3=3"],
    "headers": {
        "content-length": "14",
        "content-type": "application/json",
        "header2": "a,b",
        "host": "id.execute-api.us-east-1.amazonaws.com",
        "user-agent": "agent",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "8080",
        "x-forwarded-proto": "http",
    },
    "queryStringParameters": {"p": "1,2", "q": "ü x", "empty": ""},
    "requestContext": {
        "accountId": "111122223333",
        "apiId": "id",
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "http": {
            "method": "POST",
            "path": "/my/path",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "POST /my/{id}",
        "stage": "$default",
        "time": "04/Mar/2020:19:03:58 +0000",
        "timeEpoch": NOW_MS,
    },
    "pathParameters": {"id": "path"},
    "stageVariables": {"v1": "a"},
    "body": '{"key": "vü"}',
    "isBase64Encoded": False,
}


def test_a_request_with_everything() -> None:
    built = event(
        Api("id", "111122223333", stage_variables={"v1": "a"}),
        query="p=1&q=%C3%BC+x&p=2&empty=",
        headers=[
            ("host", "id.execute-api.us-east-1.amazonaws.com"),
            ("header2", "a"),
            ("header2", "b"),
            ("cookie", "c1=1; c2=2"),
            ("cookie", "c3=3"),
            ("user-agent", "agent"),
            ("content-type", "application/json"),
            ("content-length", "14"),
        ],
        body=b'{"key": "v\xc3\xbc"}',
    )
    trace = built["headers"].pop("x-amzn-trace-id")
    assert trace.startswith("Root=1-5e5ffb9e-")
    assert len(trace) == len("Root=1-5e5ffb9e-") + 24
    assert built == EVERYTHING


def test_what_a_request_does_not_have_is_left_out() -> None:
    built = event(method="GET", path="/")
    assert set(built) == {
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "headers",
        "requestContext",
        "isBase64Encoded",
    }
    assert built["routeKey"] == "$default"
    assert built["rawQueryString"] == ""
    assert built["headers"]["content-length"] == "0"
    assert "content-type" not in built["headers"]


@pytest.mark.parametrize(
    ("content_type", "body", "coded"),
    [
        ("text/plain", b"x", False),
        ("text/csv; charset=utf-8", b"x", False),
        ("application/json", b"{}", False),
        ("Application/JSON; charset=utf-8", b"{}", False),
        ("application/problem+json", b"{}", False),
        ("application/soap+xml", b"<x/>", False),
        ("application/javascript", b"x", False),
        ("application/json", b"\xff", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("application/octet-stream", b"x", True),
        ("image/png", b"\x89PNG", True),
        ("multipart/form-data; boundary=x", b"--x", True),
    ],
)
def test_the_type_decides_whether_a_body_is_coded(
    content_type: str, body: bytes, coded: bool
) -> None:
    built = event(headers=[("content-type", content_type)], body=body)
    assert built["isBase64Encoded"] is coded
    assert built["body"] == (base64.b64encode(body).decode() if coded else body.decode())


def test_a_body_without_a_type_is_text_and_a_compressed_one_is_not() -> None:
    built = event(body=b"plain")
    assert (built["body"], built["headers"]["content-type"]) == (
        "plain",
        "text/plain; charset=utf-8",
    )
    zipped = [("content-type", "application/json"), ("content-encoding", "gzip")]
    assert event(headers=zipped, body=b"{}")["isBase64Encoded"] is True


def test_a_proxy_in_front_is_remembered() -> None:
    built = event(headers=[("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https")])
    assert built["headers"]["x-forwarded-for"] == "198.51.100.7, 192.0.2.1"
    assert built["headers"]["x-forwarded-proto"] == "https"
