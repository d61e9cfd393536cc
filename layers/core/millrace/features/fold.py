"""How events change a profile: pure, and the same for live events, replay and redrive.

The result depends on the set of distinct events, not on their order within the allowed lateness nor
on how they were batched, as long as none was late.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from millrace.events import MISSING, Event
from millrace.features.ageing import floors_of, forget_ids, sink_raw, sink_tiles
from millrace.features.definitions import OTHER_TYPE
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Last, Profile, TrackState

RAW_MOST = 64
IDS_MOST = 4096

# From here on it pays to look whether a batch can be appended in one go.
_MANY = 5

# A column of one type, by its index.
_KINDS = tuple(bytes((kind,)) for kind in range(256))

# Half the time of Change(…) or Last(…).
_new = tuple.__new__


class Change(NamedTuple):
    """What a fold did: how many events it applied, and which (by index) it knew or found late."""

    applied: int
    duplicates: list[int]
    late: list[int]


def fold(
    profile: Profile,
    events: Sequence[Event],
    plan: Plan,
    *,
    whatever_the_lateness: bool = False,
    own: bool = False,
) -> tuple[Profile, Change]:
    """The profile after `events`, in the order given, and what became of each.

    An event before the late floor is late, one whose id is remembered is a duplicate; neither
    changes a feature, both are counted. With `whatever_the_lateness` (events that are known to be
    missing are redriven) none is late. With `own` nobody else has the profile, or a copy of it:
    it is changed itself, also where this raises.
    """
    assert not profile.partial, "a profile unpacked for reading cannot be folded"
    after = profile if own else profile.copy()
    duplicates: list[int] = []
    late: list[int] = []
    if len(events) >= _MANY and _added_at_once(after, events, plan, own):
        added = events
    else:
        lateness_ms = None if whatever_the_lateness else plan.lateness_ms
        added = _add_each(after, events, plan, lateness_ms, duplicates, late, own)
        after.duplicates += len(duplicates)
        after.late += len(late)
    if added:
        after.accepted += len(added)
        _keep_last_values(after, added, plan)
        _settle(after, added, plan)
    return after, _new(Change, (len(added), duplicates, late))


def _added_at_once(after: Profile, events: Sequence[Event], plan: Plan, own: bool) -> bool:
    """Add events column by column, where it can be told quickly that none is late or known.

    False, and nothing is added, where it cannot, or they are out of order.
    """
    _, hashes, times_ms, types, _, fields = zip(*events)  # noqa: B905  events are of one length
    if times_ms[0] < max(after.latest_ms, after.floor_ms) or [*times_ms] != sorted(times_ms):
        return False
    # An event without an id has a hash of 0.
    if 0 in hashes or not after.ids.are_new(hashes):
        return False
    times_s = [time_ms // 1000 for time_ms in times_ms]
    after.ids.extend(hashes, times_s)
    after.latest_ms = times_ms[-1]
    kind_of = {name: _admitted(after, plan, name) for name in dict.fromkeys(types)}
    kinds = [kind_of[name] for name in types]
    for kind, time_ms in dict(zip(kinds, times_ms)).items():  # noqa: B905  one for each
        after.type_last_ms[kind] = time_ms
    after.sessions.extend(times_ms, plan.session_gap_ms)
    if not (own and after.raw_s):
        _open_columns(after)
    after.raw_s.extend(times_s)
    for column, values in zip(after.raw_fields, zip(*fields)):  # noqa: B905
        column.extend(values)
    after.raw_type += bytes(kinds)
    return True


def _add_each(
    after: Profile,
    events: Sequence[Event],
    plan: Plan,
    lateness_ms: int | None,
    duplicates: list[int],
    late: list[int],
    own: bool,
) -> Sequence[Event]:
    """Add events one by one, in any order; those that are neither late nor known."""
    if not (own and after.raw_s):
        _open_columns(after)
    raw_s, columns = after.raw_s, after.raw_fields
    remember, add_to_sessions = after.ids.add, after.sessions.add
    kind_of, newest_of_kind = plan.type_indexes(after.types), after.type_last_ms
    gap_ms, latest_ms = plan.session_gap_ms, after.latest_ms
    floor_ms = 0 if lateness_ms is None else after.late_floor_ms(lateness_ms)
    newest_s = raw_s[-1] if raw_s else 0
    in_order = True
    added: list[Event] = []
    for index, event in enumerate(events):
        event_id, id_hash, time_ms, event_type, _, fields = event
        time_s = time_ms // 1000
        if time_ms < floor_ms:
            late.append(index)
            continue
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
        if time_s < newest_s:
            in_order = False
        newest_s = time_s
        raw_s.append(time_s)
        after.raw_type += _KINDS[kind]
        for column, value in zip(columns, fields):  # noqa: B905  one for each
            column.append(value)
        if time_ms > latest_ms:
            latest_ms = time_ms
            if lateness_ms is not None and latest_ms - lateness_ms > floor_ms:
                floor_ms = latest_ms - lateness_ms
    after.latest_ms = latest_ms
    if not in_order:
        _sort_raw(after)
    return added


def _sort_raw(after: Profile) -> None:
    """Bring raw events into the order of time; of the same second, the order in which they came."""
    order = sorted(range(len(after.raw_s)), key=after.raw_s.__getitem__)
    after.raw_s = array("I", [after.raw_s[place] for place in order])
    after.raw_type = bytes([after.raw_type[place] for place in order])
    after.raw_fields = [
        array("q", [column[place] for place in order]) for column in after.raw_fields
    ]


def _open_columns(after: Profile) -> None:
    """Let columns be added to. Copies share theirs, and all profiles share empty ones."""
    # A slice of an array is a plain copy of memory.
    after.raw_s = after.raw_s[:]
    after.raw_fields = [column[:] for column in after.raw_fields]


def _admitted(profile: Profile, plan: Plan, name: str) -> int:
    """The index for a type that the profile may not have yet.

    Types that features.toml names always have a place; of the others only as many as fit.
    """
    types = profile.types
    if name not in types and len(types) >= plan.types_for_all and not plan.has_place(name, types):
        name = OTHER_TYPE
    if name in types:
        return types.index(name)
    profile.types = plan.types_in("\0".join((*types, name)))
    profile.type_last_ms.append(0)
    return len(types)


def _scope_of(profile: Profile, event_type: str) -> str:
    return event_type if event_type in profile.types else OTHER_TYPE


def _keep_last_values(profile: Profile, added: Sequence[Event], plan: Plan) -> None:
    """Remember each number's last value, over all types and where a type has tracks."""
    for field in range(len(plan.numbers)):
        _keep_last(profile, ALL, field, added)
    if plan.has_type_tracks:
        for event in added:
            scope = _scope_of(profile, event.type)
            for track in plan.tracks_of_type(scope):
                # Asked for or not: what is asked for later must not find an older one.
                _keep_last(profile, scope, track.field, (event,))


def _keep_last(profile: Profile, scope: str, field: int, events: Sequence[Event]) -> None:
    types, known = profile.types, profile.lasts.get((scope, field))
    newest, newest_ms = known, 0 if known is None else known.time_ms
    # From the newest, where they are in order: then the first is enough.
    for event in reversed(events):
        _, _, time_ms, event_type, _, fields = event
        if time_ms >= newest_ms and fields[field] != MISSING:
            # The profile's own text, so that the event's can be let go.
            known_type = types[types.index(event_type)] if event_type in types else OTHER_TYPE
            last = _new(Last, (time_ms, known_type, fields[field]))
            if newest is None or time_ms > newest_ms or last > newest:
                newest, newest_ms = last, time_ms
    if newest is not known and newest is not None:
        profile.lasts[scope, field] = newest


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
    profile.sessions.settle(profile.latest_ms - plan.sessions_open_ms)
    forget_ids(profile, plan.lateness_ms, IDS_MOST)


def _add_distinct(profile: Profile, added: Sequence[Event], oldest_s: int) -> None:
    """Keep the counters of distinct values complete, once there are any (see `sink_raw`)."""
    profile.tracks = profile.tracks.copy()
    for (scope, field), state in profile.tracks.items():
        if not state.distinct:
            continue
        chosen = added
        if scope != ALL:
            chosen = [event for event in added if _scope_of(profile, event[3]) == scope]
        values = [event[5][field] for event in chosen]
        times_s = [event[2] // 1000 for event in chosen]
        if MISSING in values:
            times_s = [t for t, value in zip(times_s, values, strict=True) if value != MISSING]
            values = [value for value in values if value != MISSING]
        if values:
            distinct = state.distinct.copy()
            distinct.add(values, times_s)
            distinct.settle(oldest_s)
            profile.tracks[scope, field] = TrackState(state.levels, distinct)
