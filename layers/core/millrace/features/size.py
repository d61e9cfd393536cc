"""The hard bound on a packed profile, and what follows from it.

A DynamoDB write costs a unit for every KB, and an item takes at most 1,000 units a second, so a
profile must stay small however busy its user is. The bound is kept in three ways: the number of
event types that are kept apart is limited to what fits at the worst (here), a profile that grows
too large keeps its older tiles at the coarsest size (`compact`, in profile.py), and it remembers
fewer event ids, which raises its late floor and is counted.
"""

from __future__ import annotations

from millrace.features.definitions import Entity, EventMapping, Track, tracks_of

MAX_PROFILE_BYTES = 64 * 1024

# What is not tiles or distinct counts: header, names, recent events, sessions, 256 event ids.
_BASE_BYTES = 8 * 1024
# The widest cells: offset 1, count 3 on average, sum 8, sum of squares 16, extremes 8 each.
_COUNT_CELL_BYTES = 4
_SUM_BYTES, _SQUARES_BYTES, _EXTREMES_BYTES = 8, 16, 16
_DISTINCT_BYTES = 7 * 1024


def _track_bytes(track: Track, cells: int) -> int:
    cell = _COUNT_CELL_BYTES + _SUM_BYTES + _SQUARES_BYTES + _EXTREMES_BYTES
    return cells * cell * track.tiles + _DISTINCT_BYTES * track.distinct


def type_capacity(event: EventMapping, entity: Entity) -> int:
    """How many event types a profile of `entity` keeps apart: `max_types`, or fewer if they must
    fit; below 1, the definitions do not fit at all.
    """
    cells = entity.ladder.cells(coarse=True)
    tracks = tracks_of(event, entity)
    fixed = _BASE_BYTES + sum(_track_bytes(t, cells) for t in tracks if t.scope != "*")
    each = _COUNT_CELL_BYTES * cells
    each += sum(_track_bytes(t, cells) for t in tracks if t.scope == "*")
    return min(entity.max_types, (MAX_PROFILE_BYTES - fixed) // each)
