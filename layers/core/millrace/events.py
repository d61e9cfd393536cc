"""Events: one schema for every stream, read from the user's own JSON by the field mapping.

`EventReader` turns the bytes of one record into an `Event`, or raises `InvalidEvent` with a stable
reason and a message that names the field. Fields that the mapping does not name are ignored here
(they stay in the archive). Times are milliseconds since the Unix epoch; a time without a zone is
UTC. Numbers become integers at their declared scale, so that sums are exact in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from millrace.errors import InvalidEvent
from millrace.features.definitions import MAX_TYPE_LENGTH, Category, Definitions, Number

# A field that an event does not have.
MISSING = -(1 << 63)

# Scaled numbers stay below this, so that they fit 64-bit columns.
NUMBER_BOUND = 1 << 62

MAX_KEY_BYTES = 256
MAX_ID_BYTES = 256
# A character takes at most four bytes, so a text of this length is within every bound.
_SHORT = MAX_TYPE_LENGTH

# Before this a timestamp is a mistake (a clock that was never set, seconds read as milliseconds).
EARLIEST_MS = 315_532_800_000  # 1980-01-01
LATEST_MS = 4_102_444_800_000  # 2100-01-01
# Unix times: below, seconds; above, milliseconds. The year 5138 in seconds, March 1973 in ms.
_SECONDS_BELOW = 100_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_moment = datetime.fromisoformat


class Event(NamedTuple):
    """One valid event.

    `id_hash` is a stable 64-bit hash of the id, 0 where there is none; `keys` holds the key of
    each entity of the definitions (None where the event has none), `fields` the scaled numbers
    and then the identities of the categories, or MISSING.
    """

    id: str | None
    id_hash: int
    time_ms: int
    type: str
    keys: tuple[str | None, ...]
    fields: tuple[int, ...]


# Half the time of Event(…), and of looking the function up for every event.
_new = tuple.__new__
_number_in = int.from_bytes


def category_identity(text: str) -> int:
    """A stable 48-bit identity of a category's value."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "little")


class EventReader:
    """Reads events by one set of definitions."""

    def __init__(self, definitions: Definitions) -> None:
        mapping = definitions.event
        self.definitions = definitions
        self._id, self._time, self._type = mapping.id, mapping.time, mapping.type
        self._future_ms = mapping.future_ms
        self._key, *self._more_keys = (entity.key for entity in definitions.entities)
        self._fields = tuple((field.field, _converter(field)) for field in mapping.fields)
        paths = (mapping.id, mapping.time, mapping.type, self._key, *self._more_keys)
        self._nested = any("." in path for path in (*paths, *(path for path, _ in self._fields)))

    def read(self, data: bytes | str, arrival_ms: int) -> Event:
        """The event in `data`, which came to the stream at `arrival_ms`. Raises InvalidEvent."""
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise InvalidEvent("not-json", f"not valid JSON: {error}") from error
        return self.from_document(document, arrival_ms)

    def from_document(self, document: object, arrival_ms: int) -> Event:
        """The event in a decoded JSON value. Raises InvalidEvent."""
        if type(document) is not dict:
            kind = type(document).__name__
            raise InvalidEvent("not-an-object", f"must be a JSON object but is a {kind}")
        get = _Nested(document).get if self._nested else document.get
        time_ms = read_time_ms(get(self._time), self._time)
        if time_ms > arrival_ms + self._future_ms:
            raise InvalidEvent(
                "from-the-future",
                f"{self._time} is {time_ms - arrival_ms} ms after the event's arrival; at most"
                f" {self._future_ms} ms are allowed: check the producer's clock",
            )
        # The common short text is recognised at a glance; anything else is looked at closely.
        event_type = get(self._type)
        if type(event_type) is not str or len(event_type) > _SHORT or "\0" in event_type:
            event_type = _event_type(event_type, self._type)
        event_id = get(self._id)
        id_hash = 0
        if event_id is not None:
            if type(event_id) is not str or not 0 < len(event_id) <= _SHORT:
                event_id = _text(event_id, self._id, MAX_ID_BYTES)
            id_hash = _number_in(blake2b(event_id.encode(), digest_size=8).digest(), "little")
        key = get(self._key)
        if type(key) is not str or not 0 < len(key) <= _SHORT:
            key = _text(key, self._key, MAX_KEY_BYTES)
        keys = (key,) if not self._more_keys else (key, *self._read_more_keys(get))
        fields: tuple[int, ...] = ()
        for name, convert in self._fields:
            fields += (convert(get(name)),)
        return _new(Event, (event_id, id_hash, time_ms, event_type, keys, fields))

    def _read_more_keys(self, get: Callable[[str], Any]) -> Iterator[str | None]:
        for name in self._more_keys:
            key = get(name)
            yield None if key is None else _text(key, name, MAX_KEY_BYTES)


class _Nested:
    """A document whose fields are asked for by dotted paths."""

    __slots__ = ("_document",)

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def get(self, path: str) -> Any:  # noqa: ANN401  a JSON value can be anything
        """What stands at the path; None where there is nothing."""
        value: Any = self._document
        for part in path.split("."):
            if type(value) is not dict:
                return None
            value = value.get(part)
        return value


def _event_type(value: object, name: str) -> str:
    if value is None:
        return ""
    raise _invalid(name, f"a text of at most {MAX_TYPE_LENGTH} characters without NUL", value)


def _text(value: object, name: str, most_bytes: int) -> str:
    """A key or an id: text, or an integer, which becomes text."""
    if type(value) is int:
        value = str(value)
    if type(value) is str and value:
        if len(value.encode()) <= most_bytes:
            return value
        raise InvalidEvent(
            f"invalid-{name}", f"{name} has {len(value.encode())} bytes; at most {most_bytes}"
        )
    raise _invalid(name, "a text that is not empty", value)


def read_time_ms(value: object, name: str = "timestamp") -> int:
    """Milliseconds since the epoch from ISO 8601 or Unix seconds or milliseconds.

    Raises InvalidEvent, also for times before 1980 or after 2100.
    """
    try:
        if type(value) is str:
            moment = _moment(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            passed = moment - _EPOCH
            time_ms = (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
        elif type(value) is int or type(value) is float:
            time_ms = round(value * 1000) if abs(value) < _SECONDS_BELOW else int(value)
        else:
            raise _invalid(name, "an ISO 8601 text or a Unix time", value)
    except (ValueError, OverflowError) as error:
        raise _invalid(name, "an ISO 8601 time such as 2026-01-31T12:00:00Z", value) from error
    if not EARLIEST_MS <= time_ms <= LATEST_MS:
        raise _invalid(name, "a time from 1980 to 2100", value)
    return time_ms


def _converter(field: Number | Category) -> Callable[[Any], int]:
    """What turns a field's JSON value into its integer."""
    if isinstance(field, Category):
        return _category_converter(field.field)
    return _number_converter(field.field, field.scale)


def _category_converter(name: str) -> Callable[[Any], int]:
    def convert(value: object) -> int:
        if type(value) is str:
            return category_identity(value)
        if value is None:
            return MISSING
        if type(value) is int or type(value) is bool:
            return category_identity(str(value))
        raise _invalid(name, "a text", value)

    return convert


def _number_converter(name: str, scale: int) -> Callable[[Any], int]:
    factor = 10**scale
    bound = NUMBER_BOUND // factor

    def convert(value: object) -> int:
        if type(value) is float:
            # Exact in binary only where no rounding is near a tie; the rest goes by its decimals.
            scaled = value * factor
            if -1e11 < scaled < 1e11:
                nearest: int = round(scaled)
                if abs(scaled - nearest) < 0.4999:
                    return nearest
            if -bound < value < bound:
                decimal = Decimal(repr(value)).scaleb(scale)
                return int(decimal.to_integral_value(ROUND_HALF_EVEN))
        elif type(value) is int:
            if -bound < value < bound:
                exact: int = value * factor
                return exact
        elif value is None:
            return MISSING
        raise _invalid(name, f"a finite number between -{bound} and {bound}", value)

    return convert


def _invalid(name: str, expected: str, value: object) -> InvalidEvent:
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:57] + "…"
    problem = "is missing" if value is None else f"must be {expected} but is {shown}"
    return InvalidEvent(f"invalid-{name}", f"{name} {problem}")
