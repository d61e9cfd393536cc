"""Entries that a warm worker remembers, so that it need not read what it wrote."""

from __future__ import annotations

from collections import OrderedDict

from millrace.features.entry import Entry


class EntryCache:
    """The most recently used entries. What is here was written, or read: never a mere intention.

    A cached entry may be stale, for another worker can have written since; the conditional write
    finds out. Entries are values: nobody changes one in place.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._entries: OrderedDict[str, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The entry, if it is remembered."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Remember an entry that is stored."""
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget an entry of which it is not known what is stored."""
        self._entries.pop(key, None)
