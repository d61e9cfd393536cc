"""A profile as bytes: MessagePack, compact, quick, self-describing.

One list; what is small or seldom asked for stands as plain integers, relative to the newest event
where that makes them short; tiles, sketches and ids stand as bytes that are read where they are.
The layout (fields and tiles) that a profile was written with is in it, so that other definitions
can migrate it. The first element is the format's version.
"""

from __future__ import annotations

import struct
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
_MISSING_BYTES = MISSING.to_bytes(8, "little", signed=True)

# What reading bytes that are no profile can come to.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    struct.error,
)


def pack(profile: Profile, plan: Plan) -> bytes:
    """The bytes that `unpack` reads."""
    latest_ms, types, sessions = profile.latest_ms, profile.types, profile.sessions
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
            "\0".join(types),
            [latest_ms - last_ms for last_ms in profile.type_last_ms],
            profile.raw_s.tobytes(),
            profile.raw_type,
            [_field(column) for column in profile.raw_fields] if profile.raw_s else None,
            [
                (
                    None if scope == ALL else types.index(scope),
                    field,
                    latest_ms - time_ms,
                    types.index(of_type),
                    value,
                )
                for (scope, field), (time_ms, of_type, value) in profile.lasts.items()
            ],
            (
                sessions.closed,
                [latest_ms - start_ms for start_ms in sessions.starts_ms],
                [latest_ms - end_ms for end_ms in sessions.ends_ms],
                sessions.events,
            ),
            profile.ids.packable(latest_ms // 1000),
            profile.counts,
            [
                (
                    None if scope == ALL else types.index(scope),
                    field,
                    levels if any(levels) else None,
                    distinct.packable() if distinct else None,
                )
                for (scope, field), (levels, distinct) in profile.tracks.items()
            ],
        )
    )


def _field(values: Sequence[int]) -> list[int | None] | None:
    if isinstance(values, array):
        # To look through bytes is quicker; found there it may still straddle two values.
        if _MISSING_BYTES not in values.tobytes():
            return values.tolist()
    elif MISSING not in values:
        return list(values)
    present = [None if value == MISSING else value for value in values]
    return present if any(value is not None for value in present) else None


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
    (_, _, _, coarse, latest_ms, updated_ms, floor_ms, counters, joined, ages) = values[:10]
    raw_s, raw_type, raw_fields, lasts, sessions, ids, counts, tracks = values[10:]
    profile = Profile(len(plan.fields))
    profile.partial = reading
    profile.coarse = coarse
    profile.latest_ms, profile.updated_ms, profile.floor_ms = latest_ms, updated_ms, floor_ms
    profile.accepted, profile.late, profile.duplicates, profile.floor_raises = counters
    if ages:
        profile.types = plan.types_in(joined)
        profile.type_last_ms = [latest_ms - age for age in ages]
    types = profile.types
    if raw_s:
        _read_raw(profile, raw_s, raw_type, raw_fields, reading)
    for kind, field, age_ms, of_type, value in lasts:
        scope = ALL if kind is None else types[kind]
        profile.lasts[scope, field] = Last(latest_ms - age_ms, types[of_type], value)
    profile.counts = counts
    for kind, field, levels, distinct in tracks:
        profile.tracks[ALL if kind is None else types[kind], field] = TrackState(
            levels or plan.no_levels,
            Distinct() if distinct is None else Distinct.unpacked(distinct),
        )
    _read_sessions(profile, sessions, reading)
    if not reading:
        profile.ids = RecentIds.unpacked(ids, latest_ms // 1000)
    return profile


def _read_raw(
    profile: Profile,
    seconds: bytes,
    kinds: bytes,
    fields: Sequence[Sequence[int | None] | None],
    reading: bool,
) -> None:
    times = array("I")
    times.frombytes(seconds)
    profile.raw_s, profile.raw_type, profile.raw_fields = times, kinds, []
    for column in fields:
        if column is None:
            values: list[int] = [MISSING] * len(kinds)
        else:
            values = [MISSING if value is None else value for value in column]
        profile.raw_fields.append(values if reading else array("q", values))
    if any(len(column) != len(times) for column in (kinds, *profile.raw_fields)):
        raise ValueError("its columns of raw events are of different lengths")


def _read_sessions(profile: Profile, sessions: Sequence[Any], reading: bool) -> None:
    found, latest_ms = profile.sessions, profile.latest_ms
    found.closed, starts, ends, events = sessions
    if reading and events:
        # Only the newest may be going on; the others are only counted.
        found.closed += len(events) - 1
        starts, ends, events = starts[-1:], ends[-1:], events[-1:]
    found.starts_ms = tuple([latest_ms - age for age in starts])
    found.ends_ms = tuple([latest_ms - age for age in ends])
    found.events = tuple(events)
