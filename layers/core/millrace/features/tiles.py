"""What every series of tiles has in common: packed tile numbers, and finding windows in them.

A series has one level for each tile of its `Ladder`, finest first; each level is a packed run of
cells in time order, or empty. Levels stay packed: a window is looked up in the packed bytes, and
only a level that changes is opened. The cells of a level are newer than those of the next, so a
window needs at most a part of one level beside whole ones.

What can be added up is kept as running totals, from each cell to the newest: the part of a level
that a window needs is then one look-up. `tile_counts` and `tile_values` say what a cell holds.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

from millrace.features.columns import pack, unpack

_HEADER = struct.Struct("<IH")  # first cell's tile number since the epoch, number of cells
_BYTES = ord("B")


def pack_tiles(tiles: Sequence[int]) -> bytes:
    """The head of a level: its tile numbers, which rise."""
    first = tiles[0]
    return _HEADER.pack(first, len(tiles)) + pack([tile - first for tile in tiles])


def unpack_tiles(level: bytes) -> tuple[list[int], int]:
    """The tile numbers of a level, and where its head ends."""
    first, count = _HEADER.unpack_from(level)
    offsets, at = unpack(memoryview(level), _HEADER.size, count)
    return [first + offset for offset in offsets], at


def oldest_tile(level: bytes) -> int:
    """The tile number of a level's first cell; the level must not be empty."""
    first, _ = _HEADER.unpack_from(level)
    return int(first)


def running(values: Sequence[int]) -> list[int]:
    """From each value, the total of it and all that follow.

    >>> running([3, 1, 2])
    [6, 3, 2]
    """
    totals = list(accumulate(reversed(values)))
    totals.reverse()
    return totals


def steps(totals: Sequence[int]) -> list[int]:
    """The values of which these are the running totals.

    >>> steps([6, 3, 2])
    [3, 1, 2]
    """
    return list(map(sub, totals, (*totals[1:], 0)))


def coarser(tiles: Sequence[int], end: int, ratio: int) -> list[tuple[int, int, int]]:
    """The coarser tiles, of `ratio` tiles each, that hold the first `end` cells: tile, begin, end.

    >>> coarser([10, 11, 14, 15, 19], 4, 5)
    [(2, 0, 3), (3, 3, 4)]
    """
    found = []
    begin = 0
    while begin < end:
        tile = tiles[begin] // ratio
        after = bisect_left(tiles, (tile + 1) * ratio, begin, end)
        found.append((tile, begin, after))
        begin = after
    return found


def cuts(
    level: bytes, tile_s: int, starts_s: Sequence[int], window: int
) -> tuple[int, int, list[int]]:
    """The number of a level's cells, where its head ends, and where windows begin in it.

    Windows go from index `window` on, newest start first, up to the first that takes the whole
    level (begins at cell 0): that one and the longer ones go on in the next level.
    """
    first, count = _HEADER.unpack_from(level)
    at = _HEADER.size
    offsets: Sequence[int]
    if level[at] == _BYTES:
        # The packed column is a run of bytes: it can be searched where it stands.
        offsets, low, end = level, at + 1, at + 1 + count
    else:
        offsets, end = unpack(memoryview(level), at, count)
        low = 0
    high = low + count
    begins = []
    for start_s in starts_s[window:]:
        begin = bisect_left(offsets, -(-start_s // tile_s) - first, low, high) - low
        begins.append(begin)
        if not begin:
            break
    return count, end, begins
