"""The event of payload format 2.0, built from a request."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from localcloud.http_api.routes import Match

_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it was received: names of headers in lower case, the path decoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    port: int
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Api:
    """What an event says about the API. A stage other than `$default` is part of every path."""

    api_id: str = "local"
    account_id: str = "123456789012"
    stage: str = "$default"
    stage_variables: Mapping[str, str] | None = None


def build_event(
    request: Received, match: Match, api: Api, *, now_ms: int, request_id: str
) -> dict[str, Any]:
    """The event for the function behind `match`. What a request does not have is left out."""
    headers = _headers(request, now_ms)
    body, coded = _body(request.body, headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
    }
    if cookies := _cookies(request.headers):
        event["cookies"] = cookies
    event["headers"] = headers
    if parameters := _joined(parse_qsl(request.query, keep_blank_values=True)):
        event["queryStringParameters"] = parameters
    event["requestContext"] = _context(request, match, api, headers, now_ms, request_id)
    if match.variables:
        event["pathParameters"] = dict(match.variables)
    if api.stage_variables:
        event["stageVariables"] = dict(api.stage_variables)
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = coded
    return event


def _context(
    request: Received,
    match: Match,
    api: Api,
    headers: Mapping[str, str],
    now_ms: int,
    request_id: str,
) -> dict[str, Any]:
    domain = headers.get("host", request.source_ip).partition(":")[0]
    return {
        "accountId": api.account_id,
        "apiId": api.api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": match.route.key,
        "stage": api.stage,
        "time": _time(now_ms),
        "timeEpoch": now_ms,
    }


def _headers(request: Received, now_ms: int) -> dict[str, str]:
    """The headers with duplicates joined by commas and those that the gateway adds; cookies have
    a field of their own."""
    headers = _joined((name, value) for name, value in request.headers if name != "cookie")
    headers.setdefault("content-length", str(len(request.body)))
    if request.body:
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = ", ".join(filter(None, (forwarded, request.source_ip)))
    headers.setdefault("x-forwarded-port", str(request.port))
    headers.setdefault("x-forwarded-proto", "http")
    headers.setdefault("x-amzn-trace-id", f"Root=1-{now_ms // 1000:08x}-{os.urandom(12).hex()}")
    return dict(sorted(headers.items()))


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _cookies(headers: Sequence[tuple[str, str]]) -> list[str]:
    values = (value for name, value in headers if name == "cookie")
    return [cookie.strip() for value in values for cookie in value.split(";") if cookie.strip()]


def _body(body: bytes, headers: Mapping[str, str]) -> tuple[str | None, bool]:
    """The body as text, or base64-coded when its type is no text (a form is none either)."""
    if not body:
        return None, False
    if "content-encoding" not in headers and _is_text(headers.get("content-type", "")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # it only says that it is text
    return base64.b64encode(body).decode(), True


def _is_text(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media.startswith("text/") or media in _TEXT_TYPES or media.endswith(("+json", "+xml"))


def _time(now_ms: int) -> str:
    # strftime's month names depend on the locale
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S} +0000"
