"""Adding events to a series of tiles, and moving cells to coarser tiles as they age.

The result depends only on the set of events and the latest event's time, not on how the events
came in batches: an event lands in the tile of its own time, at the level of its age.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

from millrace.features.tile_counts import (
    Counts,
    join_counts,
    pack_counts,
    split_counts,
    unpack_counts,
)
from millrace.features.tile_values import (
    Total,
    merge,
    pack_values,
    split_values,
    total_of,
    unpack_values,
)
from millrace.features.tiles import oldest_tile
from millrace.features.windows import Ladder

Cell = TypeVar("Cell", Counts, Total)
Cells = list[dict[int, Cell]]  # by level: tile number → cell

# Half the time of Run(…) or Total(…).
_new = tuple.__new__


@dataclass(frozen=True, slots=True)
class Kind(Generic[Cell]):
    """How one kind of cell is packed, how two cells become one, and how a level is split into
    what stays and what is old enough for coarser tiles (from the level, the first tile that stays,
    and how many times as long the coarser ones are)."""

    pack: Callable[[Mapping[int, Cell]], bytes]
    unpack: Callable[[bytes], dict[int, Cell]]
    join: Callable[[Cell, Cell], Cell]
    split: Callable[[bytes, int, int], tuple[dict[int, Cell], dict[int, Cell]]]


COUNTS: Kind[Counts] = Kind(pack_counts, unpack_counts, join_counts, split_counts)
VALUES: Kind[Total] = Kind(pack_values, unpack_values, merge, split_values)


class Run(NamedTuple):
    """Events from `begin` to before `end` fall into one tile of one level."""

    level: int
    tile: int
    begin: int
    end: int


def tile_runs(ladder: Ladder, floors_s: Sequence[int], times_s: Sequence[int]) -> list[Run]:
    """How events in order of time fall into tiles; what is older than every window is left out."""
    runs: list[Run] = []
    begin = bisect_left(times_s, floors_s[-1])
    for level in range(len(floors_s) - 1, -1, -1):
        tile_s = ladder.tiles_s[level]
        last = bisect_left(times_s, floors_s[level - 1], begin) if level else len(times_s)
        while begin < last:
            tile = times_s[begin] // tile_s
            end = begin + 1
            if end < last and times_s[end] < (tile + 1) * tile_s:
                end = bisect_left(times_s, (tile + 1) * tile_s, end, last)
            runs.append(_new(Run, (level, tile, begin, end)))
            begin = end
    return runs


def count_cells(runs: Sequence[Run], kinds: bytes, types: int, levels: int) -> Cells[Counts]:
    """For each level, tile number → how many events of each kind (below `types`) fall there."""
    found: Cells[Counts] = [{} for _ in range(levels)]
    singles = _singles(types)
    every = range(types)
    for level, tile, begin, end in runs:
        if end - begin == 1:
            found[level][tile] = singles[kinds[begin]]
        else:
            found[level][tile] = (*map(kinds[begin:end].count, every),)
    return found


@cache
def _singles(types: int) -> tuple[Counts, ...]:
    """The counts of one event, by its kind."""
    return tuple(tuple(int(kind == other) for other in range(types)) for kind in range(types))


def value_cells(runs: Sequence[Run], values: Sequence[int], levels: int) -> Cells[Total]:
    """For each level, tile number → the aggregates of the values that fall there."""
    found: Cells[Total] = [{} for _ in range(levels)]
    for level, tile, begin, end in runs:
        if end - begin == 1:
            value = values[begin]
            found[level][tile] = _new(Total, (1, value, value * value, value, value))
        else:
            found[level][tile] = total_of(values[begin:end])
    return found


def updated(
    levels: Sequence[bytes],
    ladder: Ladder,
    floors_s: Sequence[int],
    additions: Cells[Cell],
    kind: Kind[Cell],
) -> list[bytes]:
    """The series with `additions` (cells by level) in it and every cell at the level of its age.

    `floors_s` are the ladder's floors at the latest event's time. Levels that do not change keep
    their bytes.
    """
    result = list(levels)
    sinking: dict[int, Cell] = {}
    for level, (tile_s, floor_s) in enumerate(zip(ladder.tiles_s, floors_s, strict=True)):
        packed = result[level]
        coming = additions[level]
        ageing = packed and oldest_tile(packed) * tile_s < floor_s
        if not (coming or sinking or ageing):
            continue
        older: dict[int, Cell] = {}
        ratio = ladder.tiles_s[level + 1] // tile_s if level + 1 < len(floors_s) else 0
        if ageing and ratio:
            cells, older = kind.split(packed, -(-floor_s // tile_s), ratio)
        else:
            cells = kind.unpack(packed)
        _join(cells, coming, kind)
        _join(cells, sinking, kind)
        # What sank into this level may be too old for it as well.
        for tile in [tile for tile in cells if tile * tile_s < floor_s]:
            cell = cells.pop(tile)
            if ratio:
                _join_one(older, tile // ratio, cell, kind.join)
        sinking = older
        result[level] = kind.pack(cells)
    return result


def _join(cells: dict[int, Cell], others: Mapping[int, Cell], kind: Kind[Cell]) -> None:
    if cells.keys().isdisjoint(others):
        cells.update(others)
        return
    for tile, cell in others.items():
        _join_one(cells, tile, cell, kind.join)


def _join_one(
    cells: dict[int, Cell], tile: int, cell: Cell, join: Callable[[Cell, Cell], Cell]
) -> None:
    present = cells.get(tile)
    cells[tile] = cell if present is None else join(present, cell)
