"""Reading and writing the parts of a packed profile: texts, columns, and series of levels."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from millrace.features.columns import unpack

_LENGTH = struct.Struct("<H")


def text(value: str) -> bytes:
    """A text of at most 255 bytes, its length first."""
    data = value.encode()
    return bytes((len(data),)) + data


def blob(data: bytes) -> bytes:
    """At most 64 KB, the length first."""
    return _LENGTH.pack(len(data)) + data


def presence(series: Sequence[bytes]) -> int:
    """Which of at most eight levels are not empty, as bits; those follow as blobs."""
    present = 0
    for index, level in enumerate(series):
        if level:
            present |= 1 << index
    return present


class Reader:
    """A cursor over packed bytes.

    Damage shows as IndexError, KeyError, ValueError or struct.error, which the caller turns into
    UnreadableState.
    """

    __slots__ = ("at", "data")

    def __init__(self, data: memoryview, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, as a view."""
        start = self.at
        self.at = end = start + count
        if end > len(self.data):
            raise ValueError(f"ends at byte {len(self.data)}, {end - len(self.data)} too early")
        return self.data[start:end]

    def column(self, count: int) -> Sequence[int]:
        """A column of `count` integers."""
        values, self.at = unpack(self.data, self.at, count)
        return values

    def text(self) -> str:
        """A text that `text` wrote."""
        return str(self.take(self.take(1)[0]), "utf-8")

    def blob(self) -> memoryview:
        """Bytes that `blob` wrote, as a view."""
        (length,) = _LENGTH.unpack(self.take(2))
        return self.take(length)

    def levels(self, present: int, count: int) -> list[bytes]:
        """A series of `count` levels, of which those in `present` follow."""
        if not present:
            return [b""] * count
        return [bytes(self.blob()) if present >> index & 1 else b"" for index in range(count)]
