"""The ids of recent events, by which a repetition is recognised.

Every id whose event could still come again in time is remembered, with the second of its event:
as 64-bit hashes in order of time, and runs of how many fall into each second. A profile of a busy
user holds thousands, and is copied and packed at every write; so copies share what is old, and
packing is a copy of bytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, repeat
from typing import Any

# So few are looked for where they stand; beyond, there are dictionaries.
_FEW = 16
# New ids are looked up in a small dictionary of their own until there are this many.
_MERGE_AT = 512
_NONE: dict[int, int] = {}


class RecentIds:
    """Hashes of event ids with the second of their events."""

    __slots__ = ("_counts", "_hashes", "_new", "_old", "_seconds")

    def __init__(self) -> None:
        self._seconds: list[int] = []
        self._counts: list[int] = []
        self._hashes = array("Q")
        # Look-ups, once there are many: `_old` is shared by copies and never changed, `_new` is
        # this one's own.
        self._old: dict[int, int] = _NONE
        self._new: dict[int, int] | None = None

    def __len__(self) -> int:
        return len(self._hashes)

    def copy(self) -> RecentIds:
        """A copy that can change without changing this one."""
        if self._new is None and len(self._hashes) > _FEW:
            self._open()  # here, for all copies
        other = RecentIds.__new__(RecentIds)
        other._seconds = self._seconds[:]
        other._counts = self._counts[:]
        other._hashes = self._hashes[:]
        other._old = self._old
        other._new = None if self._new is None else self._new.copy()
        return other

    def _open(self) -> dict[int, int]:
        """Make the dictionaries for what is here; the one of new ids."""
        self._old = {}
        start = 0
        for second, count in zip(self._seconds, self._counts, strict=True):
            end = start + count
            self._old.update(zip(self._hashes[start:end], repeat(second, count), strict=True))
            start = end
        self._new = {}
        return self._new

    def are_new(self, hashes: Sequence[int]) -> bool:
        """Whether none of these is looked up here, nor stands there twice.

        One that is forgotten may still be found: `add` tells for certain.
        """
        if self._new is None and len(self._hashes) > _FEW:
            self._open()
        if self._new is None:
            different = set(hashes)
            return len(different) == len(hashes) and different.isdisjoint(self._hashes)
        return (
            self._new.keys().isdisjoint(hashes)
            and self._old.keys().isdisjoint(hashes)
            and (len(hashes) == 1 or len(set(hashes)) == len(hashes))
        )

    def extend(self, hashes: Sequence[int], times_s: Sequence[int]) -> None:
        """Remember ids that `are_new`, of events in order of time, none before what is here."""
        if self._new is not None:
            self._new.update(zip(hashes, times_s, strict=True))
        self._hashes.extend(hashes)
        seconds, counts = self._seconds, self._counts
        found = Counter(times_s)  # in the order of time
        if seconds and seconds[-1] == times_s[0]:
            counts[-1] += found.pop(times_s[0])
        seconds.extend(found)
        counts.extend(found.values())

    def second_of(self, hashed: int) -> int:
        """The second of the event with this id; -1 where it is not remembered.

        An id may still be found when its second is below what `forget_before` was told.
        """
        if self._new is None:
            if hashed not in self._hashes:
                return -1
            # The last: an id may stand here twice when its first event is below the floor.
            place = len(self._hashes) - 1 - self._hashes[::-1].index(hashed)
            return self._seconds[bisect_right(list(accumulate(self._counts)), place)]
        second = self._new.get(hashed)
        return self._old.get(hashed, -1) if second is None else second

    def add(self, hashed: int, second: int, floor_s: int) -> bool:
        """Remember an id; False where it is remembered already, with a second from `floor_s` on.

        `floor_s` is at least 0.
        """
        if self._new is None and len(self._hashes) > _FEW:
            self._open()
        if self._new is None:
            if hashed in self._hashes and self.second_of(hashed) >= floor_s:
                return False
        else:
            if self.second_of(hashed) >= floor_s:
                return False
            self._new[hashed] = second
        seconds = self._seconds
        if seconds and second == seconds[-1]:
            self._counts[-1] += 1
            self._hashes.append(hashed)
        elif not seconds or second > seconds[-1]:
            seconds.append(second)
            self._counts.append(1)
            self._hashes.append(hashed)
        else:
            self._insert(hashed, second)
        return True

    def _insert(self, hashed: int, second: int) -> None:
        run = bisect_left(self._seconds, second)
        self._hashes.insert(sum(self._counts[:run]), hashed)
        if self._seconds[run] == second:
            self._counts[run] += 1
        else:
            self._seconds.insert(run, second)
            self._counts.insert(run, 1)

    def forget_before(self, second: int) -> int:
        """Forget the ids of events before `second`; how many are left."""
        seconds = self._seconds
        if seconds and seconds[0] < second:
            runs = bisect_left(seconds, second)
            del self._hashes[: sum(self._counts[:runs])]
            del seconds[:runs], self._counts[:runs]
        if self._new is not None and len(self._new) > _MERGE_AT:
            self._old, self._new = self._joined(self._old, self._new), {}
        return len(self._hashes)

    def _joined(self, old: dict[int, int], new: dict[int, int]) -> dict[int, int]:
        """Old look-ups and new ones together, without those that are forgotten."""
        first = self._seconds[0] if self._seconds else 0
        joined = {hashed: second for hashed, second in old.items() if second >= first}
        joined.update(new)
        return joined

    def newest_kept(self, most: int) -> int:
        """The first second from which at most `most` ids are remembered."""
        newest = list(accumulate(reversed(self._counts)))
        runs = bisect_left(newest, most + 1)
        return self._seconds[-runs] if runs else self._seconds[-1] + 1

    def packable(self, latest_s: int) -> tuple[list[int], list[int], bytes]:
        """What `unpacked` takes: ages and lengths of the runs, and the hashes."""
        return ([latest_s - s for s in self._seconds], self._counts, self._hashes.tobytes())

    @classmethod
    def unpacked(cls, values: Sequence[Any], latest_s: int) -> RecentIds:
        """From what `packable` gave. Raises ValueError."""
        ages, counts, hashes = values
        found = cls()
        found._seconds = [latest_s - age for age in ages]
        found._counts = counts
        found._hashes.frombytes(hashes)
        if len(found._hashes) != sum(counts):
            raise ValueError(f"{sum(counts)} ids were written, {len(found._hashes)} are there")
        return found
