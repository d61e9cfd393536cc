"""A profile: everything that is known of one user (or item, or device).

The newest events, up to 64, stand as they came: time, type, values. Beyond that they go into tiles
(`compaction`), where only aggregates are left. A user with thirty events a day never needs a tile;
one with five a second has them all the time. Either way the answer is the same, because windows
begin at tile edges (`windows`). `fold` changes profiles, `packing` stores them, `snapshot` reads
features from them.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from millrace.features.distinct import Distinct
from millrace.features.ids import RecentIds
from millrace.features.sessions import Sessions

# Columns of no events.
NO_TIMES = array("I")
NO_TYPES = b""
NO_VALUES = array("q")

# The scope of all event types: no type's name holds a NUL.
ALL = "\0"
TrackKey = tuple[str, int]  # scope: an event type or ALL; and the field's index


class Last(NamedTuple):
    """The last value of a number.

    Of events at the same time the one with the larger type, then value, counts: any rule would
    do that does not depend on the order of arrival.
    """

    time_ms: int
    type: str
    value: int


class TrackState(NamedTuple):
    """What tiles keep of one field over one scope; nothing here before the first tile.

    Replaced, never changed in place.
    """

    levels: list[bytes]
    distinct: Distinct


class Profile:
    """The state of one entity's key.

    Copies share what is replaced, never changed in place, such as tiles; and columns, which `fold`
    opens before it adds to them.

    Attributes:
        latest_ms: time of the newest event; 0 before the first.
        updated_ms: when the profile last changed: arrival times, made strictly increasing.
        floor_ms: events before this are late, whatever the lateness (raised when too many ids
            would have to be remembered; `floor_raises` says how often).
        accepted, late, duplicates: what became of the events so far.
        coarse: 0, or how far tiles have given way to the bound on size: from 1 older tiles stand
            at the coarsest size, from 2 at 2, 4, 8 … times that, from 5 without the finest.
        partial: whether ids and old sessions were left out, for reading only.
        types, type_last_ms: by type: name, time of the newest event.
        counts: the series of counts by type; empty while every event is raw.
        raw_s, raw_type, raw_fields: the newest events in order of time: second, index of the
            type, and for each field its value or MISSING.
        tracks: tiles and distinct values of fields, by scope.
        lasts: the last value of fields, by scope.
        ids: of every event that could still come again in time.
    """

    __slots__ = (
        "accepted",
        "coarse",
        "counts",
        "duplicates",
        "floor_ms",
        "floor_raises",
        "ids",
        "lasts",
        "late",
        "latest_ms",
        "partial",
        "raw_fields",
        "raw_s",
        "raw_type",
        "sessions",
        "tracks",
        "type_last_ms",
        "types",
        "updated_ms",
    )

    def __init__(self, fields: int) -> None:
        self.latest_ms = 0
        self.updated_ms = 0
        self.floor_ms = 0
        self.accepted = 0
        self.late = 0
        self.duplicates = 0
        self.floor_raises = 0
        self.coarse = 0
        self.partial = False
        self.types: tuple[str, ...] = ()
        self.type_last_ms: list[int] = []
        self.counts: list[bytes] = []
        self.raw_s: array[int] = NO_TIMES
        self.raw_type: bytes = NO_TYPES
        # Lists where a profile is only read.
        self.raw_fields: list[array[int] | list[int]] = [NO_VALUES] * fields
        self.tracks: dict[TrackKey, TrackState] = {}
        self.lasts: dict[TrackKey, Last] = {}
        self.ids = RecentIds()
        self.sessions = Sessions()

    def copy(self) -> Profile:
        """A copy that can change without changing this one."""
        other = Profile.__new__(Profile)
        other.latest_ms = self.latest_ms
        other.updated_ms = self.updated_ms
        other.floor_ms = self.floor_ms
        other.accepted = self.accepted
        other.late = self.late
        other.duplicates = self.duplicates
        other.floor_raises = self.floor_raises
        other.coarse = self.coarse
        other.partial = self.partial
        other.types = self.types
        other.type_last_ms = self.type_last_ms[:]
        other.counts = self.counts
        other.raw_s = self.raw_s
        other.raw_type = self.raw_type
        other.raw_fields = self.raw_fields
        other.tracks = self.tracks
        other.lasts = self.lasts.copy()
        other.ids = self.ids.copy()
        other.sessions = self.sessions.copy()
        return other

    def late_floor_ms(self, lateness_ms: int) -> int:
        """An event before this time is late."""
        return max(self.floor_ms, self.latest_ms - lateness_ms)
