"""The framing of application/vnd.amazon.eventstream, which AWS pushes records in.

A message is: total length, header length, CRC of these two (4 bytes each, big-endian), headers,
payload, CRC of all before it. A header is: length of the name, name, type 7 (text), length of the
value in two bytes, value.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7
_FRAME_BYTES = 16


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One framed message."""
    coded = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = _uint32(_FRAME_BYTES + len(coded) + len(payload)) + _uint32(len(coded))
    framed = prelude + _uint32(crc32(prelude)) + coded + payload
    return framed + _uint32(crc32(framed))


def event(kind: str, payload: bytes) -> bytes:
    """An event of the stream; the first one must be an `initial-response`."""
    return message(
        {":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
        payload,
    )


def exception(code: str, payload: bytes) -> bytes:
    """A modelled error, which ends the stream."""
    return message(
        {
            ":exception-type": code,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        payload,
    )


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_TEXT]) + len(value).to_bytes(2, "big") + value


def _uint32(value: int) -> bytes:
    return value.to_bytes(4, "big")
