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
from millrace.features.compaction import COUNTS, VALUES, count_cells, updated, value_cells
from millrace.features.definitions import OTHER_TYPE, Track
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Last, Profile
from millrace.features.tile_counts import Counts
from millrace.features.tile_values import Total

RAW_MOST = 64
IDS_MOST = 4096


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
    raw = _Raw(after)
    times, kinds, columns = raw.times, raw.kinds, raw.columns
    kind_of = plan.type_indexes(after.types)
    newest_of_kind = after.type_last_ms
    remember, add_to_sessions = after.ids.add, after.sessions.add
    gap_ms, lateness_ms, latest_ms = plan.session_gap_ms, plan.lateness_ms, after.latest_ms
    floor_ms = 0 if whatever_the_lateness else after.late_floor_ms(lateness_ms)
    added: list[Event] = []
    duplicates: list[int] = []
    late: list[int] = []
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
            kind = _admit_type(after, plan, event_type)
            kind_of = plan.type_indexes(after.types)
        if time_ms > newest_of_kind[kind]:
            newest_of_kind[kind] = time_ms
        add_to_sessions(time_ms, gap_ms)
        if not times or time_s >= times[-1]:
            times.append(time_s)
            kinds.append(kind)
            for column, value in zip(columns, fields, strict=True):
                column.append(value)
        else:
            raw.insert(time_s, kind, fields)
        if time_ms > latest_ms:
            latest_ms = time_ms
            if not whatever_the_lateness and latest_ms - lateness_ms > floor_ms:
                floor_ms = latest_ms - lateness_ms
    after.latest_ms = latest_ms
    after.accepted += len(added)
    after.duplicates += len(duplicates)
    after.late += len(late)
    if added:
        _Settling(after, plan, added).settle(raw)
    return after, Change(len(added), duplicates, late)


class _Raw:
    """The raw events of a profile, open for change: columns of their own, in order of time."""

    __slots__ = ("columns", "kinds", "times")

    def __init__(self, profile: Profile) -> None:
        self.times = _own("I", profile.raw_s)
        self.kinds = _own("B", profile.raw_type)
        self.columns = [_own("q", column) for column in profile.raw_fields]

    def insert(self, time_s: int, kind: int, fields: Sequence[int]) -> None:
        """Put an event that came out of order where it belongs."""
        at = bisect_right(self.times, time_s)
        self.times.insert(at, time_s)
        self.kinds.insert(at, kind)
        for column, value in zip(self.columns, fields, strict=True):
            column.insert(at, value)

    def forget(self, count: int) -> None:
        """Drop the oldest events."""
        del self.times[:count], self.kinds[:count]
        for column in self.columns:
            del column[:count]


def _own(code: Literal["I", "B", "q"], values: Sequence[int]) -> array[int]:
    """A column that may be changed; a slice of an array is a plain copy of memory."""
    return values[:] if isinstance(values, array) else array(code, values)


def _admit_type(profile: Profile, plan: Plan, name: str) -> int:
    """The index for a type that the profile does not have yet.

    Types that features.toml names always have a place; of the others only as many as fit.
    """
    named = plan.entity.by_type.keys() - {"*"}
    if name not in named:
        unnamed = sum(known not in named for known in profile.types)
        if unnamed >= plan.type_capacity - len(named):
            name = OTHER_TYPE
    if name not in profile.types:
        profile.types += (name,)
        profile.type_last_ms.append(0)
    return profile.types.index(name)


class _Settling:
    """Brings a profile back within its bounds after events were added."""

    def __init__(self, profile: Profile, plan: Plan, added: Sequence[Event]) -> None:
        self._profile = profile
        self._plan = plan
        self._added = added
        self._types = plan.type_indexes(profile.types)

    def settle(self, raw: _Raw) -> None:
        """Last values, distinct values, and what is old enough to be packed or forgotten."""
        profile, plan = self._profile, self._plan
        self._keep_last_values()
        oldest_s = plan.ladder.oldest_s(profile.latest_ms)
        expired = bisect_left(raw.times, oldest_s)
        if expired:
            raw.forget(expired)
        profile.raw_s, profile.raw_type = raw.times, raw.kinds
        profile.raw_fields = [*raw.columns]
        self._add_distinct(oldest_s)
        if len(raw.times) > RAW_MOST:
            sink_raw(profile, plan, floors_of(profile, plan))
        elif expired and profile.counts:
            sink_tiles(profile, plan, floors_of(profile, plan))
        profile.sessions.settle(oldest_s * 1000 - plan.session_gap_ms)
        forget_ids(profile, plan.lateness_ms, IDS_MOST)

    def _keep_last_values(self) -> None:
        """Remember each number's last value, over all types and where a type has tracks."""
        for index, _ in enumerate(self._plan.numbers):
            self._keep_last(ALL, index, self._added)
        if self._plan.has_type_tracks:
            for event in self._added:
                kind = self._scope_of(event.type)
                for track in self._plan.tracks_of_type(kind):
                    self._keep_last(kind, track.field, (event,))

    def _keep_last(self, scope: str, field: int, events: Sequence[Event]) -> None:
        track = self._profile.tracks.get((scope, field))
        last = None if track is None else track.last
        newest_ms = 0 if last is None else last.time_ms
        for event in events:
            if event.time_ms >= newest_ms and event.fields[field] != MISSING:
                newer = Last(event.time_ms, self._scope_of(event.type), event.fields[field])
                if last is None or newer > last:
                    last, newest_ms = newer, event.time_ms
        if last is not None:
            levels = len(self._plan.ladder.tiles_s)
            self._profile.track(scope, field, levels).last = last

    def _add_distinct(self, floor_s: int) -> None:
        """Keep the counters of distinct values complete, once there are any (see `sink_raw`)."""
        for (scope, field), state in self._profile.tracks.items():
            if state.distinct:
                values, times = [], []
                for event in self._added:
                    value = event.fields[field]
                    if value != MISSING and (scope == ALL or scope == self._scope_of(event.type)):
                        values.append(value)
                        times.append(event.time_ms // 1000)
                if values:
                    state.distinct.add(values, times)
                    state.distinct.settle(floor_s)

    def _scope_of(self, event_type: str) -> str:
        return event_type if event_type in self._types else OTHER_TYPE


def floors_of(profile: Profile, plan: Plan) -> list[int]:
    """The floors of the profile's levels: see `Ladder.floors`."""
    return plan.ladder.floors(profile.latest_ms, coarse=profile.coarse > 0)


def sink_raw(profile: Profile, plan: Plan, floors_s: Sequence[int]) -> None:
    """Move every raw event into tiles, and every tile to the level of its age."""
    ladder = plan.ladder
    cells = count_cells(ladder, floors_s, profile.raw_s, profile.raw_type, len(profile.types))
    levels = profile.counts or [b""] * len(floors_s)
    profile.counts = updated(levels, ladder, floors_s, cells, COUNTS)
    scopes: list[tuple[str, int | None, tuple[Track, ...]]] = [(ALL, None, plan.tracks_of_all)]
    if plan.has_type_tracks:
        scopes += [(name, i, plan.tracks_of_type(name)) for i, name in enumerate(profile.types)]
    for scope, kind_of_scope, tracks in scopes:
        for track in tracks:
            _sink_track(profile, plan, floors_s, scope, kind_of_scope, track)
    profile.raw_s, profile.raw_type = (), b""
    profile.raw_fields = [()] * len(profile.raw_fields)


def _sink_track(
    profile: Profile,
    plan: Plan,
    floors_s: Sequence[int],
    scope: str,
    kind: int | None,
    track: Track,
) -> None:
    times, values = raw_values(profile, track.field, kind)
    state = profile.track(scope, track.field, len(floors_s))
    if track.tiles:
        cells = value_cells(plan.ladder, floors_s, times, values)
        state.levels = updated(state.levels, plan.ladder, floors_s, cells, VALUES)
    if track.distinct and values and not state.distinct:
        # From here on the counter is complete by itself, raw events included.
        state.distinct = state.distinct.copy()
        state.distinct.add(values, times)
        state.distinct.settle(floors_s[-1])


def sink_tiles(profile: Profile, plan: Plan, floors_s: Sequence[int]) -> None:
    """Move every tile to the level of its age, and forget what no window can reach."""
    counts: list[dict[int, Counts]] = [{} for _ in floors_s]
    values: list[dict[int, Total]] = [{} for _ in floors_s]
    profile.counts = updated(profile.counts, plan.ladder, floors_s, counts, COUNTS)
    if not any(profile.counts):
        profile.counts = []
    for state in profile.tracks.values():
        state.levels = updated(state.levels, plan.ladder, floors_s, values, VALUES)


def raw_values(profile: Profile, field: int, kind: int | None) -> tuple[list[int], list[int]]:
    """Seconds and values of the raw events that have this field, of one type or of all."""
    column = profile.raw_fields[field]
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
    ids.forget_before(profile.late_floor_ms(lateness_ms) // 1000)
    if len(ids) > most:
        # Keep three quarters, so that a hot user does not raise its floor at every write.
        first_s = ids.newest_kept(most * 3 // 4)
        profile.floor_ms = max(profile.floor_ms, first_s * 1000)
        profile.floor_raises += 1
        ids.forget_before(first_s)
    ids.settle()
