"""Sessions: runs of events with no gap longer than the inactivity gap.

Sessions of the longest window stay open to events that come out of order, or that are redriven
long afterwards, and may be lengthened or joined by them; older ones are only counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

# A gap of seconds would make thousands of sessions a day; beyond these the oldest are closed.
MOST_OPEN = 64


class Sessions:
    """All sessions of one entity, oldest first, in columns, which are replaced, never changed.

    Attributes:
        closed: how many are only counted.
        starts_ms, ends_ms, events: first and last event's time, and how many, of the others.
    """

    __slots__ = ("closed", "ends_ms", "events", "starts_ms")

    def __init__(self) -> None:
        self.closed = 0
        self.starts_ms: tuple[int, ...] = ()
        self.ends_ms: tuple[int, ...] = ()
        self.events: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many sessions there have been."""
        return self.closed + len(self.ends_ms)

    def copy(self) -> Sessions:
        """A copy that can change without changing this one."""
        other = Sessions.__new__(Sessions)
        other.closed = self.closed
        other.starts_ms = self.starts_ms
        other.ends_ms = self.ends_ms
        other.events = self.events
        return other

    def extend(self, times_ms: Sequence[int], gap_ms: int) -> None:
        """Events at these times, in any order."""
        if self.ends_ms and min(times_ms) >= self.starts_ms[-1]:
            newest_ms = max(times_ms)
            if newest_ms <= self.ends_ms[-1] + gap_ms:
                # All belong to the newest session: none is further from it than the gap.
                self._lengthen(newest_ms, len(times_ms))
                return
        for time_ms in times_ms:
            self.add(time_ms, gap_ms)

    def add(self, time_ms: int, gap_ms: int) -> None:
        """An event at `time_ms`, in any order."""
        ends = self.ends_ms
        if ends and time_ms < self.starts_ms[-1]:
            self._add_earlier(time_ms, gap_ms)
        elif ends and time_ms <= ends[-1] + gap_ms:
            self._lengthen(time_ms, 1)
        else:
            self.starts_ms += (time_ms,)
            self.ends_ms += (time_ms,)
            self.events += (1,)

    def _lengthen(self, newest_ms: int, more: int) -> None:
        """More events in the newest session, none before it."""
        ends, events = self.ends_ms, self.events
        if newest_ms > ends[-1]:
            self.ends_ms = ends[:-1] + (newest_ms,)  # noqa: RUF005  half the time of unpacking
        self.events = events[:-1] + (events[-1] + more,)  # noqa: RUF005

    def _add_earlier(self, time_ms: int, gap_ms: int) -> None:
        """An event before the newest session: it may lengthen a session, or join two."""
        starts, ends, events = list(self.starts_ms), list(self.ends_ms), list(self.events)
        at = bisect_right(starts, time_ms)
        # A session of its own, to begin with; then the neighbours that it is near enough to.
        starts.insert(at, time_ms)
        ends.insert(at, time_ms)
        events.insert(at, 1)
        for left in (at, at - 1):
            if 0 <= left < len(ends) - 1 and starts[left + 1] - ends[left] <= gap_ms:
                ends[left] = max(ends[left], ends[left + 1])
                events[left] += events[left + 1]
                del starts[left + 1], ends[left + 1], events[left + 1]
        self.starts_ms, self.ends_ms, self.events = tuple(starts), tuple(ends), tuple(events)

    def settle(self, oldest_ms: int) -> None:
        """Close every session that ended before `oldest_ms`, and keep to the bound."""
        ends = self.ends_ms
        most = len(ends) - 1
        if most < 1:
            return
        closing = max(0, len(ends) - MOST_OPEN)
        while closing < most and ends[closing] < oldest_ms:
            closing += 1
        if closing:
            self.closed += closing
            self.starts_ms, self.ends_ms = self.starts_ms[closing:], ends[closing:]
            self.events = self.events[closing:]

    def is_on(self, at_ms: int, gap_ms: int) -> bool:
        """Whether the newest session is going on at `at_ms`: the gap has not passed."""
        return bool(self.ends_ms) and at_ms - self.ends_ms[-1] <= gap_ms
