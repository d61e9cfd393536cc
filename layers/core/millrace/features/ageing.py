"""What happens to events as they age: raw ones go into tiles, tiles into coarser ones; ids go."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.events import MISSING
from millrace.features.compaction import (
    COUNTS,
    VALUES,
    Run,
    count_cells,
    tile_runs,
    updated,
    value_cells,
)
from millrace.features.definitions import Track
from millrace.features.distinct import Distinct
from millrace.features.plan import Plan
from millrace.features.profile import ALL, NO_TIMES, NO_TYPES, NO_VALUES, Profile, TrackState
from millrace.features.tile_counts import Counts
from millrace.features.tile_values import Total


def floors_of(profile: Profile, plan: Plan) -> list[int]:
    """The floors of the profile's levels: see `Ladder.floors`."""
    return plan.ladder.floors(profile.latest_ms, coarse=profile.coarse)


def sink_raw(profile: Profile, plan: Plan, floors_s: Sequence[int]) -> None:
    """Move every raw event into tiles, and every tile to the level of its age."""
    ladder = plan.ladder
    runs = tile_runs(ladder, floors_s, profile.raw_s)
    cells = count_cells(runs, profile.raw_type, len(profile.types), len(floors_s))
    levels = profile.counts or [b""] * len(floors_s)
    profile.counts = updated(levels, ladder, floors_s, cells, COUNTS)
    scopes: list[tuple[str, int | None, tuple[Track, ...]]] = [(ALL, None, plan.tracks_of_all)]
    if plan.has_type_tracks:
        scopes += [(name, i, plan.tracks_of_type(name)) for i, name in enumerate(profile.types)]
    tracks = profile.tracks.copy()
    for scope, kind_of_scope, wanted in scopes:
        for track in wanted:
            state = tracks.get((scope, track.field)) or TrackState(plan.no_levels, Distinct())
            tracks[scope, track.field] = _sunk(
                profile, plan, floors_s, runs, kind_of_scope, track, state
            )
    profile.tracks = tracks
    profile.raw_s, profile.raw_type = NO_TIMES, NO_TYPES
    profile.raw_fields = [NO_VALUES] * len(profile.raw_fields)


def _sunk(
    profile: Profile,
    plan: Plan,
    floors_s: Sequence[int],
    runs: Sequence[Run],
    kind: int | None,
    track: Track,
    state: TrackState,
) -> TrackState:
    """A track with the raw events of one type, or of all, in it; `runs` are those of all."""
    times, values = raw_values(profile, track.field, kind)
    levels, distinct = state
    if track.tiles:
        if times is not profile.raw_s:
            runs = tile_runs(plan.ladder, floors_s, times)
        cells = value_cells(runs, values, len(floors_s))
        levels = updated(levels, plan.ladder, floors_s, cells, VALUES)
    if track.distinct and values and not distinct:
        # From here on the counter is complete by itself, raw events included.
        distinct = Distinct()
        distinct.add(values, times)
        distinct.settle(floors_s[-1])
    return TrackState(levels, distinct)


def sink_tiles(profile: Profile, plan: Plan, floors_s: Sequence[int]) -> None:
    """Move every tile to the level of its age, and forget what no window can reach."""
    counts: list[dict[int, Counts]] = [{} for _ in floors_s]
    values: list[dict[int, Total]] = [{} for _ in floors_s]
    profile.counts = updated(profile.counts, plan.ladder, floors_s, counts, COUNTS)
    if not any(profile.counts):
        profile.counts = []
    profile.tracks = {
        key: state._replace(levels=updated(state.levels, plan.ladder, floors_s, values, VALUES))
        for key, state in profile.tracks.items()
    }


def raw_values(
    profile: Profile, field: int, kind: int | None
) -> tuple[Sequence[int], Sequence[int]]:
    """Seconds and values of the raw events that have this field, of one type or of all."""
    column = profile.raw_fields[field]
    if kind is None and MISSING not in column:
        return profile.raw_s, [*column]  # a list is quicker to go through again and again
    rows = zip(profile.raw_s, profile.raw_type, column, strict=True)
    kept = [
        (time_s, value)
        for time_s, other, value in rows
        if value != MISSING and (kind is None or other == kind)
    ]
    return [time_s for time_s, _ in kept], [value for _, value in kept]


def forget_ids(profile: Profile, lateness_ms: int, most: int) -> None:
    """Forget the ids that can only come again late, and raise the late floor beyond `most`."""
    ids = profile.ids
    if ids.forget_before(profile.late_floor_ms(lateness_ms) // 1000) > most:
        # Keep three quarters, so that a hot user does not raise its floor at every write.
        first_s = ids.newest_kept(most * 3 // 4)
        profile.floor_ms = max(profile.floor_ms, first_s * 1000)
        profile.floor_raises += 1
        ids.forget_before(first_s)
