"""Kafka's protocol on the wire: numbers, texts and arrays, in their plain and compact forms."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class Malformed(Exception):
    """What came is none of Kafka's: the connection is of no use any more."""


@dataclass(slots=True)
class Reader:
    """Takes values from the front of some bytes. Raises Malformed at their end."""

    data: bytes
    at: int = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """So many bytes as they are."""
        if not 0 <= size <= self.left:
            raise Malformed(f"{size} bytes were to come, but {self.left} are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def int8(self) -> int:
        return int.from_bytes(self.take(1), "big", signed=True)

    def int16(self) -> int:
        return int.from_bytes(self.take(2), "big", signed=True)

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def int64(self) -> int:
        return int.from_bytes(self.take(8), "big", signed=True)

    def uvarint(self) -> int:
        """Seven bits a byte, the lowest first."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Malformed("a number has more than ten bytes")

    def varint(self) -> int:
        """With its sign in the lowest bit."""
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def text(self) -> str | None:
        size = self.int16()
        return None if size < 0 else _decoded(self.take(size))

    def compact_text(self) -> str | None:
        size = self.uvarint()
        return None if size == 0 else _decoded(self.take(size - 1))

    def blob(self) -> bytes | None:
        size = self.int32()
        return None if size < 0 else self.take(size)

    def varint_blob(self) -> bytes | None:
        size = self.varint()
        return None if size < 0 else self.take(size)

    def array(self, one: Callable[[], T]) -> list[T] | None:
        size = self.int32()
        if size > self.left:
            raise Malformed(f"an array of {size} has only {self.left} bytes")
        return None if size < 0 else [one() for _ in range(size)]

    def tags(self) -> None:
        """Leave out tagged fields; none of them is needed here."""
        for _ in range(self.uvarint()):
            self.uvarint()
            self.take(self.uvarint())


@dataclass(slots=True)
class Writer:
    """Puts values behind each other; every method gives the writer back."""

    data: bytearray = field(default_factory=bytearray)

    def raw(self, content: bytes) -> Writer:
        self.data += content
        return self

    def int8(self, value: int) -> Writer:
        return self.raw(struct.pack(">b", value))

    def int16(self, value: int) -> Writer:
        return self.raw(struct.pack(">h", value))

    def int32(self, value: int) -> Writer:
        return self.raw(struct.pack(">i", value))

    def int64(self, value: int) -> Writer:
        return self.raw(struct.pack(">q", value))

    def uvarint(self, value: int) -> Writer:
        while value > 0x7F:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)
        return self

    def varint(self, value: int) -> Writer:
        return self.uvarint((value << 1) ^ (value >> 63))

    def text(self, value: str | None) -> Writer:
        if value is None:
            return self.int16(-1)
        content = value.encode()
        return self.int16(len(content)).raw(content)

    def blob(self, value: bytes | None) -> Writer:
        return self.int32(-1) if value is None else self.int32(len(value)).raw(value)

    def varint_blob(self, value: bytes | None) -> Writer:
        return self.varint(-1) if value is None else self.varint(len(value)).raw(value)

    def array(self, values: Iterable[T], one: Callable[[Writer, T], object]) -> Writer:
        listed = list(values)
        self.int32(len(listed))
        for value in listed:
            one(self, value)
        return self


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"a text is no UTF-8: {error}") from error
