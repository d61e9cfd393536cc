"""History as training rows: for each event the features of its key as they stood just before it.

It is the fold, the bounds and the snapshot that work live, so a model is trained on exactly what it
will be served: a row's features are those that a reader would have found in the store, had it read
them in the moment before the event arrived, as of the event's own time.

*As they stood* follows the order of arrival, which is the order of the history. An event that came
out of order, but in time, has a row; what had arrived before it counts in its features even where
it happened later, because the store knew it; its row is then as of that later time, for a profile
never goes back (`Row.at_ms`). What could not have existed live gives no row: a duplicate, an event
that was late, one that would be in quarantine. All are counted.

The two bounds on a profile (64 KB, 4,096 remembered ids) act once a write live and once an event
here: only where a user runs into one can a batch live keep a little more than the row knew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from millrace.errors import InvalidEvent
from millrace.events import LATEST_MS, Event, EventReader
from millrace.features.bounds import pack_bounded
from millrace.features.cache import EntryCache
from millrace.features.definitions import Definitions
from millrace.features.entry import Entry, advance, new_entry
from millrace.features.packing import unpack
from millrace.features.plan import Plan
from millrace.features.snapshot import Features, snapshot
from millrace.kinesis import Delivery, Position


class Record(NamedTuple):
    """One event of a history, in its order of arrival.

    `document` is its JSON value, or bytes that may be none. What came off a stream also has its
    arrival there, its partition key and its position; without an arrival, an event from the future
    cannot be told, and without a position each record is another event unless their ids agree.
    """

    document: Any
    arrival_ms: int | None = None
    partition_key: str | None = None
    position: Position | None = None

    @classmethod
    def of(cls, delivery: Delivery) -> Record:
        """The record in a delivery of a stream."""
        try:
            document = orjson.loads(delivery.data)
        except orjson.JSONDecodeError:
            document = delivery.data
        return cls(document, delivery.arrival_ms, delivery.partition_key, delivery.position)


class Row(NamedTuple):
    """An event, and the features of its key just before it, as of `at_ms`.

    `at_ms` is the event's own time, or that of the newest event before it where that is later.
    """

    event: Event
    document: Any
    key: str
    features: Features
    at_ms: int


@dataclass(slots=True)
class Summary:
    """What became of a history's records.

    Attributes:
        records: how many there were.
        rows: those that gave a row.
        duplicates, late: those that changed nothing, known by their id or place, or too old.
        without_key: those that do not name the entity.
        invalid: reason → those that would be in quarantine.
        keys: how many different keys have rows.
    """

    records: int = 0
    rows: int = 0
    duplicates: int = 0
    late: int = 0
    without_key: int = 0
    keys: int = 0
    invalid: Counter[str] = field(default_factory=Counter)


class Replay:
    """Replays one history for one entity of the definitions, the first unless it is named.

    Profiles that are not in use stand packed, as in the store: about a kilobyte a key.
    """

    def __init__(self, definitions: Definitions, entity: str | None = None) -> None:
        chosen = definitions.primary if entity is None else definitions.entity(entity)
        self.plan = Plan(definitions, chosen)
        self.summary = Summary()
        self._reader = EventReader(definitions)
        self._entries = EntryCache()
        self._packed: dict[str, tuple[bytes, Position | None]] = {}

    def rows(self, history: Iterable[Record]) -> Iterator[Row]:
        """The rows of the records, in their order; what gives none is in `summary`."""
        for record in history:
            row = self.take(record)
            if row is not None:
                yield row

    def take(self, record: Record) -> Row | None:
        """The row of the next record of the history, or None where it gives none."""
        summary, plan = self.summary, self.plan
        summary.records += 1
        try:
            event = self._read(record)
        except InvalidEvent as error:
            summary.invalid[error.reason] += 1
            return None
        key = event.keys[plan.index]
        if key is None:
            summary.without_key += 1
            return None
        before = self._entry(key)
        rank = record.position if record.partition_key == key else None
        arrived_ms = event.time_ms if record.arrival_ms is None else record.arrival_ms
        outcome = advance(before, (event,), (rank,), arrived_ms, plan)
        if outcome.changed:
            self._keep(key, outcome.entry)
        if not outcome.applied:
            summary.late += len(outcome.late)
            summary.duplicates += len(outcome.duplicates) + outcome.seen_before
            return None
        summary.rows += 1
        summary.keys += before.profile.accepted == 0
        at_ms = max(event.time_ms, before.profile.latest_ms)
        return Row(event, record.document, key, snapshot(before.profile, plan, at_ms), at_ms)

    def features_of(self, key: str, at_ms: int) -> Features:
        """What a reader of the store would find for a key after the records so far."""
        return snapshot(self._entry(key).profile, self.plan, at_ms)

    def _read(self, record: Record) -> Event:
        reader, document = self._reader, record.document
        arrival_ms = LATEST_MS if record.arrival_ms is None else record.arrival_ms
        if isinstance(document, bytes):
            return reader.read(document, arrival_ms)
        event = reader.from_document(document, arrival_ms)
        if event.id is None and record.position is not None:
            self._check_identity(event, record)
        return event

    def _check_identity(self, event: Event, record: Record) -> None:
        """Refuse what the enricher refuses: no id, and no order of its own in the stream either."""
        if any(key is not None and key != record.partition_key for key in event.keys):
            raise InvalidEvent("event-id-required", "no event id, and another partition key")

    def _entry(self, key: str) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            packed = self._packed.get(key)
            if packed is None:
                return new_entry(self.plan)
            data, watermark = packed
            entry = Entry(unpack(data, self.plan), watermark)
        return entry

    def _keep(self, key: str, entry: Entry) -> None:
        self._packed[key] = (pack_bounded(entry.profile, self.plan), entry.watermark)
        self._entries.put(key, entry)
