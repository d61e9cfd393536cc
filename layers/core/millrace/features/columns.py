"""Columns of integers at the smallest fixed width: one code byte, then the values.

The code is the `array` type code of the width (unsigned where no value is negative), ``S`` for
6-byte unsigned and ``X`` for 16-byte signed integers, or 0 for a column of ones, which takes no
further bytes. Reading gives a
view of the packed bytes, not a copy, wherever the width allows it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Literal

# Lambda runs on x86-64 and arm64, both little-endian; a view of packed bytes relies on that.
assert sys.byteorder == "little", "profiles are packed little-endian"

_ONES = 0
_SIX = ord("S")
_WIDE = ord("X")
_Letter = Literal["B", "H", "I", "Q", "b", "h", "i", "q"]
_LETTERS: tuple[_Letter, ...] = ("B", "H", "I", "Q", "b", "h", "i", "q")
_FIXED = {ord(letter): (array(letter).itemsize, letter) for letter in _LETTERS}
_WIDE_BYTES = 16


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

    Raises KeyError, IndexError or ValueError where the bytes are no column.
    """
    if not count:
        return (), start
    code = data[start]
    start += 1
    fixed = _FIXED.get(code)
    if fixed is not None:
        size, letter = fixed
        end = start + count * size
        column: Sequence[int] = data[start:end].cast(letter)
        if len(column) != count:
            raise ValueError(f"a column of {count} values ends after {len(column)}")
        return column, end
    if code == _ONES:
        return (1,) * count, start
    if code == _SIX:
        middle, end = start + 4 * count, start + 6 * count
        lows = data[start:middle].cast("I")
        highs = data[middle:end].cast("H")
        return [low | high << 32 for low, high in zip(lows, highs, strict=True)], end
    end = start + count * _WIDE_BYTES
    if code != _WIDE or end > len(data):
        raise ValueError(f"no column of {count} values: code {code}")
    return [
        int.from_bytes(data[at : at + _WIDE_BYTES], "little", signed=True)
        for at in range(start, end, _WIDE_BYTES)
    ], end
