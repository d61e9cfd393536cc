"""A profile as bytes: MessagePack, compact, quick, self-describing.

One list; what is small or seldom asked for stands as plain integers, relative to the newest event
where that makes them short; tiles, sketches and ids stand as bytes that are read where they are.
The layout (fields and tiles) that a profile was written with is in it, so that other definitions
can migrate it. The first element is the format's version.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import ormsgpack

from millrace.errors import UnreadableState
from millrace.events import MISSING
from millrace.features.distinct import Distinct
from millrace.features.ids import RecentIds
from millrace.features.layout import read_layout
from millrace.features.migration import migrated
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Last, Profile, TrackState

FORMAT = 1

# What reading bytes that are no profile can come to.
_DAMAGE = (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)


def pack(profile: Profile, plan: Plan) -> bytes:
    """The bytes that `unpack` reads."""
    latest_ms = profile.latest_ms
    sessions = profile.sessions
    return ormsgpack.packb(
        (
            FORMAT,
            plan.fingerprint,
            plan.layout,
            profile.coarse,
            latest_ms,
            profile.updated_ms,
            profile.floor_ms,
            (profile.accepted, profile.late, profile.duplicates, profile.floor_raises),
            "\0".join(profile.types),
            [latest_ms - last_ms for last_ms in profile.type_last_ms],
            profile.counts,
            _raw(profile),
            [_track(profile, key, state) for key, state in profile.tracks.items()],
            (
                sessions.closed,
                [latest_ms - start_ms for start_ms in sessions.starts_ms],
                [latest_ms - end_ms for end_ms in sessions.ends_ms],
                sessions.events,
            ),
            profile.ids.packable(latest_ms // 1000),
        )
    )


def _raw(profile: Profile) -> tuple[object, ...] | None:
    times = profile.raw_s
    if not times:
        return None
    seconds = times if isinstance(times, array) else array("I", times)
    return (seconds.tobytes(), bytes(profile.raw_type), [_field(f) for f in profile.raw_fields])


def _field(values: Sequence[int]) -> list[int | None] | None:
    if MISSING not in values:
        return values.tolist() if isinstance(values, array) else list(values)
    present = [None if value == MISSING else value for value in values]
    return present if any(value is not None for value in present) else None


def _track(profile: Profile, key: tuple[str, int], state: TrackState) -> tuple[object, ...]:
    scope, field = key
    types, last = profile.types, state.last
    return (
        None if scope == ALL else types.index(scope),
        field,
        state.levels if any(state.levels) else None,
        state.distinct.packable() if state.distinct else None,
        None if last is None else (last.time_ms, types.index(last.type), last.value),
    )


def unpack(data: bytes, plan: Plan) -> Profile:
    """The profile in `data`, migrated to the plan's definitions if it was written under others.

    Raises UnreadableState where the bytes are damaged, or of a newer format.
    """
    return _unpack(data, plan, reading=False)


def unpack_for_reading(data: bytes, plan: Plan) -> Profile:
    """As `unpack`, but only what a snapshot needs: quicker, and not to be folded."""
    return _unpack(data, plan, reading=True)


def _unpack(data: bytes, plan: Plan, *, reading: bool) -> Profile:
    try:
        values = ormsgpack.unpackb(data)
        written = values[0]
        if written == FORMAT:
            profile = _profile(values, plan, reading)
            if values[1] == plan.fingerprint:
                return profile
            return migrated(profile, read_layout(values[2]), plan)
    except _DAMAGE as error:
        raise UnreadableState(f"a profile of {len(data)} bytes is damaged: {error}") from error
    raise UnreadableState(
        f"a profile of format {written!r}, where this code knows {FORMAT}: it was written by a"
        " newer Millrace, or is no profile"
    )


def _profile(values: Sequence[Any], plan: Plan, reading: bool) -> Profile:
    (_, _, _, coarse, latest_ms, updated_ms, floor_ms, counters, types) = values[:9]
    ages, counts, raw, tracks, sessions, ids = values[9:]
    profile = Profile(0)
    profile.partial = reading
    profile.coarse = coarse
    profile.latest_ms, profile.updated_ms, profile.floor_ms = latest_ms, updated_ms, floor_ms
    profile.accepted, profile.late, profile.duplicates, profile.floor_raises = counters
    if types or ages:
        profile.types = plan.types_in(types)
        profile.type_last_ms = [latest_ms - age for age in ages]
    profile.counts = counts
    if raw is None:
        profile.raw_fields = [()] * len(plan.fields)
    else:
        _read_raw(profile, raw)
    for kind, field, levels, distinct, last in tracks:
        state = TrackState(levels or plan.no_levels)
        if distinct is not None:
            state.distinct = Distinct.unpacked(distinct)
        if last is not None:
            state.last = Last(last[0], profile.types[last[1]], last[2])
        profile.tracks[ALL if kind is None else profile.types[kind], field] = state
    _read_sessions(profile, sessions, reading)
    if not reading:
        profile.ids = RecentIds.unpacked(ids, latest_ms // 1000)
    return profile


def _read_raw(profile: Profile, raw: Sequence[Any]) -> None:
    seconds, kinds, fields = raw
    times = array("I")
    times.frombytes(seconds)
    profile.raw_s, profile.raw_type = times, kinds
    count = len(kinds)
    profile.raw_fields = []
    for column in fields:
        if column is None:
            column = (MISSING,) * count
        elif None in column:
            column = [MISSING if value is None else value for value in column]
        profile.raw_fields.append(column)
    if any(len(column) != len(profile.raw_s) for column in (kinds, *profile.raw_fields)):
        raise ValueError("its columns of raw events are of different lengths")


def _read_sessions(profile: Profile, sessions: Sequence[Any], reading: bool) -> None:
    found, latest_ms = profile.sessions, profile.latest_ms
    found.closed, starts, ends, events = sessions
    if reading and events:
        # Only the newest may be going on; the others are only counted.
        found.closed += len(events) - 1
        starts, ends, events = starts[-1:], ends[-1:], events[-1:]
    found.starts_ms = [latest_ms - age for age in starts]
    found.ends_ms = [latest_ms - age for age in ends]
    found.events = events
