"""Levels of tiles: what is packed comes back, and is split as joining cell by cell would."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from millrace.features.compaction import COUNTS, VALUES, Cell, Kind
from millrace.features.tile_counts import Counts
from millrace.features.tile_values import Total, total_of
from millrace.features.tiles import coarser

RATIOS = st.integers(1, 20)
# Tiles near one another, and far apart.
TILES = st.one_of(st.integers(1_000, 1_200), st.integers(0, 2**31))
NUMBERS = st.one_of(st.integers(-50, 50), st.integers(-(2**62), 2**62))


@st.composite
def counts(draw: st.DrawFn) -> dict[int, Counts]:
    types = draw(st.integers(1, 6))
    row = st.tuples(*[st.integers(0, 300)] * types)
    return draw(st.dictionaries(TILES, row, min_size=1, max_size=60))


values = st.dictionaries(
    TILES, st.lists(NUMBERS, min_size=1, max_size=4).map(total_of), min_size=1, max_size=60
)


def is_split_as_cell_by_cell(
    cells: dict[int, Cell], floor: int, ratio: int, kind: Kind[Cell]
) -> None:
    older: dict[int, Cell] = {}
    for tile, cell in cells.items():
        if tile < floor:
            place = tile // ratio
            older[place] = kind.join(older[place], cell) if place in older else cell
    level = kind.pack(cells)
    assert kind.unpack(level) == cells
    kept = {tile: cell for tile, cell in cells.items() if tile >= floor}
    assert kind.split(level, floor, ratio) == (kept, older)


@given(counts(), st.one_of(TILES, st.just(0)), RATIOS)
def test_counts_are_split_as_cell_by_cell(cells: dict[int, Counts], floor: int, ratio: int) -> None:
    is_split_as_cell_by_cell(cells, floor, ratio, COUNTS)


@given(values, st.one_of(TILES, st.just(0)), RATIOS)
def test_values_are_split_as_cell_by_cell(cells: dict[int, Total], floor: int, ratio: int) -> None:
    is_split_as_cell_by_cell(cells, floor, ratio, VALUES)


@given(st.lists(TILES, unique=True).map(sorted), st.data(), RATIOS)
def test_coarser_tiles_hold_each_cell_once(
    tiles: list[int], data: st.DataObject, ratio: int
) -> None:
    end = data.draw(st.integers(0, len(tiles)))
    runs = coarser(tiles, end, ratio)
    assert [tiles[at] // ratio for _, begin, after in runs for at in range(begin, after)] == [
        tile for tile, begin, after in runs for _ in range(begin, after)
    ]
    assert [begin for _, begin, _ in runs] == [0, *(after for _, _, after in runs[:-1])][
        : len(runs)
    ]
    assert (runs[-1][2] if runs else 0) == end
    assert all(one[0] < other[0] for one, other in pairwise(runs))
