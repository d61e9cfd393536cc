"""A batch of stream records becomes features: exactly once in effect.

Order of work, each step safe to repeat: decode; put poison into quarantine; read the entries that
are not remembered; fold each key's events; put late ones away; one conditional write a key; let
the sinks follow. A key whose read, write or sink fails is stopped at that: nothing of it counts as
done, the other keys go on, and the answer names the lowest sequence number that failed, from which
Lambda delivers again. What was done is then recognised by its watermark or its event ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from millrace.errors import MillraceError, TransientError, Unavailable, WriteConflict
from millrace.features.aside import hole_object, late_object, missing
from millrace.features.batch import BatchReader, Group, Poison
from millrace.features.cache import EntryCache
from millrace.features.entry import Entry, Hole, Outcome, advance, new_entry
from millrace.features.item import Attribute
from millrace.features.report import Report
from millrace.features.sinks import Archive, Followed, KeySink
from millrace.features.store import Store
from millrace.kinesis import Delivery, Position
from millrace.objects import Objects

_CONFLICT_TRIES = 8
_STAGED = 128
# Half the time of Stored(…).
_new = tuple.__new__
_T = TypeVar("_T")
_R = TypeVar("_R")
_Ts = TypeVarTuple("_Ts")


@dataclass(slots=True)
class Intent:
    """What is to be written for a group; no item where there is nothing to write."""

    group: Group
    outcome: Outcome
    item: Mapping[str, Attribute] | None = None


class Stored(NamedTuple):
    """A group's outcome, which is stored, with the writes and conflicts that it took."""

    outcome: Outcome
    writes: int
    conflicts: int


class Enricher:
    """Turns batches into features, with the stores and sinks that it is given.

    `give_up_after_ms` is the age from which a key that keeps failing is given up; None is never.
    """

    def __init__(
        self,
        reader: BatchReader,
        store: Store,
        quarantine: Objects,
        *,
        give_up_after_ms: int | None = None,
        archive: Archive | None = None,
        sinks: Sequence[KeySink] = (),
        cache: EntryCache | None = None,
    ) -> None:
        self.cache = EntryCache() if cache is None else cache
        self._reader = reader
        self._store = store
        self._quarantine = quarantine
        self._give_up_after_ms = give_up_after_ms
        self._archive = archive
        self._sinks = sinks
        parallel = max(store.parallel, quarantine.parallel)
        self._pool = ThreadPoolExecutor(parallel) if parallel > 1 else None

    def handle(self, records: Sequence[Any], now_ms: int) -> Report:
        """Process the records of one invocation, in order.

        Raises MillraceError only where no single record can be named to come again.
        """
        report = Report()
        try:
            batch = self._reader.read(records)
        except Unavailable as error:
            # The stream could not be described, so no record can be placed: all come again.
            report.failure(_first_number(records, error), "the stream", error)
            return report
        report.records = batch.records
        self._put_poison(batch.poison, report)
        entries = self._load(batch.groups, report)
        done = []
        results = self._store_all(batch.groups, entries)
        for group, result in zip(batch.groups, results, strict=True):
            if isinstance(result, Exception):
                self._failed(group, result, report, now_ms)
            else:
                self._succeeded(group, result, report)
                done.append((group, result.outcome.entry))
        self._follow(done, report)
        self._put_archive(batch.deliveries, report)
        return report

    def _store_all(
        self, groups: Sequence[Group], entries: Mapping[str, Entry | Exception | None]
    ) -> Iterator[Stored | Exception]:
        """Every group's stored outcome, or what kept it from being stored, in their order.

        Stage by stage over many groups, not group by group: a stage's code then stays in the
        processor's cache, which makes it half as fast again. Writes that wait for a network go
        side by side, all together.
        """
        waiting: list[Intent | Exception] = []
        for start in range(0, len(groups), _STAGED):
            staged: list[Intent | Exception] = []
            for group in groups[start : start + _STAGED]:
                entry = entries[group.key.storage]
                if isinstance(entry, Exception):
                    staged.append(entry)
                else:
                    staged.append(_guarded(self._advanced, group, entry))
            for index, result in enumerate(staged):
                if isinstance(result, Intent):
                    staged[index] = _guarded(self._make_item, result) or result
            if self._pool is None:
                yield from self._stored(staged)
            else:
                waiting += staged
        yield from self._stored(waiting)

    def _stored(self, staged: Sequence[Intent | Exception]) -> list[Stored | Exception]:
        intents = [result for result in staged if isinstance(result, Intent)]
        stored = iter(self._each(self._store_intent, intents))
        return [next(stored) if isinstance(result, Intent) else result for result in staged]

    def _put_poison(self, poison: Sequence[Poison], report: Report) -> None:
        puts = self._each(lambda one: self._quarantine.put(one.key, one.body), poison)
        for one, error in zip(poison, puts, strict=True):
            if error is None:
                report.quarantine(one.reason)
            elif one.sequence_number is None:
                raise error
            else:
                report.failure(one.sequence_number, one.key, error)

    def _load(
        self, groups: Sequence[Group], report: Report
    ) -> Mapping[str, Entry | Exception | None]:
        found: dict[str, Entry | Exception | None] = {}
        unknown = []
        for group in groups:
            entry = self.cache.take(group.key.storage)
            if entry is None:
                unknown.append(group.key)
            else:
                found[group.key.storage] = entry
        report.keys = len(groups)
        report.reads = len(unknown)
        if unknown:
            found.update(self._store.read(unknown))
        return found

    def _advanced(self, group: Group, entry: Entry | None) -> Intent:
        (_, plan), _, events, ranks, deliveries = group
        current = new_entry(plan) if entry is None else entry
        self._check_stream(group, current.watermark)
        # It was taken from the cache, or read: nobody else has it.
        arrived_ms = deliveries[-1].arrival_ms
        return Intent(group, advance(current, events, ranks, arrived_ms, plan, own=True))

    def _check_stream(self, group: Group, watermark: Position | None) -> None:
        """Refuse records of a stream that was made anew since this worker asked when it was made.

        They would all be below the watermark, and so be taken for seen before.
        """
        rank = group.ranks[0]
        if rank is not None and watermark is not None and watermark.created_ms > rank[0]:
            arn = group.deliveries[0].arn
            self._reader.forget_stream(arn)
            raise TransientError(
                f"{group.name!r} has records of a stream that was made later than {arn}, as far as"
                " is known: when it was made is asked again. If this goes on, two streams feed one"
                " table; give each its own."
            )

    def _make_item(self, intent: Intent) -> None:
        if intent.outcome.changed:
            intent.item = self._store.item(intent.group.key, intent.outcome.entry)

    def _store_intent(self, intent: Intent) -> Stored:
        """Write what is meant, or what it becomes where somebody else wrote in between."""
        group = intent.group
        for conflicts in range(_CONFLICT_TRIES):
            if intent.item is None:
                return _new(Stored, (intent.outcome, 0, conflicts))
            # Late events are put away before the write that counts them.
            for index in intent.outcome.late:
                self._quarantine.put(*late_object(group, index))
            expected_version = intent.outcome.entry.version - 1
            conflict = self._store.write(group.key, intent.item, expected_version)
            if conflict is None:
                return _new(Stored, (intent.outcome, 1, conflicts))
            intent = self._advanced(group, conflict.current)
            self._make_item(intent)
        raise WriteConflict(
            f"{group.key.storage!r} was written by others {_CONFLICT_TRIES} times in a row; is"
            " another function folding the same stream into the same table?"
        )

    def _succeeded(self, group: Group, stored: Stored, report: Report) -> None:
        outcome, writes, conflicts = stored
        entry, seen_before, applied, duplicates, late = outcome
        self.cache.put(group.key.storage, entry)
        report.writes += writes
        report.applied += applied
        if conflicts or seen_before or duplicates or late:
            report.conflicts += conflicts
            report.duplicates += len(duplicates)
            report.late += len(late)
            report.seen_before += seen_before
        if applied:
            oldest_ms = group.deliveries[seen_before].arrival_ms
            if report.oldest_ms is None or oldest_ms < report.oldest_ms:
                report.oldest_ms = oldest_ms

    def _failed(self, group: Group, error: Exception, report: Report, now_ms: int) -> None:
        limit_ms = self._give_up_after_ms
        if limit_ms is not None and now_ms - group.deliveries[0].arrival_ms >= limit_ms:
            try:
                report.gave_up += self._give_up(group, error)
            except MillraceError as again:
                error = again
            else:
                report.problems[group.key.storage] = f"given up: {error}"
                return
        report.failure(group.first_number, group.key.storage, error)

    def _give_up(self, group: Group, error: Exception) -> int:
        """Keep the key's records aside, then record their hole; how many there are."""
        watermark = self._store.watermark(group.key)
        self._check_stream(group, watermark)
        records = missing(group, watermark, error)
        if records:
            hole = Hole.behind(watermark, records[-1].position)
            self._quarantine.put(*hole_object(group, hole, records, error))
            self._store.give_up(group.key, hole)
        return len(records)

    def _follow(self, done: Sequence[tuple[Group, Entry]], report: Report) -> None:
        """Let the sinks take every key, changed or not: a crash may have come before them."""
        for sink in self._sinks:
            taken = self._each(sink.take, [_followed(group, entry) for group, entry in done])
            for (group, _), error in zip(done, taken, strict=True):
                if error is not None:
                    report.failure(group.first_number, group.key.storage, error)

    def _put_archive(self, deliveries: Sequence[Delivery], report: Report) -> None:
        if self._archive is None:
            return
        for arn in dict.fromkeys(delivery.arn for delivery in deliveries):
            of_stream = [delivery for delivery in deliveries if delivery.arn == arn]
            try:
                self._archive.take(of_stream)
            except MillraceError as error:
                report.failure(of_stream[0].sequence_number, "the archive", error)

    def _each(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R | Exception]:
        """`work` on every item, side by side where that helps; what failed comes as its error."""

        if self._pool is None or len(items) < 2:
            return [_guarded(work, item) for item in items]
        return list(self._pool.map(lambda item: _guarded(work, item), items))


def _guarded(work: Callable[[*_Ts], _R], *given: *_Ts) -> _R | Exception:
    try:
        return work(*given)
    except Exception as error:  # one key's fault, whatever it is, must not stop the others
        return error


def _followed(group: Group, entry: Entry) -> Followed:
    return Followed(group.key.storage, group.name, group.key.plan, entry)


def _first_number(records: Sequence[Any], error: Exception) -> str:
    """The lowest sequence number; raises `error` where a record has none that could be named."""
    try:
        numbers: Iterator[str] = (record["kinesis"]["sequenceNumber"] for record in records)
        return str(min(numbers, key=int))
    except (KeyError, TypeError, ValueError):
        raise error from None
