"""Columns of integers at the smallest fixed width: one code byte, then the values.

The code is the `array` type code of the width (unsigned where no value is negative), ``S`` for
6-byte unsigned and ``X`` for 16-byte signed integers, or 0 for a column of ones, which takes no
further bytes.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from struct import Struct

# Lambda runs on x86-64 and arm64, both little-endian; a view of packed bytes relies on that.
assert sys.byteorder == "little", "profiles are packed little-endian"

_ONES = 0
_SIX = ord("S")
_WIDE = ord("X")
_WIDE_BYTES = 16
_LETTERS = {ord(letter): letter for letter in "BHIQbhiq"}

_SPAN_SIZES = {ord(letter): array(letter).itemsize for letter in "BHIQbhiq"}

# Formats by code and length: a profile has few different ones, and each is compiled once.
_FORMATS: dict[tuple[int, int], Struct] = {}
_FORMATS_MOST = 4096


def width_code(low: int, high: int) -> str:
    """The narrowest code that holds every integer from `low` to `high`."""
    if low >= 0:
        if high < 1 << 8:
            return "B"
        if high < 1 << 16:
            return "H"
        if high < 1 << 32:
            return "I"
        if high < 1 << 48:
            return "S"
        return "Q" if high < 1 << 64 else "X"
    bound = max(-low, high + 1)
    if bound <= 1 << 7:
        return "b"
    if bound <= 1 << 15:
        return "h"
    if bound <= 1 << 31:
        return "i"
    return "q" if bound <= 1 << 63 else "X"


def pack(values: Sequence[int]) -> bytes:
    """One column; `unpack` needs to be told how many values it holds."""
    if not values:
        return b""
    low, high = min(values), max(values)
    if low == high == 1:
        return b"\0"
    code = width_code(low, high)
    if code == "X":
        wide = (value.to_bytes(_WIDE_BYTES, "little", signed=True) for value in values)
        return b"X" + b"".join(wide)
    if code == "S":
        lows = array("I", [value & 0xFFFFFFFF for value in values])
        return b"S" + lows.tobytes() + array("H", [value >> 32 for value in values]).tobytes()
    return code.encode() + array(code, values).tobytes()


def unpack(data: memoryview, start: int, count: int) -> tuple[Sequence[int], int]:
    """The column of `count` values at `start`, and where the next one starts.

    Raises struct.error, IndexError or ValueError where the bytes are no column.
    """
    if not count:
        return (), start
    code = data[start]
    start += 1
    layout = _FORMATS.get((code, count)) or _format(code, count)
    values = layout.unpack_from(data, start)
    end = start + layout.size
    if code == _SIX:
        return [low | high << 32 for low, high in zip(values, values[count:], strict=False)], end
    if code == _ONES:
        return (1,) * count, end
    if code == _WIDE:
        return [int.from_bytes(value, "little", signed=True) for value in values], end
    return values, end


def column_end(data: bytes, start: int, count: int) -> int:
    """Where the column of `count` values at `start` ends."""
    code = data[start]
    return start + 1 + (_FORMATS.get((code, count)) or _format(code, count)).size


def unpack_span(data: memoryview, start: int, count: int, begin: int, end: int) -> Sequence[int]:
    """The values from `begin` to before `end` of the column of `count` values at `start`."""
    code = data[start]
    size = _SPAN_SIZES.get(code)
    if size is None:
        return unpack(data, start, count)[0][begin:end]
    layout = _FORMATS.get((code, end - begin)) or _format(code, end - begin)
    return layout.unpack_from(data, start + 1 + size * begin)


def _format(code: int, count: int) -> Struct:
    if code == _SIX:
        text = f"<{count}I{count}H"
    elif code == _WIDE:
        text = "<" + f"{_WIDE_BYTES}s" * count
    elif code == _ONES:
        text = "<"
    elif code in _LETTERS:
        text = f"<{count}{_LETTERS[code]}"
    else:
        raise ValueError(f"no column has the code {code}")
    layout = Struct(text)
    if len(_FORMATS) < _FORMATS_MOST:
        _FORMATS[code, count] = layout
    return layout
