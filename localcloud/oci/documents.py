"""The JSON that Streaming and Notifications take and give, checked field by field."""

from __future__ import annotations

import base64
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Any

import orjson
from millrace.anomaly.instants import iso_ms
from millrace.errors import InvalidEvent
from millrace.events import read_time_ms

from localcloud.oci.errors import CannotParse, InvalidParameter, MissingParameter
from localcloud.oci.partition import Message


@dataclass(frozen=True, slots=True)
class Body:
    """An object whose fields are asked for by name and type; null is the same as absent."""

    fields: dict[str, Any]

    @classmethod
    def of(cls, content: bytes) -> Body:
        """Raises CannotParse for what is no JSON, InvalidParameter for what is no object."""
        try:
            fields = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise CannotParse("The body is not JSON") from None
        if not isinstance(fields, dict):
            raise InvalidParameter(f"The body must be an object but is a {type(fields).__name__}")
        return cls({name: value for name, value in fields.items() if value is not None})

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self.fields.get(name, default)
        if value is None:
            raise MissingParameter(name)
        if not isinstance(value, str):
            raise InvalidParameter(f"{name} must be a text")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, or None."""
        value = self.fields.get(name)
        if value is not None and type(value) is not int:
            raise InvalidParameter(f"{name} must be a whole number")
        return value

    def flag(self, name: str) -> bool | None:
        """True, false, or None."""
        value = self.fields.get(name)
        if value is not None and type(value) is not bool:
            raise InvalidParameter(f"{name} must be true or false")
        return value

    def time_ms(self, name: str) -> int | None:
        """A time in ISO 8601 as milliseconds, or None."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidParameter(f"{name} must be a time as RFC 3339 has it")
        try:
            return read_time_ms(value, name)
        except InvalidEvent as error:
            raise InvalidParameter(str(error)) from None


def messages_of(body: Body) -> list[tuple[bytes | None, bytes]]:
    """Keys and values of a put."""
    entries = body.fields.get("messages")
    if not isinstance(entries, list):
        raise MissingParameter("messages must be a list")
    return [_pair(entry) for entry in entries]


def message_document(stream: str, message: Message) -> dict[str, object]:
    """A message as a reader gets it."""
    return {
        "stream": stream,
        "partition": message.partition,
        "key": None if message.key is None else base64.b64encode(message.key).decode(),
        "value": base64.b64encode(message.value).decode(),
        "offset": message.offset,
        "timestamp": iso_ms(message.arrival_ms),
    }


def _pair(entry: object) -> tuple[bytes | None, bytes]:
    if not isinstance(entry, dict) or entry.keys() - {"key", "value"}:
        raise InvalidParameter("Every message must be an object of key and value")
    key, value = entry.get("key"), entry.get("value")
    if value is None:
        raise MissingParameter("value")
    try:
        decoded = None if key is None else base64.b64decode(key, validate=True)
        return decoded, base64.b64decode(value, validate=True)
    except (Base64Error, TypeError, ValueError):
        raise InvalidParameter("A message's key or value is not base64") from None
