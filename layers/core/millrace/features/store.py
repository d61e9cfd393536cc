"""What a store of entries must offer, and the one in memory.

Every store passes the same contract test (tests/features/test_stores.py). A store is asked for an
entry's raw item only through `Stored`, so that a damaged state can still be given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from millrace.errors import AlreadyRedriven, UnreadableState, WriteConflict
from millrace.features.entry import BEGINNING, Entry, Hole, new_entry
from millrace.features.item import Attribute, from_item, to_item
from millrace.features.plan import Plan
from millrace.kinesis import Position


class Key(NamedTuple):
    """A key in the table, and the plan by which its entry is read."""

    storage: str
    plan: Plan


class Conflict(NamedTuple):
    """Somebody else wrote in between: what stands there now, or None where it has gone."""

    current: Entry | None


class Store(Protocol):
    """Entries by key, each write conditional on the version that was read.

    Any method raises Unavailable when the store does not answer or throttles; a read raises
    nothing for a single key: what it could not read comes back as the error.
    """

    parallel: int

    def read(self, keys: Sequence[Key]) -> Mapping[str, Entry | Exception | None]:
        """The entry of each key: None where there is none."""
        ...

    def item(self, key: Key, entry: Entry) -> Mapping[str, Attribute]:
        """The attributes that store an entry. Raises StateTooLarge."""
        ...

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        """Store an item, whose version must be one above `expected_version`.

        Returns None when it stands there, also when an earlier try of the same write had
        succeeded unseen; a Conflict when the stored version is another.
        """
        ...

    def watermark(self, key: Key) -> Position | None:
        """The stored watermark, read without the state, which may be damaged."""
        ...

    def give_up(self, key: Key, hole: Hole) -> None:
        """Advance the watermark to the hole's end and record the hole, leaving the state alone.

        Raises WriteConflict when the watermark is not (any more) where the hole begins.
        """
        ...


class LedgerStore(Store, Protocol):
    """A store that can also write once and for all, under ids in a ledger."""

    def write_once(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int, ids: Sequence[str]
    ) -> Conflict | None:
        """As `write`, and note `ids` in the ledger in the same transaction.

        Raises AlreadyRedriven when any of the ids stands there: then nothing is written.
        """
        ...


class MemoryStore:
    """A store in a dictionary, of items as DynamoDB would hold them."""

    parallel = 1

    def __init__(self, expires_s: int = 0) -> None:
        self.ledger: set[str] = set()
        self.items: dict[str, dict[str, Any]] = {}
        self._expires_s = expires_s

    def read(self, keys: Sequence[Key]) -> Mapping[str, Entry | Exception | None]:
        """See Store."""
        return {key.storage: self._read(key) for key in keys}

    def _read(self, key: Key) -> Entry | Exception | None:
        item = self.items.get(key.storage)
        try:
            return None if item is None else from_item(item, key.plan)
        except UnreadableState as error:
            return error

    def item(self, key: Key, entry: Entry) -> Mapping[str, Attribute]:
        """See Store."""
        return to_item(key.storage, entry, key.plan, self._expires_s)

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        """See Store."""
        present = self.items.get(key.storage)
        if (present.get("version") if present else 0) != expected_version:
            if present is not None and same_write(present, item):
                return None
            return Conflict(None if present is None else from_item(present, key.plan))
        self.items[key.storage] = cast("dict[str, Any]", item)  # which nobody changes
        return None

    def write_once(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int, ids: Sequence[str]
    ) -> Conflict | None:
        """See LedgerStore."""
        known = self.ledger.intersection(ids)
        if known:
            raise AlreadyRedriven(f"{sorted(known)[0]} was redriven before.")
        conflict = self.write(key, item, expected_version)
        if conflict is None:
            self.ledger.update(ids)
        return conflict

    def watermark(self, key: Key) -> Position | None:
        """See Store."""
        return stored_watermark(self.items.get(key.storage))

    def give_up(self, key: Key, hole: Hole) -> None:
        """See Store."""
        present = self.items.get(key.storage)
        check_hole(present, key, hole)
        changed = dict(present or to_item(key.storage, new_entry(key.plan), key.plan, 0))
        changed.update(after_giving_up(present, hole))
        self.items[key.storage] = changed


def stored_watermark(item: Mapping[str, Any] | None) -> Position | None:
    """The watermark among an item's attributes. Raises UnreadableState."""
    text = None if item is None else item.get("watermark")
    try:
        return None if text is None else Position.parse(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise UnreadableState(f"{text!r} is no watermark: {error}") from error


def check_hole(item: Mapping[str, Any] | None, key: Key, hole: Hole) -> None:
    """Raise WriteConflict unless the stored watermark is where the hole begins."""
    watermark = stored_watermark(item) or BEGINNING
    if watermark != hole.after:
        raise WriteConflict(
            f"{key.storage!r} cannot be given up from {hole.after}: its watermark is {watermark}"
        )


def after_giving_up(item: Mapping[str, Any] | None, hole: Hole) -> dict[str, Any]:
    """The attributes that giving up changes. Raises UnreadableState where they are damaged."""
    holes = [] if item is None else item.get("holes", [])
    if not isinstance(holes, list):
        raise UnreadableState(f"{holes!r} is no list of holes; mend or remove the attribute")
    return {
        "watermark": str(hole.upto),
        "holes": [*holes, str(hole)],
        "version": stored_version(item) + 1,
    }


def stored_version(item: Mapping[str, Any] | None) -> int:
    """The version among an item's attributes, 0 without an item. Raises UnreadableState."""
    if item is None:
        return 0
    try:
        return int(item["version"])
    except (KeyError, ValueError, TypeError) as error:
        found = item.get("version")
        raise UnreadableState(
            f"{found!r} is no version: set it to 1, or remove the item"
        ) from error


def same_write(present: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    """Whether what stands there is what was to be written: its answer was lost, not the write."""
    names: Iterable[str] = ("version", "state", "watermark", "holes")
    return all(present.get(name) == wanted.get(name) for name in names)
