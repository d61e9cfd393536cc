"""Pages by key, so that what is added or deleted between two pages moves nothing else."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from localcloud.lambda_control.errors import InvalidValue

T = TypeVar("T")

# Whatever MaxItems says: Lambda never answers more at once.
PAGE = 50


def page(
    rows: Iterable[tuple[str, T]], members: Mapping[str, Any], scope: str
) -> tuple[list[T], str | None]:
    """The rows of one page, in order of their keys, and the token of the next.

    `scope` is the listing: a token of another one is refused.
    """
    size = min(members.get("MaxItems") or PAGE, PAGE)
    after = _key(members["Marker"], scope) if members.get("Marker") else ""
    rest = sorted((row for row in rows if row[0] > after), key=lambda row: row[0])
    shown = rest[:size]
    more = len(rest) > size
    return [value for _, value in shown], _token(shown[-1][0], scope) if more else None


def answer(name: str, rows: list[Any], marker: str | None) -> dict[str, Any]:
    """A page as Lambda answers it."""
    return {name: rows} | ({"NextMarker": marker} if marker else {})


def _token(key: str, scope: str) -> str:
    return base64.urlsafe_b64encode(f"{scope}\0{key}".encode()).decode()


def _key(token: str, scope: str) -> str:
    try:
        found, _, key = base64.urlsafe_b64decode(token.encode()).decode().partition("\0")
    except (binascii.Error, ValueError):
        found, key = "", ""
    if found != scope or not key:
        raise InvalidValue("Invalid Marker: it was not given out by this listing.")
    return key
