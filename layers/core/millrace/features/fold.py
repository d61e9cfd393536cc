"""How events change a profile: pure, and the same for live events, replay and redrive.

The result depends on the set of distinct events, not on their order within the allowed lateness nor
on how they were batched, as long as none was late.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal, NamedTuple

from millrace.events import MISSING, Event
from millrace.features.ageing import floors_of, forget_ids, sink_raw, sink_tiles
from millrace.features.definitions import OTHER_TYPE
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Last, Profile, TrackState

RAW_MOST = 64
IDS_MOST = 4096

# From here on it pays to look whether a batch can be appended in one go.
_MANY = 8


class Change(NamedTuple):
    """What a fold did: how many events it applied, and which (by index) it knew or found late."""

    applied: int
    duplicates: list[int]
    late: list[int]


def fold(
    profile: Profile, events: Sequence[Event], plan: Plan, *, whatever_the_lateness: bool = False
) -> tuple[Profile, Change]:
    """The profile after `events`, in the order given, and what became of each.

    An event before the late floor is late, one whose id is remembered is a duplicate; neither
    changes a feature, both are counted. With `whatever_the_lateness` (events that are known to be
    missing are redriven) none is late.
    """
    assert not profile.partial, "a profile unpacked for reading cannot be folded"
    after = profile.copy()
    duplicates: list[int] = []
    late: list[int] = []
    added = events
    if len(events) >= _MANY and _are_new_and_in_order(after, events):
        _append_all(after, events, plan)
    else:
        lateness_ms = None if whatever_the_lateness else plan.lateness_ms
        added = _add_each(after, events, plan, lateness_ms, duplicates, late)
        after.duplicates += len(duplicates)
        after.late += len(late)
    if added:
        after.accepted += len(added)
        _keep_last_values(after, added, plan)
        _settle(after, added, plan)
    return after, Change(len(added), duplicates, late)


def _add_each(
    after: Profile,
    events: Sequence[Event],
    plan: Plan,
    lateness_ms: int | None,
    duplicates: list[int],
    late: list[int],
) -> Sequence[Event]:
    """Add events one by one, whatever they are; those that were added."""
    times, raw_type, columns = _own_columns(after)
    remember, add_to_sessions = after.ids.add, after.sessions.add
    kind_of, newest_of_kind = plan.type_indexes(after.types), after.type_last_ms
    gap_ms, latest_ms = plan.session_gap_ms, after.latest_ms
    floor_ms = 0 if lateness_ms is None else after.late_floor_ms(lateness_ms)
    added: list[Event] = []
    for index, event in enumerate(events):
        event_id, id_hash, time_ms, event_type, _, fields = event
        if time_ms < floor_ms:
            late.append(index)
            continue
        time_s = time_ms // 1000
        if event_id is not None and not remember(id_hash, time_s, floor_ms // 1000):
            duplicates.append(index)
            continue
        added.append(event)
        kind = kind_of.get(event_type)
        if kind is None:
            kind = _admitted(after, plan, event_type)
            kind_of = plan.type_indexes(after.types)
        if time_ms > newest_of_kind[kind]:
            newest_of_kind[kind] = time_ms
        add_to_sessions(time_ms, gap_ms)
        at = len(times)
        if at and time_s < times[-1]:
            at = bisect_right(times, time_s)
        times.insert(at, time_s)
        raw_type.insert(at, kind)
        for column, value in zip(columns, fields, strict=True):
            column.insert(at, value)
        if time_ms > latest_ms:
            latest_ms = time_ms
            if lateness_ms is not None and latest_ms - lateness_ms > floor_ms:
                floor_ms = latest_ms - lateness_ms
    after.latest_ms = latest_ms
    return added


def _own_columns(after: Profile) -> tuple[array[int], array[int], list[array[int]]]:
    """Columns for raw events that may be changed, in the place of those that it shares."""
    times, raw_type = _own("I", after.raw_s), _own("B", after.raw_type)
    columns = [_own("q", column) for column in after.raw_fields]
    after.raw_s, after.raw_type, after.raw_fields = times, raw_type, [*columns]
    return times, raw_type, columns


def _own(code: Literal["I", "B", "q"], values: Sequence[int]) -> array[int]:
    # A slice of an array is a plain copy of memory.
    return values[:] if isinstance(values, array) else array(code, values)


def _are_new_and_in_order(profile: Profile, events: Sequence[Event]) -> bool:
    """Whether it can be told quickly that none is late, a duplicate, or out of order."""
    ids, hashes, times_ms, *_ = zip(*events, strict=True)
    return (
        times_ms[0] >= max(profile.latest_ms, profile.floor_ms)
        and list(times_ms) == sorted(times_ms)
        and None not in ids
        and profile.ids.are_new(hashes)
    )


def _append_all(after: Profile, events: Sequence[Event], plan: Plan) -> None:
    """Add events that are new and in order, column by column: as one by one, but quicker."""
    _, hashes, times_ms, types, _, fields = zip(*events, strict=True)
    kind_of = {name: _admitted(after, plan, name) for name in dict.fromkeys(types)}
    kinds = [kind_of[name] for name in types]
    for kind, time_ms in dict(zip(kinds, times_ms, strict=True)).items():
        after.type_last_ms[kind] = time_ms
    times_s = [time_ms // 1000 for time_ms in times_ms]
    after.latest_ms = times_ms[-1]
    after.ids.extend(hashes, times_s)
    after.sessions.extend(times_ms, plan.session_gap_ms)
    times, raw_type, columns = _own_columns(after)
    times.extend(times_s)
    raw_type.extend(kinds)
    for column, values in zip(columns, zip(*fields, strict=True), strict=True):
        column.extend(values)


def _admitted(profile: Profile, plan: Plan, name: str) -> int:
    """The index for a type that the profile may not have yet.

    Types that features.toml names always have a place; of the others only as many as fit.
    """
    if name in profile.types:
        return profile.types.index(name)
    named = plan.entity.by_type.keys() - {"*"}
    if name not in named:
        unnamed = sum(known not in named for known in profile.types)
        if unnamed >= plan.type_capacity - len(named):
            name = OTHER_TYPE
    if name not in profile.types:
        profile.types += (name,)
        profile.type_last_ms.append(0)
    return profile.types.index(name)


def _scope_of(profile: Profile, event_type: str) -> str:
    return event_type if event_type in profile.types else OTHER_TYPE


def _keep_last_values(profile: Profile, added: Sequence[Event], plan: Plan) -> None:
    """Remember each number's last value, over all types and where a type has tracks."""
    for field, _ in enumerate(plan.numbers):
        _keep_last(profile, ALL, field, added)
    if plan.has_type_tracks:
        for event in added:
            scope = _scope_of(profile, event.type)
            for track in plan.tracks_of_type(scope):
                # Asked for or not: what is asked for later must not find an older one.
                _keep_last(profile, scope, track.field, (event,))


def _keep_last(profile: Profile, scope: str, field: int, events: Sequence[Event]) -> None:
    known = newest = profile.lasts.get((scope, field))
    newest_ms = 0 if newest is None else newest.time_ms
    # From the newest, where they are in order: then the first is enough.
    for event in reversed(events):
        time_ms = event.time_ms
        if time_ms >= newest_ms and event.fields[field] != MISSING:
            last = Last(time_ms, _scope_of(profile, event.type), event.fields[field])
            if newest is None or last > newest:
                newest, newest_ms = last, time_ms
    if newest is not known and newest is not None:
        profile.lasts = {**profile.lasts, (scope, field): newest}


def _settle(profile: Profile, added: Sequence[Event], plan: Plan) -> None:
    """Bring a profile back within its bounds after events were added."""
    oldest_s = plan.ladder.oldest_s(profile.latest_ms)
    expired = profile.raw_s[0] < oldest_s
    if expired:
        count = bisect_left(profile.raw_s, oldest_s)
        profile.raw_s, profile.raw_type = profile.raw_s[count:], profile.raw_type[count:]
        profile.raw_fields = [column[count:] for column in profile.raw_fields]
    if profile.tracks:
        _add_distinct(profile, added, oldest_s)
    if len(profile.raw_s) > RAW_MOST:
        sink_raw(profile, plan, floors_of(profile, plan))
    elif expired and profile.counts:
        sink_tiles(profile, plan, floors_of(profile, plan))
    profile.sessions.settle(oldest_s * 1000 - plan.session_gap_ms)
    forget_ids(profile, plan.lateness_ms, IDS_MOST)


def _add_distinct(profile: Profile, added: Sequence[Event], oldest_s: int) -> None:
    """Keep the counters of distinct values complete, once there are any (see `sink_raw`)."""
    profile.tracks = profile.tracks.copy()
    for (scope, field), state in profile.tracks.items():
        if not state.distinct:
            continue
        chosen = [event for event in added if event.fields[field] != MISSING]
        if scope != ALL:
            chosen = [event for event in chosen if _scope_of(profile, event.type) == scope]
        if chosen:
            distinct = state.distinct.copy()
            times_s = [event.time_ms // 1000 for event in chosen]
            distinct.add([event.fields[field] for event in chosen], times_s)
            distinct.settle(oldest_s)
            profile.tracks[scope, field] = TrackState(state.levels, distinct)
