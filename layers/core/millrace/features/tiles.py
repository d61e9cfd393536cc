"""Series of tiles: how often, and with what values, something happened over time.

A series has one level for each tile of its `Ladder`, finest first; each level is a packed run of
cells in time order, or empty. Levels stay packed: reading sums over views of the packed columns,
and only a level that changes is opened. The cells of a level are newer than those of the next, so
a window needs at most a part of one level beside whole ones.

A *count* cell is a number of events. A *value* cell is (n, sum, sum of squares, minimum, maximum)
of one number, all integers at the number's scale, so nothing depends on the order of arrival.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from millrace.features.columns import pack, unpack
from millrace.features.windows import Ladder

_HEADER = struct.Struct("<IH")  # first cell's tile number since the epoch, number of cells


class Total(NamedTuple):
    """The aggregates of one number over a window; `low` and `high` mean nothing where `n` is 0."""

    n: int
    sum: int
    squares: int
    low: int
    high: int


EMPTY = Total(0, 0, 0, 0, 0)

# Half the time of Total(…), in the innermost loops.
_new = tuple.__new__


def merge(one: Total, other: Total) -> Total:
    """The aggregates of two disjoint sets of events together."""
    if not one.n:
        return other
    if not other.n:
        return one
    n, summed, squares, low, high = one
    n_other, sum_other, squares_other, low_other, high_other = other
    return _new(
        Total,
        (
            n + n_other,
            summed + sum_other,
            squares + squares_other,
            low if low < low_other else low_other,
            high if high > high_other else high_other,
        ),
    )


def total_of(values: Sequence[int]) -> Total:
    """The aggregates of single events."""
    if not values:
        return EMPTY
    squares = sum([value * value for value in values])
    return _new(Total, (len(values), sum(values), squares, min(values), max(values)))


# Packing one level.


def pack_counts(cells: Mapping[int, int]) -> bytes:
    """A level of counts from tile number → count."""
    if not cells:
        return b""
    tiles = sorted(cells)
    first = tiles[0]
    offsets = pack([tile - first for tile in tiles])
    return _HEADER.pack(first, len(tiles)) + offsets + pack([cells[tile] for tile in tiles])


def unpack_counts(level: bytes) -> dict[int, int]:
    """Tile number → count."""
    if not level:
        return {}
    first, offsets, counts = _count_columns(level)
    return {first + offset: count for offset, count in zip(offsets, counts, strict=True)}


def oldest_tile(level: bytes) -> int:
    """The tile number of a level's first cell; the level must not be empty."""
    first, _ = _HEADER.unpack_from(level)
    return int(first)


def _count_columns(level: bytes) -> tuple[int, Sequence[int], Sequence[int]]:
    first, count = _HEADER.unpack_from(level)
    view = memoryview(level)
    offsets, at = unpack(view, _HEADER.size, count)
    counts, _ = unpack(view, at, count)
    return first, offsets, counts


def pack_values(cells: Mapping[int, Total]) -> bytes:
    """A level of values from tile number → aggregates."""
    if not cells:
        return b""
    tiles = sorted(cells)
    first = tiles[0]
    rows = [cells[tile] for tile in tiles]
    counts = [row.n for row in rows]
    parts = [
        _HEADER.pack(first, len(tiles)),
        pack([tile - first for tile in tiles]),
        pack(counts),
        pack([row.sum for row in rows]),
    ]
    # Where every cell holds one event, its sum says everything.
    if max(counts) > 1:
        parts.append(pack([row.squares for row in rows]))
        parts.append(pack([row.low for row in rows]))
        parts.append(pack([row.high for row in rows]))
    return b"".join(parts)


class _ValueColumns(NamedTuple):
    first: int
    offsets: Sequence[int]
    counts: Sequence[int]
    sums: Sequence[int]
    squares: Sequence[int]
    lows: Sequence[int]
    highs: Sequence[int]


def _value_columns(level: bytes) -> _ValueColumns:
    first, count = _HEADER.unpack_from(level)
    view = memoryview(level)
    offsets, at = unpack(view, _HEADER.size, count)
    counts, at = unpack(view, at, count)
    sums, at = unpack(view, at, count)
    if at == len(level):
        squares: Sequence[int] = [value * value for value in sums]
        return _ValueColumns(first, offsets, counts, sums, squares, sums, sums)
    squares, at = unpack(view, at, count)
    lows, at = unpack(view, at, count)
    highs, _ = unpack(view, at, count)
    return _ValueColumns(first, offsets, counts, sums, squares, lows, highs)


def unpack_values(level: bytes) -> dict[int, Total]:
    """Tile number → aggregates."""
    if not level:
        return {}
    first, offsets, *columns = _value_columns(level)
    rows = zip(*columns, strict=True)
    return {first + offset: Total(*row) for offset, row in zip(offsets, rows, strict=True)}


# Reading: what happened since each of several starts.


def counts_since(levels: Sequence[bytes], ladder: Ladder, starts_s: Sequence[int]) -> list[int]:
    """Events at or after each of `starts_s`, which go from the newest to the oldest."""
    found = [0] * len(starts_s)
    newer = 0
    window = 0
    for level, tile_s in zip(levels, ladder.tiles_s, strict=True):
        if not level:
            continue
        first, offsets, counts = _count_columns(level)
        end = len(offsets)
        for index in range(window, len(starts_s)):
            begin = bisect_left(offsets, -(-starts_s[index] // tile_s) - first)
            newer += sum(counts[begin:end])
            end = begin
            found[index] = newer
            if not begin:
                # This level is used up: the longer windows go on in the next.
                window = index
                break
        else:
            return found
        for index in range(window, len(starts_s)):
            found[index] = newer
    return found


def values_since(levels: Sequence[bytes], ladder: Ladder, starts_s: Sequence[int]) -> list[Total]:
    """Aggregates of the events at or after each of `starts_s` (newest first)."""
    found = [EMPTY] * len(starts_s)
    newer = EMPTY
    window = 0
    for level, tile_s in zip(levels, ladder.tiles_s, strict=True):
        if not level:
            continue
        columns = _value_columns(level)
        end = len(columns.offsets)
        for index in range(window, len(starts_s)):
            begin = bisect_left(columns.offsets, -(-starts_s[index] // tile_s) - columns.first)
            if begin < end:
                newer = merge(newer, _total_between(columns, begin, end))
            end = begin
            found[index] = newer
            if not begin:
                window = index
                break
        else:
            return found
        for index in range(window, len(starts_s)):
            found[index] = newer
    return found


def _total_between(columns: _ValueColumns, begin: int, end: int) -> Total:
    return Total(
        sum(columns.counts[begin:end]),
        sum(columns.sums[begin:end]),
        sum(columns.squares[begin:end]),
        min(columns.lows[begin:end]),
        max(columns.highs[begin:end]),
    )
