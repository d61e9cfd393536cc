"""Records that can never be processed, one kind for each way in which they come.

What the field names are is the user's business (features.toml), so they are parameters.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A way to be poison."""

    EMPTY = "empty"
    TRUNCATED_JSON = "truncated-json"
    NOT_AN_OBJECT = "not-an-object"
    NOT_UTF8 = "not-utf8"
    BASE64_TWICE = "base64-twice"
    NO_ENTITY = "no-entity"
    EMPTY_ENTITY = "empty-entity"
    NO_TIME = "no-time"
    TIME_UNREADABLE = "time-unreadable"
    TIME_FAR_FUTURE = "time-far-future"
    NUMBER_NAN = "number-nan"
    NUMBER_INFINITE = "number-infinite"
    NUMBER_IS_TEXT = "number-is-text"
    DEEPLY_NESTED = "deeply-nested"
    OVERSIZED = "oversized"


KINDS: tuple[Kind, ...] = tuple(Kind)

# With the rest of the event and its partition key this stays below Kinesis's 1 MiB.
_OVERSIZED_BYTES = 1_000_000
_DEPTH = 5_000


@dataclass(frozen=True, slots=True)
class Fields:
    """The names under which events carry entity, time and a number."""

    entity: str = "userId"
    time: str = "timestamp"
    number: str = "metric"


def poison(kind: Kind, number: int, *, now_s: float, fields: Fields = Fields()) -> bytes:
    """A record's data that is poison in this way; `number` makes it differ from its fellows.

    >>> poison(Kind.NO_TIME, 7, now_s=0.0)
    b'{"userId": "poison-7", "metric": 7, "eventId": "no-time-7"}'
    """
    event: dict[str, object] = {
        fields.entity: f"poison-{number}",
        fields.time: now_s,
        fields.number: number,
        "eventId": f"{kind.value}-{number}",
    }
    spoil = _EVENTS.get(kind)
    if spoil is not None:
        spoil(event, fields)
        return json.dumps(event).encode()
    return _BYTES[kind](json.dumps(event).encode())


def _without(role: str) -> Callable[[dict[str, object], Fields], None]:
    def spoil(event: dict[str, object], fields: Fields) -> None:
        del event[getattr(fields, role)]

    return spoil


def _with(role: str, value: object) -> Callable[[dict[str, object], Fields], None]:
    def spoil(event: dict[str, object], fields: Fields) -> None:
        event[getattr(fields, role)] = value

    return spoil


def _oversized(event: dict[str, object], fields: Fields) -> None:
    del event[fields.entity]
    event["padding"] = "x" * _OVERSIZED_BYTES


_EVENTS: Mapping[Kind, Callable[[dict[str, object], Fields], None]] = {
    Kind.NO_ENTITY: _without("entity"),
    Kind.EMPTY_ENTITY: _with("entity", ""),
    Kind.NO_TIME: _without("time"),
    Kind.TIME_UNREADABLE: _with("time", "the day before yesterday"),
    Kind.TIME_FAR_FUTURE: _with("time", 253_402_300_799),  # the last second of the year 9999
    Kind.NUMBER_NAN: _with("number", float("nan")),
    Kind.NUMBER_INFINITE: _with("number", float("inf")),
    Kind.NUMBER_IS_TEXT: _with("number", "a lot"),
    Kind.OVERSIZED: _oversized,
}
_BYTES: Mapping[Kind, Callable[[bytes], bytes]] = {
    Kind.EMPTY: lambda _: b"",
    Kind.TRUNCATED_JSON: lambda event: event[:-7],
    Kind.NOT_AN_OBJECT: lambda event: b"[" + event + b"]",
    Kind.NOT_UTF8: lambda event: b"\xff\xfe" + event,
    Kind.BASE64_TWICE: base64.b64encode,
    Kind.DEEPLY_NESTED: lambda event: (
        event[:-1] + b', "x": ' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"
    ),
}
