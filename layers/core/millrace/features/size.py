"""The hard bound on a packed profile, and what keeps a profile within it.

A DynamoDB write costs a unit for every KB, and an item takes at most 1,000 units a second, so a
profile must stay small however busy its user is. Counters of distinct values have a fixed bound of
their own, so definitions that ask for more of them than fit are refused, or keep fewer event types
apart (here). Tiles give way: a profile that grows too large keeps its older ones at the coarsest
size, then at multiples of that, gives the finest ones up, and remembers fewer event ids (bounds).
"""

from __future__ import annotations

from millrace.features.definitions import Entity, EventMapping, tracks_of

MAX_PROFILE_BYTES = 64 * 1024

# What is neither a distinct count nor a tile that can give way: header, names, the newest events,
# sessions, event ids down to the least that is remembered.
_BASE_BYTES = 12 * 1024
DISTINCT_BYTES = 7 * 1024
_SERIES_BYTES = 400  # one cell in each of two levels, a long name, a last value


def type_capacity(event: EventMapping, entity: Entity) -> int:
    """How many event types a profile of `entity` keeps apart, those that it names included.

    That is `max_types`, or as many as fit where types keep much; below 1, or below the number of
    types that are named, the definitions do not fit at all.
    """
    tracks = tracks_of(event, entity)
    named = entity.by_type.keys() - {"*"}
    series = sum(1 for t in tracks if t.scope in named) + len(named)
    fixed = _BASE_BYTES + _SERIES_BYTES * series
    fixed += sum(DISTINCT_BYTES * t.distinct for t in tracks if t.scope != "*")
    each = _SERIES_BYTES * (1 + sum(t.scope == "*" for t in tracks))
    each += sum(DISTINCT_BYTES * t.distinct for t in tracks if t.scope == "*")
    return min(entity.max_types, len(named) + (MAX_PROFILE_BYTES - fixed) // each)
