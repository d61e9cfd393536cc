"""Training rows: what a model would have been asked, and what came of it.

A row is a moment at which a user's features are read, and whether the target follows. Each event
gives one moment, from a second after it to as long as the target looks ahead, evenly on a scale of
logarithms; the moment is given up where the user's next event comes before it. Moments *at* events
would not do: there would be one only because the user is about to act, so choosing them would look
into the future. The moment follows from the user and the event alone, so rows are always the same.

Features are those that the store held at the moment, by the fold and the snapshot that work live.
The label looks at the events behind the moment: up to `within_ms` later, in event time. A moment
whose time to come is not all in the history has no row, whether the target is already in it or not.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from math import isnan, nan
from typing import NamedTuple

from millrace.features.definitions import Definitions
from millrace.features.replay import Record, Replay, Summary
from millrace.features.replay import Row as Arrived
from millrace.features.snapshot import Features

from model.target import Target

# Why a moment has no row: the user's next event came first; its time to come is not all there.
OVERTAKEN = "overtaken"
INCOMPLETE = "incomplete"

_FIRST_DELAY_MS = 1000
_TUTORIAL_GAP_MS = 300_000


class Row(NamedTuple):
    """The features of a key as of a moment, and whether the target followed.

    `values` are those of the features `names`, NaN where there is nothing to aggregate.
    `tutorial_count` is what the tutorials' handler would have stored as count5min, where it can be
    known.
    """

    key: str
    at_ms: int
    names: tuple[str, ...]
    values: array[float]
    tutorial_count: int | None
    positive: bool

    @property
    def features(self) -> Features:
        """The features by name, as a model is asked with them."""
        return {
            name: None if isnan(value) else value
            for name, value in zip(self.names, self.values, strict=True)
        }


@dataclass(slots=True)
class Rows:
    """The rows of a history in order of time, and what gave none.

    Attributes:
        rows: the rows.
        summary: what became of the history's records.
        types: how many events there are of each type.
        given_up: how many moments have no row, by the reason.
        first_ms, last_ms: times of the oldest and newest records.
        of: what the records are.
    """

    rows: list[Row]
    summary: Summary
    types: Counter[str]
    given_up: Counter[str]
    first_ms: int
    last_ms: int
    of: str = "events"


def labelled(
    history: Iterable[Record],
    definitions: Definitions,
    target: Target,
    on_record: Callable[[int], None] = lambda count: None,
) -> Rows:
    """The rows of a history; `on_record` hears how many records were read, every now and then."""
    asking = _Asking(Replay(definitions), target)
    for number, record in enumerate(history, 1):
        arrived = asking.replay.take(record)
        if arrived is not None:
            asking.take(arrived)
        if number % 500 == 0:
            on_record(number)
    return asking.rows(definitions.primary.lateness_ms)


def moment_ms(key: str, event_ms: int, number: int, at_ms: int, within_ms: int) -> int:
    """When to ask after a key's event number `number`, `at_ms` being the newest event's time."""
    digest = blake2b(f"{number} {event_ms} {key}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "little") / 2**64
    return at_ms + int(_FIRST_DELAY_MS * (within_ms / _FIRST_DELAY_MS) ** share)


@dataclass(slots=True)
class _User:
    """What is remembered of one key while its events arrive."""

    events: int = 0
    waiting: Row | None = None
    asked: list[Row] = field(default_factory=list)
    targets_ms: list[int] = field(default_factory=list)
    tutorial_ms: int = 0
    tutorial_count: int = 0

    def count_as_the_tutorials_do(self, event_ms: int) -> None:
        """Their rule: up by one, or anew after five minutes without an event."""
        if self.events and event_ms - self.tutorial_ms < _TUTORIAL_GAP_MS:
            self.tutorial_count += 1
        else:
            self.tutorial_count = 1
        self.tutorial_ms = event_ms


class _Asking:
    """Asks after each event that a replay takes."""

    def __init__(self, replay: Replay, target: Target) -> None:
        self.replay = replay
        self._target = target
        self._users: dict[str, _User] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._types: Counter[str] = Counter()
        self._times_ms: tuple[int, int] | None = None
        self._given_up: Counter[str] = Counter()

    def take(self, arrived: Arrived) -> None:
        event = arrived.event
        user = self._users.setdefault(arrived.key, _User())
        first_ms, last_ms = self._times_ms or (event.time_ms, event.time_ms)
        self._times_ms = min(first_ms, event.time_ms), max(last_ms, event.time_ms)
        self._types[event.type] += 1
        self._settle(user, event.time_ms)
        user.count_as_the_tutorials_do(event.time_ms)
        if self._target.wants(event.type):
            user.targets_ms.append(event.time_ms)
        user.events += 1
        at_ms = moment_ms(
            arrived.key, event.time_ms, user.events, arrived.at_ms, self._target.within_ms
        )
        user.waiting = self._row(arrived.key, at_ms, user.tutorial_count)

    def _settle(self, user: _User, next_ms: int) -> None:
        """Keep the moment that waits, unless the next event is before it."""
        if user.waiting is None:
            return
        if next_ms > user.waiting.at_ms:
            user.asked.append(user.waiting)
        else:
            self._given_up[OVERTAKEN] += 1

    def _row(self, key: str, at_ms: int, tutorial_count: int) -> Row:
        features = self.replay.features_of(key, at_ms)
        names = tuple(features)
        # Most rows share their names with others.
        names = self._names.setdefault(names, names)
        values = array("d", [nan if value is None else value for value in features.values()])
        return Row(key, at_ms, names, values, tutorial_count, False)

    def rows(self, lateness_ms: int) -> Rows:
        """The rows, once the history is at its end."""
        first_ms, last_ms = self._times_ms or (0, 0)
        # Up to the lateness before its newest event a history may still miss some.
        complete_ms = last_ms - lateness_ms - self._target.within_ms
        kept: list[Row] = []
        for user in self._users.values():
            if user.waiting is not None:
                user.asked.append(user.waiting)
            kept += self._labelled(user, complete_ms)
        kept.sort(key=lambda row: (row.at_ms, row.key))
        return Rows(kept, self.replay.summary, self._types, self._given_up, first_ms, last_ms)

    def _labelled(self, user: _User, complete_ms: int) -> Iterator[Row]:
        targets_ms = sorted(user.targets_ms)
        for row in user.asked:
            if row.at_ms > complete_ms:
                self._given_up[INCOMPLETE] += 1
                continue
            following = bisect_right(targets_ms, row.at_ms)
            if following < len(targets_ms):
                within = targets_ms[following] <= row.at_ms + self._target.within_ms
                row = row._replace(positive=within)
            yield row
