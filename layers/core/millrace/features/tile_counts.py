"""Counts by event type over time: a cell holds, for each type of the profile, how many events.

Packed, a cell is a row of running totals, one for each type that was known when the level was
written; a type that came later has 0 there.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import add, sub

from millrace.features.tiles import coarser, cuts, pack_tiles, running, steps, unpack_tiles
from millrace.features.windows import Ladder

Counts = tuple[int, ...]  # by index of the type; types beyond its length have none

_ROWS: dict[tuple[int, int], struct.Struct] = {}


def join_counts(one: Counts, other: Counts) -> Counts:
    """The counts of two cells together."""
    if len(one) < len(other):
        one, other = other, one
    return (*map(add, one, other), *one[len(other) :])


def pack_counts(cells: Mapping[int, Counts]) -> bytes:
    """A level from tile number → counts."""
    if not cells:
        return b""
    tiles = sorted(cells)
    rows = [cells[tile] for tile in tiles]
    types = max(map(len, rows))
    if min(map(len, rows)) < types:
        rows = [row + (0,) * (types - len(row)) for row in rows]
    columns = [running(column) for column in zip(*rows, strict=True)]
    most = max([column[0] for column in columns])
    code = "B" if most < 1 << 8 else "H" if most < 1 << 16 else "Q" if most >= 1 << 32 else "I"
    packed = array(code, [*chain.from_iterable(zip(*columns, strict=True))])
    return pack_tiles(tiles) + bytes((types, ord(code))) + packed.tobytes()


def unpack_counts(level: bytes) -> dict[int, Counts]:
    """Tile number → counts."""
    if not level:
        return {}
    tiles, rows = _unpacked(level)
    return _cells(tiles, rows)


def split_counts(
    level: bytes, floor: int, ratio: int
) -> tuple[dict[int, Counts], dict[int, Counts]]:
    """Tile number → counts from the tile `floor` on; and before it, by tiles `ratio` times as long.

    As joining cells one by one, but running totals need only be subtracted.
    """
    tiles, rows = _unpacked(level)
    cut = bisect_left(tiles, floor)
    ends = [*rows, (0,) * len(rows[0])]
    older = {
        tile: (*map(sub, rows[begin], ends[end]),)
        for tile, begin, end in coarser(tiles, cut, ratio)
    }
    return _cells(tiles[cut:], rows[cut:]), older


def _unpacked(level: bytes) -> tuple[list[int], list[Counts]]:
    """Tile numbers, and a row of running totals for each."""
    tiles, at = unpack_tiles(level)
    types, row = level[at], _row(level, at)
    rows = list(row.iter_unpack(memoryview(level)[at + 2 : at + 2 + row.size * len(tiles)]))
    if len(rows) != len(tiles) or not types:
        raise ValueError(f"{len(rows)} rows of {types} counts, where {len(tiles)} were written")
    return tiles, rows


def _cells(tiles: Sequence[int], rows: Sequence[Counts]) -> dict[int, Counts]:
    columns = [steps(column) for column in zip(*rows, strict=True)]
    return dict(zip(tiles, zip(*columns, strict=True), strict=True))


def _row(level: bytes, at: int) -> struct.Struct:
    types, code = level[at], level[at + 1]
    found = _ROWS.get((types, code))
    if found is None:
        found = _ROWS[types, code] = struct.Struct(f"<{types}{chr(code)}")
    return found


def total_since(levels: Sequence[bytes], ladder: Ladder, start_s: int) -> int:
    """Events of every type at or after `start_s`: as `counts_since`, for one window and quicker."""
    total = 0
    for level, tile_s in zip(levels, ladder.tiles_s, strict=True):
        if level:
            count, at, (begin,) = cuts(level, tile_s, (start_s,), 0)
            if begin < count:
                row = _row(level, at)
                total += sum(row.unpack_from(level, at + 2 + row.size * begin))
            if begin:
                break
    return total


def counts_since(levels: Sequence[bytes], ladder: Ladder, starts_s: Sequence[int]) -> list[Counts]:
    """Events at or after each of `starts_s`, which go from the newest to the oldest, by type."""
    found: list[Counts] = [()] * len(starts_s)
    newer: Counts = ()
    window = 0
    for level, tile_s in zip(levels, ladder.tiles_s, strict=True):
        if not level:
            continue
        count, at, begins = cuts(level, tile_s, starts_s, window)
        row = _row(level, at)
        at += 2
        for index, begin in enumerate(begins, window):
            if begin < count:
                here = row.unpack_from(level, at + row.size * begin)
                found[index] = join_counts(newer, here) if newer else here
            else:
                found[index] = newer
        if begins[-1]:
            return found
        window += len(begins) - 1
        newer = found[window]
        for index in range(window + 1, len(found)):
            found[index] = newer
    return found
