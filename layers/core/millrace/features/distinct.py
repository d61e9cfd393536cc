"""How many different values were seen in a sliding window, in bounded memory.

Exact to 64 values: the most recently seen values stand with the time they were last seen, so a
window that holds at most 64 can be counted. Beyond that an estimate: the k-minimum-values sketch
(Bar-Yossef et al., "Counting distinct elements in a data stream", 2002) over a sliding window. Each
value has a uniform 32-bit hash; if the k-th smallest hash in the window is `u` (as a fraction of
2**32), about ``(k - 1) / u`` values are there. With k = 64 the relative standard error is
1/sqrt(k - 2) = 12.7 %. A value must be kept only while fewer than k values with a smaller hash
have been seen as recently; the rest can never be among the k smallest of any window to come.

What is answered depends only on which value was last seen when, not on the order of arrival.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from heapq import heapify, heapreplace
from operator import itemgetter
from typing import Any

EXACT = 64
K = 64
STANDARD_ERROR = (K - 2) ** -0.5

# One more than `EXACT` shows that a window holds more; twice that spares sorting at every event.
_RECENT_KEPT = EXACT + 1
_RECENT_MOST = 2 * _RECENT_KEPT
_TAIL_MOST = 64
# From here on it pays to look whether values can be added all at once.
_MANY = 8
_MASK = (1 << 64) - 1
_WHEN = itemgetter(1)


def hash32(identity: int) -> int:
    """A uniform 32-bit hash of a 64-bit identity (the finaliser of SplitMix64)."""
    z = identity & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) >> 32


def hashes32(identities: Sequence[int]) -> list[int]:
    """`hash32` of each, in a third of the time: side by side in one wide integer.

    Each has 16 bytes of its own, of which products of 64-bit factors overflow none.
    """
    room = len(identities) * 16
    lanes = array("Q", bytes(room))
    lanes[::2] = array("Q", [identity & _MASK for identity in identities])
    mask = _lane_mask(1 << len(identities).bit_length())
    z = int.from_bytes(lanes.tobytes(), "little")
    z = ((z ^ (z >> 30 & mask)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27 & mask)) * 0x94D049BB133111EB) & mask
    z ^= z >> 31 & mask
    return array("I", z.to_bytes(room, "little"))[1::4].tolist()


@cache
def _lane_mask(count: int) -> int:
    """The lower half of so many lanes; more of them than there are do no harm.

    Only powers of two are asked for, so that all that are remembered are small together.
    """
    return int.from_bytes((b"\xff" * 8 + bytes(8)) * count, "little")


class _Sketch:
    """Hashes and how long before `newest_s` each was last seen, newest first, as packed views."""

    __slots__ = ("ages", "data", "hashes", "newest_s")

    def __init__(self, data: memoryview, count: int, newest_s: int) -> None:
        self.data = data
        self.hashes: Sequence[int] = data[: 4 * count].cast("I")
        self.ages: Sequence[int] = data[4 * count : 8 * count].cast("I")
        self.newest_s = newest_s
        if len(data) != 8 * count:
            raise ValueError(f"a sketch of {len(data)} bytes, which is no multiple of 8")

    @classmethod
    def of(cls, seen: Sequence[tuple[int, int]]) -> _Sketch:
        """From (hash, last second), newest first."""
        hashes, times_s = zip(*seen, strict=True) if seen else ((), ())
        newest_s = times_s[0] if seen else 0
        ages = array("I", [newest_s - last for last in times_s])
        packed = array("I", hashes).tobytes() + ages.tobytes()
        return cls(memoryview(packed), len(seen), newest_s)

    def with_newer(self, last_seen: dict[int, int], floor_s: int) -> _Sketch:
        """This one with hashes that were seen since, hash → last second.

        Of both, those that can be among the K smallest of a window to come that begins at
        `floor_s` or later.
        """
        seen = sorted(last_seen.items(), key=_WHEN, reverse=True)
        count, newest_s = self.seen_since(floor_s), self.newest_s
        older = zip(self.hashes[:count], self.ages[:count], strict=True)
        seen += [(hashed, newest_s - age) for hashed, age in older if hashed not in last_seen]
        if seen[len(last_seen) - 1][1] < newest_s:
            seen.sort(key=_WHEN, reverse=True)
        while seen and seen[-1][1] < floor_s:
            seen.pop()
        return _Sketch.of(_needed(seen))

    def seen_after(self, hashed: int, time_s: int) -> bool:
        """Whether this hash was last seen after `time_s`."""
        return time_s < self.newest_s and hashed in self.hashes[: self.seen_since(time_s + 1)]

    def seen_since(self, start_s: int) -> int:
        """How many of the hashes, from the first, were last seen at or after `start_s`."""
        return bisect_right(self.ages, self.newest_s - start_s)


class Distinct:
    """Values (as integer identities) with the second at which each was last seen."""

    __slots__ = ("_base_s", "_packed", "_recent", "_sketch", "_tail")

    def __init__(self) -> None:
        # Times are kept as seconds after a base, which makes them short when they are packed.
        self._base_s = 0
        # Identity → when last seen; or still packed, as two columns.
        self._recent: dict[int, int] = {}
        self._packed: tuple[Sequence[int], Sequence[int]] | None = None
        # What does not fit there is sketched; `_tail` holds hashes that came since.
        self._sketch: _Sketch | None = None
        self._tail: dict[int, int] = {}

    def __bool__(self) -> bool:
        return self._packed is not None or bool(self._recent)

    def copy(self) -> Distinct:
        """A copy that can change without changing this one."""
        other = Distinct.__new__(Distinct)
        other._base_s = self._base_s
        other._recent = self._opened().copy()
        other._packed = None
        other._sketch = self._sketch
        other._tail = self._tail.copy()
        return other

    def mapped(self, change: Callable[[int], int]) -> Distinct:
        """A counter of the same values under other identities.

        Windows of up to 64 values stay exact; of what is only sketched no identity is known.
        """
        other = Distinct()
        other._base_s, recent = self._base_s, other._recent
        for identity, seen in self._opened().items():
            changed = change(identity)
            recent[changed] = max(seen, recent.get(changed, seen))
        return other

    def _opened(self) -> dict[int, int]:
        if self._packed is not None:
            self._recent = dict(zip(*self._packed, strict=True))
            self._packed = None
        return self._recent

    def add(self, identities: Sequence[int], times_s: Sequence[int]) -> None:
        """Values seen at these times, in any order; `settle` must follow."""
        recent, tail = self._opened(), self._tail
        if not recent:
            self._base_s = times_s[0]
        base_s = self._base_s
        sketch = self._sketch
        if len(times_s) >= _MANY and self._are_newest(times_s):
            # Nothing to compare: what was seen before was seen earlier.
            seconds = [time_s - base_s for time_s in times_s]
            recent.update(zip(identities, seconds, strict=True))
            if sketch is not None:
                tail.update(zip(hashes32(identities), seconds, strict=True))
            return
        newest_s = 0 if sketch is None else sketch.newest_s
        for identity, time_s in zip(identities, times_s, strict=True):
            seen = time_s - base_s
            known = recent.get(identity)
            if known is None or known < seen:
                recent[identity] = seen
                if sketch is not None:
                    hashed = hash32(identity)
                    before = tail.get(hashed)
                    if before is None:
                        # What came out of order may stand in the sketch as seen since.
                        if time_s >= newest_s or not sketch.seen_after(hashed, time_s):
                            tail[hashed] = seen
                    elif before < seen:
                        tail[hashed] = seen

    def _are_newest(self, times_s: Sequence[int]) -> bool:
        """Whether these times rise, from the newest that is here on."""
        newest = max(self._recent.values(), default=0) + self._base_s
        if self._sketch is not None:
            newest = max(newest, self._sketch.newest_s)
        return times_s[0] >= newest and [*times_s] == sorted(times_s)

    def settle(self, floor_s: int) -> None:
        """Keep to the bounds; what was last seen before `floor_s` may go.

        There is a sketch as long as more than EXACT values are here. That some of them may have
        expired does no harm: a window counts only what is in it.
        """
        recent = self._opened()
        if len(recent) <= EXACT:
            return
        if self._sketch is None:
            self._sketch = _Sketch.of([])
            self._tail = {hash32(identity): seen for identity, seen in recent.items()}
        if len(self._tail) > _TAIL_MOST:
            last_seen = {hashed: seen + self._base_s for hashed, seen in self._tail.items()}
            self._sketch = self._sketch.with_newer(last_seen, floor_s)
            self._tail = {}
        if len(recent) > _RECENT_MOST:
            self._trim(floor_s)

    def _trim(self, floor_s: int) -> None:
        newest = sorted(self._recent.items(), key=_WHEN, reverse=True)[:_RECENT_KEPT]
        base_s = newest[-1][1]
        oldest = floor_s - self._base_s
        self._recent = {identity: s - base_s for identity, s in newest if s >= oldest}
        self._tail = {hashed: seen - base_s for hashed, seen in self._tail.items()}
        self._base_s += base_s
        if len(self._recent) <= EXACT:
            self._sketch, self._tail = None, {}

    def counts_since(self, starts_s: Sequence[int]) -> list[int]:
        """How many different values were seen at or after each of `starts_s` (newest first).

        Exact up to 64, estimated beyond.
        """
        times = list(self._recent.values()) if self._packed is None else self._packed[1]
        counts: list[int] = []
        for start_s in starts_s:
            after = start_s - self._base_s
            counts.append(len([1 for seen in times if seen >= after]))
            if counts[-1] > EXACT and self._sketch is not None:
                # So do all longer windows. How many recent values stand here depends on when
                # they were last trimmed; the sketch does not.
                counts += [EXACT + 1] * (len(starts_s) - len(counts))
                counts = [min(count, EXACT + 1) for count in counts]
                self._estimate(self._sketch, starts_s, counts)
                break
        return counts

    def _estimate(self, sketch: _Sketch, starts_s: Sequence[int], counts: list[int]) -> None:
        """Put an estimate in the place of every count beyond what is exact."""
        # Windows nest: the K smallest of a longer one are among those of the shorter and what is
        # new in it. A hash in the tail may stand in the sketch too, seen earlier.
        smallest: list[int] = []
        done = 0
        waiting = self._tail
        for index, start_s in enumerate(starts_s):
            end = sketch.seen_since(start_s)
            older = sketch.hashes[done:end]
            smallest += [hashed for hashed in older if hashed not in self._tail]
            if waiting:
                after = start_s - self._base_s
                smallest += [hashed for hashed, seen in waiting.items() if seen >= after]
                waiting = {hashed: seen for hashed, seen in waiting.items() if seen < after}
            smallest.sort()
            del smallest[K:]
            done = end
            if counts[index] > EXACT and len(smallest) == K:
                u = (smallest[-1] + 1) / 2**32
                counts[index] = max(counts[index], round((K - 1) / u))

    def packable(self) -> tuple[object, ...]:
        """What `unpacked` takes."""
        recent, tail, sketch = self._opened(), self._tail, self._sketch
        values = (self._base_s, list(recent), list(recent.values()))
        if sketch is None:
            return values
        return (*values, list(tail), list(tail.values()), sketch.newest_s, bytes(sketch.data))

    @classmethod
    def unpacked(cls, values: Sequence[Any]) -> Distinct:
        """From what `packable` gave. Raises ValueError or TypeError."""
        found = cls()
        found._base_s, identities, times, *rest = values
        found._packed = (identities, times)
        if rest:
            hashes, seen, newest_s, data = rest
            found._tail = dict(zip(hashes, seen, strict=True))
            found._sketch = _Sketch(memoryview(data), len(data) // 8, newest_s)
        return found


def _needed(last_seen: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Of hashes with when they were last seen, newest first, those that can be among the K smallest
    of a window to come: fewer than K smaller ones were seen as recently."""
    kept = list(last_seen[:K])
    largest = [-hashed for hashed, _ in kept]  # a heap of the K smallest hashes so far, negated
    heapify(largest)
    bound = -largest[0] if largest else 0
    for seen in last_seen[K:]:
        if seen[0] < bound:
            kept.append(seen)
            heapreplace(largest, -seen[0])
            bound = -largest[0]
    return kept
