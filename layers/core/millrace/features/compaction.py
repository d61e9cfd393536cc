"""Adding events to a series of tiles, and moving cells to coarser tiles as they age.

The result depends only on the set of events and the latest event's time, not on how the events
came in batches: an event lands in the tile of its own time, at the level of its age.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from millrace.features.tile_counts import Counts, join_counts, pack_counts, unpack_counts
from millrace.features.tile_values import Total, merge, pack_values, total_of, unpack_values
from millrace.features.tiles import oldest_tile
from millrace.features.windows import Ladder

Cell = TypeVar("Cell", Counts, Total)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Cell]):
    """How one kind of cell is packed, and how two cells become one."""

    pack: Callable[[Mapping[int, Cell]], bytes]
    unpack: Callable[[bytes], dict[int, Cell]]
    join: Callable[[Cell, Cell], Cell]


COUNTS: Kind[Counts] = Kind(pack_counts, unpack_counts, join_counts)
VALUES: Kind[Total] = Kind(pack_values, unpack_values, merge)


def level_of(floors_s: Sequence[int], time_s: int) -> int | None:
    """Which level an event of this time belongs to; None when it is older than every window."""
    for level, floor_s in enumerate(floors_s):
        if time_s >= floor_s:
            return level
    return None


def count_cells(
    ladder: Ladder,
    floors_s: Sequence[int],
    times_s: Iterable[int],
    kinds: Iterable[int],
    types: int,
) -> list[dict[int, Counts]]:
    """For each level, tile number → how many events of each kind (below `types`) fall there."""
    found: list[dict[int, list[int]]] = [{} for _ in floors_s]
    for time_s, kind in zip(times_s, kinds, strict=True):
        level = level_of(floors_s, time_s)
        if level is not None:
            tile = time_s // ladder.tiles_s[level]
            counts = found[level].get(tile)
            if counts is None:
                counts = found[level][tile] = [0] * types
            counts[kind] += 1
    return [{tile: tuple(counts) for tile, counts in cells.items()} for cells in found]


def value_cells(
    ladder: Ladder, floors_s: Sequence[int], times_s: Iterable[int], values: Iterable[int]
) -> list[dict[int, Total]]:
    """For each level, tile number → the aggregates of the values that fall there."""
    found: list[dict[int, list[int]]] = [{} for _ in floors_s]
    for time_s, value in zip(times_s, values, strict=True):
        level = level_of(floors_s, time_s)
        if level is not None:
            found[level].setdefault(time_s // ladder.tiles_s[level], []).append(value)
    return [{tile: total_of(here) for tile, here in cells.items()} for cells in found]


def updated(
    levels: Sequence[bytes],
    ladder: Ladder,
    floors_s: Sequence[int],
    additions: Sequence[dict[int, Cell]],
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
        cells = kind.unpack(packed)
        _join(cells, coming, kind)
        _join(cells, sinking, kind)
        sinking = {}
        if level + 1 < len(floors_s):
            ratio = ladder.tiles_s[level + 1] // tile_s
            for tile in [tile for tile in cells if tile * tile_s < floor_s]:
                _join(sinking, {tile // ratio: cells.pop(tile)}, kind)
        else:
            for tile in [tile for tile in cells if tile * tile_s < floor_s]:
                del cells[tile]
        result[level] = kind.pack(cells)
    return result


def _join(cells: dict[int, Cell], others: Mapping[int, Cell], kind: Kind[Cell]) -> None:
    for tile, cell in others.items():
        present = cells.get(tile)
        cells[tile] = cell if present is None else kind.join(present, cell)
