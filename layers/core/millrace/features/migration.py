"""Carrying a stored profile over to other definitions.

What the old and the new definitions share is kept: events, counts, ids, sessions, and the fields
that go by the same name. A changed scale rescales (exactly, when it grows). A new field, a new
aggregate or a longer window is complete once its longest window has passed since the change; until
then it holds what is known. docs/features.md says so for every kind of change.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from millrace.events import MISSING
from millrace.features.compaction import COUNTS, VALUES, Cell, Kind, updated
from millrace.features.definitions import Category, Number
from millrace.features.layout import Layout
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Profile, TrackState
from millrace.features.tile_values import Total, unpack_values


def migrated(profile: Profile, layout: Layout, plan: Plan) -> Profile:
    """`profile`, which was written under `layout`, under the definitions of `plan`."""
    after = profile.copy()
    same_tiles = layout.tiles_s == plan.ladder.tiles_s
    if profile.counts and not same_tiles:
        after.counts = _retiled(profile.counts, layout, plan, after, COUNTS)
    sources = [_source(field, layout) for field in plan.fields]
    after.raw_fields = [
        array("q", [MISSING] * len(profile.raw_s))
        if source is None or not profile.raw_s
        else array("q", [_scaled(value, ratio) for value in profile.raw_fields[source]])
        for source, ratio in sources
    ]
    after.tracks, after.lasts = {}, {}
    wanted = {(ALL, track.field) for track in plan.tracks_of_all}
    wanted |= {(ALL, index) for index, _ in enumerate(plan.numbers)}
    for name in profile.types:
        wanted |= {(name, track.field) for track in plan.tracks_of_type(name)}
    for scope, field in wanted:
        source, ratio = sources[field]
        if source is None:
            continue
        state = profile.tracks.get((scope, source))
        if state is not None:
            kept = _rescaled(state, ratio)
            if not same_tiles:
                kept = kept._replace(levels=_retiled(kept.levels, layout, plan, after, VALUES))
            after.tracks[scope, field] = kept
        last = profile.lasts.get((scope, source))
        if last is not None:
            after.lasts[scope, field] = last._replace(value=_scaled(last.value, ratio))
    return after


class _Ratio(NamedTuple):
    """What an old integer must be multiplied with, then divided by."""

    times: int
    by: int


_SAME = _Ratio(1, 1)


def _source(field: Number | Category, layout: Layout) -> tuple[int | None, _Ratio]:
    """Which old field a new one continues, and the ratio of their scales."""
    for index, old in enumerate(layout.fields):
        if old.name == field.name and type(old) is type(field):
            if isinstance(old, Number) and isinstance(field, Number):
                grown = field.scale - old.scale
                return index, _Ratio(10 ** max(grown, 0), 10 ** max(-grown, 0))
            return index, _SAME
    return None, _SAME


def _scaled(value: int, ratio: _Ratio) -> int:
    if value == MISSING or ratio == _SAME:
        return value
    # What does not fit a column at the new scale is as large as it can be.
    return max(MISSING + 1, min(_divided(value * ratio.times, ratio.by), -MISSING - 1))


def _divided(value: int, by: int) -> int:
    """To the nearest integer, halves up."""
    return (value + by // 2) // by


def _rescaled(state: TrackState, ratio: _Ratio) -> TrackState:
    if ratio == _SAME:
        return state
    levels = [
        VALUES.pack({tile: _rescaled_total(t, ratio) for tile, t in unpack_values(level).items()})
        for level in state.levels
    ]
    return TrackState(levels, state.distinct.mapped(lambda value: _scaled(value, ratio)))


def _rescaled_total(total: Total, ratio: _Ratio) -> Total:
    summed = _divided(total.sum * ratio.times, ratio.by)
    squares = total.squares * ratio.times**2 // ratio.by**2
    # Of no numbers are the squares less than this; rounding must not take a root of less than 0.
    least = -(-(summed**2) // total.n)
    low, high = _scaled(total.low, ratio), _scaled(total.high, ratio)
    return Total(total.n, summed, max(squares, least), low, high)


def _retiled(
    levels: list[bytes], layout: Layout, plan: Plan, profile: Profile, kind: Kind[Cell]
) -> list[bytes]:
    """A series on the new ladder: each cell at the finest level that is no finer than itself."""
    ladder = plan.ladder
    if not any(levels):  # written as nothing, whatever the ladder was
        return list(plan.no_levels)
    floors_s = ladder.floors(profile.latest_ms, coarse=profile.coarse)
    additions: list[dict[int, Cell]] = [{} for _ in ladder.tiles_s]
    for level, old_tile_s in zip(levels, layout.tiles_s, strict=True):
        fitting = [i for i, tile_s in enumerate(ladder.tiles_s) if tile_s >= old_tile_s]
        place = fitting[0] if fitting else len(ladder.tiles_s) - 1
        for tile, cell in kind.unpack(level).items():
            new_tile = tile * old_tile_s // ladder.tiles_s[place]
            present = additions[place].get(new_tile)
            additions[place][new_tile] = cell if present is None else kind.join(present, cell)
    return updated([b""] * len(ladder.tiles_s), ladder, floors_s, additions, kind)
