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

from millrace.events import MISSING
from millrace.features.ageing import raw_values
from millrace.features.definitions import Track
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Profile
from millrace.features.tile_counts import counts_since, total_since
from millrace.features.tile_values import EMPTY, Total, merge, total_of, values_since
from millrace.features.windows import PLAIN_WINDOW_S, tile_for, window_start_s

Features = dict[str, float | int | None]

_PLAIN_TILE_S = tile_for(PLAIN_WINDOW_S)
_NOTHING = (0.0, None, None, None, None)  # of no event: a sum of 0, and nothing else


def snapshot(profile: Profile, plan: Plan, at_ms: int) -> Features:
    """All features of a profile as of `at_ms` (milliseconds since the epoch)."""
    at_ms = max(at_ms, profile.latest_ms)
    starts_s = [-((length - at_ms) // tile) * tile // 1000 for length, tile in plan.windows_ms]
    if plan.windows_may_cross and starts_s != sorted(starts_s, reverse=True):
        # What follows goes from the newest start to the oldest.
        order = sorted(range(len(starts_s)), key=starts_s.__getitem__, reverse=True)
        found = snapshot(profile, plan.reordered(tuple(order)), at_ms)
        return {name: found[name] for name in plan.names(profile.types) if name}
    times = profile.raw_s
    firsts = [bisect_left(times, start_s) for start_s in starts_s]
    totals, counts = _counts(profile, plan, starts_s, firsts)
    # Figures come in the order of `Plan.names`: one dictionary is made, at the end.
    figures: list[float | int | None] = [*totals]
    figures.append((at_ms - profile.latest_ms) / 1000 if counts else None)
    for track in plan.tracks_of_all:
        _add_field(figures, profile, plan, track, ALL, starts_s, firsts)
    sessions = profile.sessions
    if sessions.is_on(at_ms, plan.session_gap_ms):
        length_ms = sessions.ends_ms[-1] - sessions.starts_ms[-1]
        figures += (sessions.count, length_ms / 1000, sessions.events[-1])
    else:
        figures += (sessions.count, 0.0, 0)
    for event_type, last_ms, of_type in zip(
        profile.types, profile.type_last_ms, counts, strict=True
    ):
        figures += of_type
        figures.append((at_ms - last_ms) / 1000)
        if plan.has_type_tracks:
            for track in plan.tracks_of_type(event_type):
                _add_field(figures, profile, plan, track, event_type, starts_s, firsts)
    features = dict(zip(plan.names(profile.types), figures, strict=True))
    # Events without a type are counted among all, and have no features of their own.
    features.pop("", None)
    return features


def plain_count(profile: Profile, plan: Plan, at_ms: int = 0) -> int:
    """Events in the five minutes up to `at_ms`, or up to the newest event where that is later.

    What the plain attribute `count5min` counts.
    """
    start_s = window_start_s(PLAIN_WINDOW_S, _PLAIN_TILE_S, max(at_ms, profile.latest_ms))
    count = len(profile.raw_s) - bisect_left(profile.raw_s, start_s)
    if profile.counts:
        count += total_since(profile.counts, plan.ladder, start_s)
    return count


def _counts(
    profile: Profile, plan: Plan, starts_s: Sequence[int], firsts: Sequence[int]
) -> tuple[list[int], list[list[int]]]:
    """How many events each window holds, over all types and by type."""
    types = profile.raw_type
    count = types.count
    totals = [len(types) - first for first in firsts]
    by_type = [[count(kind, first) for first in firsts] for kind in range(len(profile.types))]
    if profile.counts:
        for window, older in enumerate(counts_since(profile.counts, plan.ladder, starts_s)):
            totals[window] += sum(older)
            for kind, tiled in enumerate(older):
                by_type[kind][window] += tiled
    return totals, by_type


def _add_field(
    figures: list[float | int | None],
    profile: Profile,
    plan: Plan,
    track: Track,
    scope: str,
    starts_s: Sequence[int],
    firsts: Sequence[int],
) -> None:
    """Add the aggregates of one field over one scope."""
    state = profile.tracks.get((scope, track.field))
    values: Sequence[int] = profile.raw_fields[track.field]
    if scope != ALL or MISSING in values:
        kind = None if scope == ALL else profile.types.index(scope)
        times, values = raw_values(profile, track.field, kind)
        firsts = [bisect_left(times, start_s) for start_s in starts_s]
    unit = plan.units[track.field]
    if track.tiles:
        totals = _raw_totals(values, firsts)
        if state is not None and any(state.levels):
            totals = list(map(merge, totals, values_since(state.levels, plan.ladder, starts_s)))
        _add_figures(figures, totals, unit, track.wanted)
    if track.distinct:
        if state is not None and state.distinct:
            figures += state.distinct.counts_since(starts_s)
        else:
            figures += _raw_distinct(values, firsts)
    if track.last:
        last = profile.lasts.get((scope, track.field))
        figures.append(None if last is None else last.value / unit)


def _raw_totals(values: Sequence[int], firsts: Sequence[int]) -> list[Total]:
    """The aggregates of `values[first:]` for every first, which fall."""
    totals: list[Total] = []
    total = EMPTY
    end = len(values)
    for first in firsts:
        if first < end:
            newer = total_of(values[first:end])
            total = merge(total, newer) if total.n else newer
            end = first
        totals.append(total)
    return totals


def _raw_distinct(values: Sequence[int], firsts: Sequence[int]) -> list[int]:
    """How many different values `values[first:]` holds for every first, which fall."""
    counts = []
    seen: set[int] = set()
    end = len(values)
    for first in firsts:
        if first < end:
            seen.update(values[first:end])
            end = first
        counts.append(len(seen))
    return counts


def _add_figures(
    figures: list[float | int | None], totals: Sequence[Total], unit: int, wanted: Sequence[bool]
) -> None:
    previous = None
    for total in totals:
        # Quiet users have the same events in many windows.
        if total is not previous:
            these = _figures(total, unit)
            if False in wanted:
                these = tuple(compress(these, wanted))
            previous = total
        figures += these


def _figures(total: Total, unit: int) -> tuple[float | None, ...]:
    """The aggregates of a total, in the order of `TILED`."""
    n, summed, squares, low, high = total
    if not n:
        return _NOTHING
    many = n * unit
    # In integers up to the root, so that it does not depend on the order of arrival.
    deviation = sqrt(n * squares - summed * summed) / many if n > 1 else 0.0
    return (summed / unit, summed / many, low / unit, high / unit, deviation)
