"""A function's answer, read as payload format 2.0 reads it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

# The gateway frames its answers itself.
_FRAMING = frozenset({"content-length", "connection", "transfer-encoding"})


class BadAnswer(ValueError):
    """A structured answer that cannot be sent; the client gets a 500."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent to the client. A header may come more than once (set-cookie)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def problem(status: int, message: str) -> Answer:
    """An answer of the gateway's own."""
    headers = (("content-type", "application/json"),)
    return Answer(status, headers, orjson.dumps({"message": message}))


def read_answer(payload: bytes) -> Answer:
    """What a function's payload means.

    An object with `statusCode` is an answer with all its parts; anything else, JSON or not, is the
    body of a 200 in application/json. Raises BadAnswer for parts that cannot be sent.
    """
    try:
        parsed = orjson.loads(payload)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict) and "statusCode" in parsed:
        return _structured(parsed)
    return Answer(200, (("content-type", "application/json"),), payload)


def _structured(answer: Mapping[str, Any]) -> Answer:
    headers = {name.lower(): _text(name, value) for name, value in _mapping(answer, "headers")}
    headers = {name: value for name, value in headers.items() if name not in _FRAMING}
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list) or not all(isinstance(cookie, str) for cookie in cookies):
        raise BadAnswer(f"cookies must be a list of texts, not {cookies!r}")
    fields = (*headers.items(), *(("set-cookie", cookie) for cookie in cookies))
    return Answer(_status(answer["statusCode"]), fields, _body(answer))


def _status(status: object) -> int:
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise BadAnswer(f"statusCode must be an HTTP status, not {status!r}")
    return status


def _mapping(answer: Mapping[str, Any], key: str) -> list[tuple[str, object]]:
    value = answer.get(key) or {}
    if not isinstance(value, dict):
        raise BadAnswer(f"{key} must be an object, not {value!r}")
    return list(value.items())


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise BadAnswer(f"header {name} must be a text, not {value!r}")
    return str(value)


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadAnswer(f"body must be a text, not {type(body).__name__}; json.dumps it")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise BadAnswer(f"body is not base64-coded as isBase64Encoded says: {error}") from error
