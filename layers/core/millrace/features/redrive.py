"""Bringing back what was put away: poison once it is mended, late events, holes, failed batches.

Nothing is ever guessed. A record is applied only where it is certain that it is missing:

=============  ===================================================================================
kept as        it is missing when
=============  ===================================================================================
``quarantine`` always: poison was never applied; a ledger key in the same transaction makes it once
``late``       it has no event id, and so is known by its place alone; the ledger, likewise. With
               an id it may be a late copy of what was applied long ago: *undetermined*, until
               an operator who knows better says `as_missing`
``gave-up``    its hole stands in the entry; filling it removes the hole in the same write
failed batch   it is above the watermark; or its event id is not remembered though its time is
               within what is remembered. Below that, without a hole, it is *undetermined*.
=============  ===================================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from millrace.errors import AlreadyRedriven, InvalidEvent, QuarantineError, WriteConflict
from millrace.events import Event
from millrace.features.batch import BatchReader, Group
from millrace.features.certainty import (
    APPLIED,
    HOLE,
    INVALID,
    KNOWN,
    MISSING,
    QUARANTINED,
    SETTLED,
    UNDETERMINED,
    is_above,
    of_group,
    of_late_copy,
    placed,
)
from millrace.features.entry import Entry, Hole, advance, new_entry, storage_key
from millrace.features.fold import fold
from millrace.features.item import Attribute
from millrace.features.kept import (
    FAILED,
    KINDS,
    Kept,
    changed,
    check_events,
    kept_object,
    move_away,
    records_of,
)
from millrace.features.plan import Plan
from millrace.features.sinks import Followed, KeySink
from millrace.features.store import Conflict, Key, LedgerStore
from millrace.kinesis import Delivery
from millrace.objects import Objects
from millrace.quarantine import GAVE_UP, LATE, POISON, delivery_of

_TRIES = 8


class Place(NamedTuple):
    """Where an entity's key stands in the store."""

    key: Key
    name: str

    @property
    def plan(self) -> Plan:
        """The plan by which its entry is read."""
        return self.key.plan


class Redriver:
    """Lists, judges and redrives what is in a quarantine bucket; `sinks` follow the state."""

    def __init__(
        self,
        reader: BatchReader,
        store: LedgerStore,
        objects: Objects,
        sinks: Sequence[KeySink] = (),
    ) -> None:
        self._reader = reader
        self._store = store
        self._objects = objects
        self._sinks = sinks

    def pending(self, kinds: Sequence[str] = KINDS) -> Iterator[str]:
        """The keys of the objects of these kinds."""
        for kind in kinds:
            yield from self._objects.keys(f"{kind}/")

    def show(self, key: str) -> Kept:
        """An object. Raises QuarantineError: see `kept_object`."""
        return kept_object(self._objects, key)

    def judge(
        self, key: str, changes: Mapping[str, object] | None = None, *, as_missing: bool = False
    ) -> Counter[str]:
        """What a redrive of this object would do: how many events have which status."""
        return self._work(key, changes or {}, write=False, as_missing=as_missing)

    def redrive(
        self, key: str, changes: Mapping[str, object] | None = None, *, as_missing: bool = False
    ) -> Counter[str]:
        """Apply what is certainly missing; how many events ended with which status.

        `changes` are set in a poison record's JSON first, by their dotted paths. `as_missing` takes
        late events that are undetermined for missing. When nothing of an object is left to do, it
        moves to ``redriven/``. Raises QuarantineError (AlreadyRedriven where it did so before) and
        Unavailable.
        """
        done = self._work(key, changes or {}, write=True, as_missing=as_missing)
        if not done.keys() - SETTLED:
            move_away(self._objects, key)
        return done

    def _work(
        self, key: str, changes: Mapping[str, object], *, write: bool, as_missing: bool
    ) -> Counter[str]:
        kept = self.show(key)
        if changes and kept.kind != POISON:
            raise QuarantineError(f"Only poison can be changed, not {kept.kind}: {key!r}")
        if kept.kind == GAVE_UP:
            return self._fill(kept, write=write)
        if kept.kind == FAILED:
            return self._failed_batch(kept, write=write)
        return self._one(kept, changes, write=write, as_missing=as_missing)

    # Poison and late events: one record, once, by the ledger.

    def _one(
        self, kept: Kept, changes: Mapping[str, object], *, write: bool, as_missing: bool
    ) -> Counter[str]:
        check_events(kept)
        result: Counter[str] = Counter()
        try:
            delivery = delivery_of(kept.content)
            event = self._reader.event(changed(delivery.data, changes), delivery.arrival_ms)
        except InvalidEvent:
            return Counter({INVALID: 1})
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise QuarantineError(
                f"{kept.key!r} was never a whole record, so it cannot be redriven: {error}"
            ) from error
        for plan, name in zip(self._reader.plans, event.keys, strict=True):
            # A late event was late for one entity only.
            if name is None or kept.content.get("entity", plan.entity.name) != plan.entity.name:
                continue
            place = self._place(plan, name)
            if kept.kind == LATE and event.id is not None and not as_missing:
                result[of_late_copy(event, self._read(place.key))] += 1
                continue
            ids = [f"{plan.entity.name}/{delivery.position}"]
            if event.id is not None:
                ids.append(f"{plan.entity.name}/{name}/id/{event.id}")
            apply = partial(_applied, event=event, arrived_ms=delivery.arrival_ms, plan=plan)
            result[self._apply_once(place, apply, ids, write=write)] += 1
        return result

    def _apply_once(
        self,
        place: Place,
        apply: Callable[[Entry], Entry | None],
        ids: Sequence[str],
        *,
        write: bool,
    ) -> str:
        if not write:
            entry = self._read(place.key) or new_entry(place.plan)
            return KNOWN if apply(entry) is None else MISSING
        try:
            return self._write(
                place,
                apply,
                lambda item, version: self._store.write_once(place.key, item, version, ids),
            )
        except AlreadyRedriven:
            self._follow(place, self._read(place.key))
            return KNOWN

    # Holes: all records of one, once, by the hole itself.

    def _fill(self, kept: Kept, *, write: bool) -> Counter[str]:
        content = kept.content
        try:
            entity = self._reader.definitions.entity(content["entity"])
            plan = next(p for p in self._reader.plans if p.entity is entity)
            place = self._place(plan, content["key"])
            hole = Hole.parse(content["hole"])
            deliveries = [delivery_of(record) for record in content["records"]]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise QuarantineError(f"{kept.key!r} holds no whole hole: {error!r}") from error
        events = [event for event in map(self._event, deliveries) if event is not None]
        if len(events) < len(deliveries):
            # Filling takes the hole away, so all of its events must be there.
            return Counter({HOLE: len(events), INVALID: len(deliveries) - len(events)})

        def change(entry: Entry) -> Entry | None:
            if hole not in entry.holes:
                return None
            profile, _ = fold(entry.profile, events, plan, whatever_the_lateness=True)
            profile.updated_ms = entry.profile.updated_ms + 1
            rest = tuple(other for other in entry.holes if other != hole)
            return entry._replace(profile=profile, holes=rest)

        current = self._read(place.key)
        if current is None:
            # It has expired, or the table was restored: nobody knows what became of its records.
            return Counter({UNDETERMINED: len(events)})
        if not write:
            return Counter({MISSING if hole in current.holes else KNOWN: len(events)})
        status = self._write(
            place, change, lambda item, version: self._store.write(place.key, item, version)
        )
        return Counter({status: len(events)})

    def _event(self, delivery: Delivery) -> Event | None:
        """The event in a delivery; None where it is not valid (any more)."""
        try:
            return self._reader.event(delivery.data, delivery.arrival_ms)
        except InvalidEvent:
            return None

    # Batches that Lambda gave up on: what is above the watermark, or provably missing by its id.

    def _failed_batch(self, kept: Kept, *, write: bool) -> Counter[str]:
        records = records_of(kept)
        check_events(kept, records)
        batch = self._reader.read(records)
        result: Counter[str] = Counter()
        for one in batch.poison:
            result[QUARANTINED if write else INVALID] += 1
            if write:
                self._objects.put(one.key, one.body)
        for group in batch.groups:
            result += self._failed_group(placed(group), write=write)
        return result

    def _failed_group(self, group: Group, *, write: bool) -> Counter[str]:
        plan, place = group.key.plan, Place(group.key, group.name)
        current = self._read(group.key)
        statuses = of_group(group, current)
        if not write or MISSING not in statuses:
            if write:
                self._follow(place, current)
            return Counter(statuses)

        def change(entry: Entry) -> Entry | None:
            nonlocal statuses
            statuses = of_group(group, entry)
            wanted = [i for i, status in enumerate(statuses) if status == MISSING]
            # Those below the watermark are told by their ids alone, and so go without a rank.
            above = [i for i in wanted if is_above(group.ranks[i], entry)]
            order = [*(i for i in wanted if i not in above), *above]
            ranks = [group.ranks[i] if i in above else None for i in order]
            events = [group.events[i] for i in order]
            outcome = advance(entry, events, ranks, group.deliveries[-1].arrival_ms, plan)
            return outcome.entry if outcome.changed else None

        self._write(
            place, change, lambda item, version: self._store.write(group.key, item, version)
        )
        return Counter(APPLIED if status == MISSING else status for status in statuses)

    # Reading and writing.

    def _place(self, plan: Plan, name: str) -> Place:
        return Place(Key(storage_key(self._reader.definitions, plan, name), plan), name)

    def _read(self, key: Key) -> Entry | None:
        found = self._store.read([key])[key.storage]
        if isinstance(found, Exception):
            raise found
        return found

    def _write(
        self,
        place: Place,
        change: Callable[[Entry], Entry | None],
        write: Callable[[Mapping[str, Attribute], int], Conflict | None],
    ) -> str:
        """Write what `change` makes of the entry; KNOWN where there is nothing to change."""
        entry = self._read(place.key)
        for _ in range(_TRIES):
            current = entry or new_entry(place.plan)
            after = change(current)
            if after is None:
                self._follow(place, entry)
                return KNOWN
            after = after._replace(version=current.version + 1)
            item = self._store.item(place.key, after)
            conflict = write(item, current.version)
            if conflict is None:
                self._follow(place, after)
                return APPLIED
            entry = conflict.current
        raise WriteConflict(f"{place.key.storage!r} was written by others {_TRIES} times in a row.")

    def _follow(self, place: Place, entry: Entry | None) -> None:
        """Let the sinks take what stands there, changed or not: a crash may have come before."""
        if entry is not None:
            for sink in self._sinks:
                sink.take(Followed(place.key.storage, place.name, place.plan, entry))


def _applied(entry: Entry, event: Event, arrived_ms: int, plan: Plan) -> Entry | None:
    """The entry with one more event, however late; None where its id says that it is there."""
    profile, change = fold(entry.profile, [event], plan, whatever_the_lateness=True)
    profile.updated_ms = max(arrived_ms, entry.profile.updated_ms + 1)
    return entry._replace(profile=profile) if change.applied else None
