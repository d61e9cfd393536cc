"""What a request asks or says, checked: errors name the field, the value and the expectation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from millrace.errors import InvalidRequest
from starlette.requests import Request

# What the columns for series, alerts and names hold.
_MOST_BYTES = 256
_FIRST_MS, _LARGEST_MS = -62_135_596_800_000, 253_402_300_799_000


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises InvalidRequest."""
    try:
        given = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(400, "not-json", f"The body is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidRequest(400, "not-json", "The body must be a JSON object")
    return given


def text(given: dict[str, Any], field: str) -> str:
    """A text of the body that a column can hold."""
    found = given.get(field)
    if not isinstance(found, str) or not 0 < len(found.encode()) <= _MOST_BYTES:
        raise invalid(field, f"is a text of 1 to {_MOST_BYTES} bytes, not {found!r:.40}")
    return found


def named(found: str, field: str) -> str:
    """A name of the query. No column holds a longer one, and no bind of Oracle much longer ones."""
    if len(found.encode()) > _MOST_BYTES:
        raise invalid(field, f"is a name of at most {_MOST_BYTES} bytes, not {found!r:.40}")
    return found


def whole(found: str, field: str, most: int) -> int:
    """A number of the query."""
    if not found.isascii() or not found.isdecimal() or not 1 <= int(found[:12]) <= most:
        raise invalid(field, f"is a whole number from 1 to {most}, not {found!r:.40}")
    return int(found)


def time_ms(found: str, field: str) -> int:
    """A time of the query, in ms since 1970."""
    digits = found.removeprefix("-")
    if (
        not digits.isascii()
        or not digits.isdecimal()
        or not -_LARGEST_MS < int(found[:20]) < _LARGEST_MS
    ):
        raise invalid(field, f"is a time in ms since 1970, not {found!r:.40}")
    return max(int(found), _FIRST_MS)


def one_of(found: str, field: str, known: Sequence[str]) -> str:
    """A word of the query."""
    if found not in known:
        raise invalid(field, f"is one of {', '.join(known)}, not {found!r:.40}")
    return found


def invalid(field: str, what: str) -> InvalidRequest:
    """A field that is not what it must be."""
    return InvalidRequest(400, f"invalid-{field.replace('_', '-')}", f"{field} {what}", field)


def is_time_ms(given: object) -> bool:
    """Whether a value is a time that every column and clock can hold."""
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < _LARGEST_MS
