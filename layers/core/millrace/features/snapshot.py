"""Features from a profile, as of a moment: counts fall as time passes, without a write.

Every feature is a plain number, or None where there is nothing to aggregate. Names:

- ``count_5m`` and, for a number called metric, ``metric_sum_5m``, ``_mean_``, ``_min_``, ``_max_``,
  ``_std_`` (of the population), ``_distinct_``; ``metric_last``;
- ``recency_s``: seconds since the last event; ``session_count``, ``session_length_s`` and
  ``session_events`` (0 once the gap has passed);
- for one event type the same with the type behind a dot: ``count_5m.view``, ``recency_s.view``.

A moment before the newest event is taken as the newest event's time: a clock that is a little slow
does not make events vanish.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress
from math import sqrt
from operator import add

from millrace.events import MISSING
from millrace.features.definitions import Track
from millrace.features.fold import raw_values
from millrace.features.names import FieldNames
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Profile
from millrace.features.tiles import EMPTY, Total, counts_since, merge, total_of, values_since
from millrace.features.windows import PLAIN_WINDOW_S, tile_for, window_start_s

Features = dict[str, float | int | None]

_NOTHING = (0.0, None, None, None, None)  # of no event: a sum of 0, and nothing else


def snapshot(profile: Profile, plan: Plan, at_ms: int) -> Features:
    """All features of a profile as of `at_ms` (milliseconds since the epoch)."""
    latest_ms = profile.latest_ms
    at_ms = max(at_ms, latest_ms)
    starts_s = [-((length - at_ms) // tile) * tile // 1000 for length, tile in plan.windows_ms]
    counts = _counts_by_type(profile, plan, starts_s)
    totals = [sum(column) for column in zip(*counts, strict=True)] if counts else plan.no_counts
    features: Features = dict(zip(plan.names.counts, totals, strict=True))
    for track in plan.tracks_of_all:
        names = plan.names_of_field(track.field)
        _field_features(features, names, profile, plan, track, ALL, starts_s)
    sessions = profile.sessions
    on = sessions.is_on(at_ms, plan.session_gap_ms)
    length_ms = sessions.ends_ms[-1] - sessions.starts_ms[-1] if on else 0
    features[plan.names.recency] = (at_ms - latest_ms) / 1000 if counts else None
    features["session_count"] = sessions.count
    features["session_length_s"] = length_ms / 1000
    features["session_events"] = sessions.events[-1] if on else 0
    for kind, event_type in enumerate(profile.types):
        if event_type:
            type_names = plan.names_of_type(event_type)
            features.update(zip(type_names.counts, counts[kind], strict=True))
            features[type_names.recency] = (at_ms - profile.type_last_ms[kind]) / 1000
            if plan.has_type_tracks:
                for track in plan.tracks_of_type(event_type):
                    names = plan.names_of_field(track.field, event_type)
                    _field_features(features, names, profile, plan, track, event_type, starts_s)
    return features


def plain_count(profile: Profile, plan: Plan) -> int:
    """Events in the five minutes up to the newest event: the plain attribute `count5min`."""
    start_s = window_start_s(PLAIN_WINDOW_S, tile_for(PLAIN_WINDOW_S), profile.latest_ms)
    count = len(profile.raw_s) - bisect_left(profile.raw_s, start_s)
    for levels in profile.counts:
        if any(levels):
            count += counts_since(levels, plan.ladder, [start_s])[0]
    return count


def _counts_by_type(profile: Profile, plan: Plan, starts_s: Sequence[int]) -> list[list[int]]:
    """For every type of the profile, its count in each window."""
    times, types = profile.raw_s, bytes(profile.raw_type)
    raw = [types[bisect_left(times, start_s) :] for start_s in starts_s]
    found = []
    for kind, levels in enumerate(profile.counts):
        counts = [newest.count(kind) for newest in raw]
        if any(levels):
            counts = list(map(add, counts, counts_since(levels, plan.ladder, starts_s)))
        found.append(counts)
    return found


def _field_features(
    features: Features,
    names: FieldNames,
    profile: Profile,
    plan: Plan,
    track: Track,
    scope: str,
    starts_s: Sequence[int],
) -> None:
    """Add the aggregates of one field over one scope."""
    state = profile.tracks.get((scope, track.field))
    times, values = _raw_of(profile, track.field, scope)
    firsts = [bisect_left(times, start_s) for start_s in starts_s]
    unit = plan.units[track.field]
    if track.tiles:
        totals = _raw_totals(values, firsts)
        if state is not None and any(state.levels):
            totals = list(map(merge, totals, values_since(state.levels, plan.ladder, starts_s)))
        figures: list[float | None] = []
        for total in totals:
            figures += _figures(total, unit)
        features.update(zip(names.tiled, compress(figures, names.wanted), strict=True))
    if track.distinct:
        if state is not None and state.distinct:
            counts = state.distinct.counts_since(starts_s)
        else:
            counts = _raw_distinct(values, firsts)
        features.update(zip(names.distinct, counts, strict=True))
    if names.last:
        last = state.last if state is not None else None
        features[names.last] = None if last is None else last.value / unit


def _raw_of(profile: Profile, field: int, scope: str) -> tuple[Sequence[int], Sequence[int]]:
    """Seconds and values of the raw events in the scope that have the field."""
    column = profile.raw_fields[field]
    if scope == ALL and MISSING not in column:
        return profile.raw_s, column
    return raw_values(profile, field, None if scope == ALL else profile.types.index(scope))


def _raw_totals(values: Sequence[int], firsts: Sequence[int]) -> list[Total]:
    """The aggregates of `values[first:]` for every first, which fall."""
    totals = []
    total, end = EMPTY, len(values)
    for first in firsts:
        if first < end:
            total = merge(total, total_of(values[first:end]))
            end = first
        totals.append(total)
    return totals


def _raw_distinct(values: Sequence[int], firsts: Sequence[int]) -> list[int]:
    """How many different values `values[first:]` holds for every first, which fall."""
    counts = []
    seen: set[int] = set()
    end = len(values)
    for first in firsts:
        seen.update(values[first:end])
        end = first
        counts.append(len(seen))
    return counts


def _figures(total: Total, unit: int) -> tuple[float | None, ...]:
    """The aggregates of a total, in the order of `names.TILED`."""
    n, summed, squares, low, high = total
    if not n:
        return _NOTHING
    many = n * unit
    # In integers up to the root, so that it does not depend on the order of arrival.
    deviation = sqrt(n * squares - summed * summed) / many if n > 1 else 0.0
    return (summed / unit, summed / many, low / unit, high / unit, deviation)
