"""A profile as bytes: compact, quick to read, self-describing.

Layout (little-endian; columns as in `columns`): a fixed header; the fields (name, scale) and tiles
that the profile was written with, so that other definitions can migrate it; the types; the raw
events; count series by type; tracks; event ids; sessions. The first byte is the format's version.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

from millrace.errors import UnreadableState
from millrace.events import MISSING
from millrace.features.columns import pack as column
from millrace.features.columns import unpack as unpack_column
from millrace.features.distinct import Distinct
from millrace.features.ids import RecentIds
from millrace.features.layout import read_layout
from millrace.features.migration import migrated
from millrace.features.plan import Plan
from millrace.features.profile import ALL, Last, Profile, TrackState
from millrace.features.wire import Reader, blob, presence

FORMAT = 1
_ALL_TYPES = 255
_HAS_LAST, _HAS_DISTINCT = 1, 2


# format, coarseness, fingerprint · latest, updated, floor (ms) · accepted, late, duplicates, floor
# raises, closed sessions · fields, tiles, types · raw events, tracks · open sessions · bytes
# of the layout, of the types' names
_HEADER = struct.Struct("<BBI QQQ QIIHI BBB HH B HH".replace(" ", ""))
_RAW = struct.Struct("<I")
_TRACK = struct.Struct("<BBBB")
_LAST = struct.Struct("<BQq")


def pack(profile: Profile, plan: Plan) -> bytes:
    """The bytes that `unpack` reads."""
    latest_ms = profile.latest_ms
    sessions = profile.sessions
    layout = plan.layout
    names = "\0".join(profile.types).encode()
    header = _HEADER.pack(
        FORMAT,
        profile.coarse,
        plan.fingerprint,
        latest_ms,
        profile.updated_ms,
        profile.floor_ms,
        profile.accepted,
        profile.late,
        profile.duplicates,
        min(profile.floor_raises, 0xFFFF),
        sessions.closed,
        len(plan.fields),
        len(plan.ladder.tiles_s),
        len(profile.types),
        len(profile.raw_s),
        len(profile.tracks),
        len(sessions.ends_ms),
        len(layout),
        len(names),
    )
    # Ages of types and of sessions' starts and ends are of one width: one column holds them.
    times = (*profile.type_last_ms, *sessions.starts_ms, *sessions.ends_ms)
    parts = [header, layout, names, column([latest_ms - time_ms for time_ms in times])]
    parts += _count_parts(profile)
    parts += _raw_parts(profile)
    for (scope, field), state in profile.tracks.items():
        parts += _track_parts(profile, scope, field, state)
    parts.append(column(sessions.events))
    parts.append(profile.ids.pack(latest_ms // 1000))
    return b"".join(parts)


def _count_parts(profile: Profile) -> list[bytes]:
    return [
        bytes((presence(profile.counts),)),
        *(blob(level) for level in profile.counts if level),
    ]


def _raw_parts(profile: Profile) -> list[bytes]:
    times = profile.raw_s
    if not times:
        return []
    parts = [_RAW.pack(times[0]), column(list(map(sub, times[1:], times)))]
    parts.append(bytes(profile.raw_type))
    for values in profile.raw_fields:
        missing = values.count(MISSING) if MISSING in values else 0
        if not missing:
            parts += [b"\1", column(values)]
        elif missing == len(values):
            parts.append(b"\0")
        else:
            parts += [b"\2", bytes([value != MISSING for value in values])]
            parts.append(column([value for value in values if value != MISSING]))
    return parts


def _track_parts(profile: Profile, scope: str, field: int, state: TrackState) -> list[bytes]:
    kind = _ALL_TYPES if scope == ALL else profile.types.index(scope)
    last = state.last
    flags = _HAS_LAST * (last is not None) | _HAS_DISTINCT * bool(state.distinct)
    parts = [_TRACK.pack(kind, field, flags, presence(state.levels))]
    parts += [blob(level) for level in state.levels if level]
    if state.distinct:
        parts.append(blob(state.distinct.pack()))
    if last is not None:
        parts.append(_LAST.pack(profile.types.index(last.type), last.time_ms, last.value))
    return parts


def unpack(data: bytes, plan: Plan) -> Profile:
    """The profile in `data`, migrated to the plan's definitions if it was written under others.

    Raises UnreadableState where the bytes are damaged, or of a newer format.
    """
    return _unpack(data, plan, reading=False)


def unpack_for_reading(data: bytes, plan: Plan) -> Profile:
    """As `unpack`, but only what a snapshot needs: quicker, and not to be folded."""
    return _unpack(data, plan, reading=True)


def _unpack(data: bytes, plan: Plan, *, reading: bool) -> Profile:
    if not data or data[0] != FORMAT:
        written = data[0] if data else "none"
        raise UnreadableState(
            f"a profile of format {written}, where this code knows {FORMAT}: it was written by a"
            " newer Millrace, or is no profile"
        )
    try:
        header = _HEADER.unpack_from(data)
        if header[2] == plan.fingerprint:
            return _read_profile(memoryview(data), header, plan, reading)
        layout = read_layout(Reader(memoryview(data), _HEADER.size), header[11], header[12])
        return migrated(_read_profile(memoryview(data), header, plan, reading), layout, plan)
    except (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise UnreadableState(f"a profile of {len(data)} bytes is damaged: {error}") from error


def _read_profile(data: memoryview, header: tuple[int, ...], plan: Plan, reading: bool) -> Profile:
    # This is half of the time of every read: it counts bytes itself rather than through a cursor.
    fields, tiles, types, raw, tracks, sessions, layout_bytes, names_bytes = header[11:]
    profile = Profile(fields)
    profile.partial = reading
    profile.coarse = header[1]
    (profile.latest_ms, profile.updated_ms, profile.floor_ms, profile.accepted) = header[3:7]
    profile.late, profile.duplicates, profile.floor_raises, profile.sessions.closed = header[7:11]
    latest_ms = profile.latest_ms
    at = _HEADER.size + layout_bytes + names_bytes
    if types:
        profile.types = plan.types_in(bytes(data[at - names_bytes : at]))
    ages, at = unpack_column(data, at, types + 2 * sessions)
    profile.type_last_ms = [latest_ms - age for age in ages[:types]]
    present = data[at]
    at += 1
    if present:
        reader = Reader(data, at)
        profile.counts = reader.levels(present, tiles)
        at = reader.at
    if raw:
        at = _read_raw(data, at, profile, raw)
    for _ in range(tracks):
        at = _read_track(data, at, profile, tiles)
    if sessions:
        at = _read_sessions(data, at, profile, ages[types:], reading)
    if reading:
        return profile
    profile.ids, at = RecentIds.unpack(data, at, latest_ms // 1000)
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes are left over")
    return profile


def _read_raw(data: memoryview, at: int, profile: Profile, count: int) -> int:
    (first,) = _RAW.unpack_from(data, at)
    gaps, at = unpack_column(data, at + _RAW.size, count - 1)
    profile.raw_s = list(accumulate(gaps, initial=first))
    profile.raw_type = bytes(data[at : at + count])
    at += count
    columns: list[Sequence[int]] = []
    for _ in profile.raw_fields:
        presence = data[at]
        at += 1
        values: Sequence[int] = (MISSING,) * count
        if presence == 1:
            values, at = unpack_column(data, at, count)
        elif presence == 2:
            present = bytes(data[at : at + count])
            values, at = unpack_column(data, at + count, sum(present))
            left = iter(values)
            values = [next(left) if here else MISSING for here in present]
        columns.append(values)
    profile.raw_fields = columns
    return at


def _read_track(data: memoryview, at: int, profile: Profile, tiles: int) -> int:
    kind, field, flags, present = _TRACK.unpack_from(data, at)
    at += _TRACK.size
    state = TrackState([b""] * tiles)
    if present or flags & _HAS_DISTINCT:
        reader = Reader(data, at)
        state.levels = reader.levels(present, tiles)
        if flags & _HAS_DISTINCT:
            state.distinct = Distinct.unpack(reader.blob())
        at = reader.at
    if flags & _HAS_LAST:
        place, time_ms, value = _LAST.unpack_from(data, at)
        at += _LAST.size
        state.last = Last(time_ms, profile.types[place], value)
    profile.tracks[ALL if kind == _ALL_TYPES else profile.types[kind], field] = state
    return at


def _read_sessions(
    data: memoryview, at: int, profile: Profile, ages: Sequence[int], reading: bool
) -> int:
    found, latest_ms, count = profile.sessions, profile.latest_ms, len(ages) // 2
    events, at = unpack_column(data, at, count)
    if reading:
        # Only the newest may be going on; the others are only counted.
        found.closed += count - 1
        found.starts_ms = [latest_ms - ages[count - 1]]
        found.ends_ms = [latest_ms - ages[-1]]
        found.events = [events[-1]]
    else:
        found.starts_ms = [latest_ms - age for age in ages[:count]]
        found.ends_ms = [latest_ms - age for age in ages[count:]]
        found.events = list(events)
    return at
