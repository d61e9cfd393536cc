"""Aggregates of one number over time: a cell holds (n, sum, sum of squares, minimum, maximum).

All are integers at the number's scale, so nothing depends on the order of arrival. Packed, n, sum
and squares are rows of running totals; minima and maxima are columns, by cell.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import mul, sub
from typing import NamedTuple

from millrace.features.columns import column_end, pack, unpack, unpack_span
from millrace.features.tiles import coarser, cuts, pack_tiles, running, steps, unpack_tiles
from millrace.features.windows import Ladder


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

# Rows of (n, sum, squares), the narrowest that holds the level's totals.
# A square takes 124 bits, and 60 more when a migration makes the scale finer: the widest holds the
# squares of as many events as there can be.
_NARROW, _MIDDLE, _WIDE = struct.Struct("<HiQ"), struct.Struct("<IqQ"), struct.Struct("<Q16s32s")
_SUM_BYTES, _SQUARES_BYTES = 16, 32
_ROWS = (_NARROW, _MIDDLE, _WIDE)


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
    """The aggregates of single events.

    >>> total_of([30, 10])
    Total(n=2, sum=40, squares=1000, low=10, high=30)
    """
    if not values:
        return EMPTY
    squares = sum(map(mul, values, values))
    return _new(Total, (len(values), sum(values), squares, min(values), max(values)))


def pack_values(cells: Mapping[int, Total]) -> bytes:
    """A level from tile number → aggregates."""
    if not cells:
        return b""
    tiles = sorted(cells)
    totals = [cells[tile] for tile in tiles]
    ns, sums, squares, lows, highs = zip(*totals, strict=True)
    columns = running(ns), running(sums), running(squares)
    width = _width(*columns)
    pack_row = _ROWS[width].pack if width < 2 else _pack_wide
    packed = b"".join(map(pack_row, *columns))
    return b"".join((pack_tiles(tiles), bytes((width,)), packed, pack(lows), pack(highs)))


def _width(ns: Sequence[int], sums: Sequence[int], squares: Sequence[int]) -> int:
    n, most = ns[0], squares[0]  # running totals: these two fall from here
    reach = max(max(sums), -min(sums))
    if n < 1 << 16 and reach < 1 << 31 and most < 1 << 64:
        return 0
    return 1 if n < 1 << 32 and reach < 1 << 63 and most < 1 << 64 else 2


def _pack_wide(n: int, summed: int, squares: int) -> bytes:
    return _WIDE.pack(
        n,
        summed.to_bytes(_SUM_BYTES, "little", signed=True),
        squares.to_bytes(_SQUARES_BYTES, "little"),
    )


def _from_wide(row: tuple[int, bytes, bytes]) -> tuple[int, int, int]:
    n, summed, squares = row
    return (
        n,
        int.from_bytes(summed, "little", signed=True),
        int.from_bytes(squares, "little"),
    )


class _Columns(NamedTuple):
    """A level: for each cell a row of running totals (n, sum, squares), its least and its most."""

    tiles: list[int]
    rows: list[tuple[int, int, int]]
    lows: Sequence[int]
    highs: Sequence[int]


def unpack_values(level: bytes) -> dict[int, Total]:
    """Tile number → aggregates."""
    return _cells(_unpacked(level), 0) if level else {}


def split_values(level: bytes, floor: int, ratio: int) -> tuple[dict[int, Total], dict[int, Total]]:
    """Tile number → aggregates from the tile `floor` on; and before it, by tiles `ratio` times as
    long. See `split_counts`."""
    columns = _unpacked(level)
    tiles, rows, lows, highs = columns
    cut = bisect_left(tiles, floor)
    ends = [*rows, (0, 0, 0)]
    older: dict[int, Total] = {}
    for tile, begin, end in coarser(tiles, cut, ratio):
        sums = map(sub, rows[begin], ends[end])
        older[tile] = _new(Total, (*sums, min(lows[begin:end]), max(highs[begin:end])))
    return _cells(columns, cut), older


def _unpacked(level: bytes) -> _Columns:
    tiles, at = unpack_tiles(level)
    width = level[at]
    row = _ROWS[width]
    end = at + 1 + row.size * len(tiles)
    rows = list(row.iter_unpack(memoryview(level)[at + 1 : end]))
    if width == 2:
        rows = [_from_wide(wide) for wide in rows]
    lows, end = unpack(memoryview(level), end, len(tiles))
    highs, _ = unpack(memoryview(level), end, len(tiles))
    return _Columns(tiles, rows, lows, highs)


def _cells(columns: _Columns, first: int) -> dict[int, Total]:
    tiles, rows, lows, highs = columns
    if first:
        tiles, rows, lows, highs = tiles[first:], rows[first:], lows[first:], highs[first:]
    sums = [steps(column) for column in zip(*rows, strict=True)]
    totals = [_new(Total, total) for total in zip(*sums, lows, highs, strict=True)]
    return dict(zip(tiles, totals, strict=True))


def values_since(levels: Sequence[bytes], ladder: Ladder, starts_s: Sequence[int]) -> list[Total]:
    """Aggregates of the events at or after each of `starts_s` (newest first)."""
    found = [EMPTY] * len(starts_s)
    newer = EMPTY
    window = 0
    for level, tile_s in zip(levels, ladder.tiles_s, strict=True):
        if not level:
            continue
        count, at, begins = cuts(level, tile_s, starts_s, window)
        for index, total in enumerate(_level_totals(level, at, count, begins), window):
            found[index] = merge(newer, total)
        if begins[-1]:
            return found
        window += len(begins) - 1
        newer = found[window]
        for index in range(window + 1, len(found)):
            found[index] = newer
    return found


def _level_totals(level: bytes, at: int, count: int, begins: Sequence[int]) -> list[Total]:
    """The aggregates of a level's cells from each of `begins`, which fall, to its newest."""
    view = memoryview(level)
    width = level[at]
    row = _ROWS[width]
    at += 1
    lows_at = at + row.size * count
    highs_at = column_end(level, lows_at, count)
    totals = []
    total, end = EMPTY, count
    for begin in begins:
        if begin < end:
            low = min(unpack_span(view, lows_at, count, begin, end))
            high = max(unpack_span(view, highs_at, count, begin, end))
            if total.n:
                low, high = min(low, total.low), max(high, total.high)
            sums = row.unpack_from(level, at + row.size * begin)
            if width == 2:
                sums = _from_wide(sums)
            total = _new(Total, (*sums, low, high))
            end = begin
        totals.append(total)
    return totals
