"""Entries that a warm worker remembers, so that it need not read what it wrote."""

from __future__ import annotations

from collections import OrderedDict

from millrace.features.entry import Entry

# A quiet user's entry takes some five kilobytes of memory: that is a weight of one.
_IDS_WEIGHT_ONE, _TRACK_WEIGHT = 64, 8


class EntryCache:
    """The most recently used entries. What is here was written, or read: never a mere intention.

    A cached entry may be stale, for another worker can have written since; the conditional write
    finds out. `most` bounds their weights together, for a busy user's entry takes as much memory
    as sixty others: 20,000 are 100 MB.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._weight = 0
        self._entries: OrderedDict[str, tuple[Entry, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The entry, if it is remembered; it stays, and must not be changed."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def take(self, key: str) -> Entry | None:
        """The entry, if it was remembered: it is forgotten here, and the caller's alone.

        Who uses it up has to put the next one, once that is stored; until then, and whatever goes
        wrong in between, nothing is remembered that may never have been stored.
        """
        found = self._entries.pop(key, None)
        if found is None:
            return None
        self._weight -= found[1]
        return found[0]

    def put(self, key: str, entry: Entry) -> None:
        """Remember an entry that is stored; the newest is remembered whatever its weight."""
        weight = weight_of(entry)
        before = self._entries.pop(key, None)
        self._weight += weight if before is None else weight - before[1]
        self._entries[key] = (entry, weight)
        while self._weight > self._most and len(self._entries) > 1:
            _, (_, weight) = self._entries.popitem(last=False)
            self._weight -= weight


def weight_of(entry: Entry) -> int:
    """About how much memory an entry takes, a quiet user's being 1."""
    profile = entry.profile
    return 1 + len(profile.ids) // _IDS_WEIGHT_ONE + _TRACK_WEIGHT * len(profile.tracks)
