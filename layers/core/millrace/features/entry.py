"""A stored profile with what makes it exact: watermark, holes, version.

The *watermark* is the position up to which every record of this key has been dealt with; a record
at or below it was seen before (a consumer's retry). It holds only where all records of a key come
through one lane in order: the partition key is the entity's key, and for KPL aggregates the
mapping's parallelisation factor is 1. Elsewhere a record has no rank, `None`, and only its event
id tells a repetition.

A *hole* is a stretch of positions of which it was given up to apply this key's records, while
later ones may go on; exactly those are missing, and a redrive may fill it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from operator import lt
from typing import NamedTuple

from millrace.events import Event
from millrace.features.definitions import Definitions
from millrace.features.fold import fold
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.kinesis import Position

BEGINNING = Position(0, 0, 0, 0)

# Half the time of Entry(…) or Outcome(…).
_new = tuple.__new__

# A position, flat or not, where it ranks an event among its key's.
Rank = tuple[int, int, int, int] | None


class Hole(NamedTuple):
    """Records of this key after `after` up to and including `upto` are missing."""

    after: Position
    upto: Position

    def __contains__(self, position: object) -> bool:
        return isinstance(position, tuple) and self.after < position <= self.upto

    def __str__(self) -> str:
        return f"{self.after}>{self.upto}"

    @classmethod
    def behind(cls, watermark: Position | None, upto: Position) -> Hole:
        """The hole that is left when records from the watermark to `upto` are given up."""
        return cls(watermark or BEGINNING, upto)

    @classmethod
    def parse(cls, text: str) -> Hole:
        """The hole that `str` wrote. Raises ValueError."""
        after, upto = text.split(">")
        return cls(Position.parse(after), Position.parse(upto))


class Entry(NamedTuple):
    """What is stored under one key. `version` counts writes; 0 is not stored yet."""

    profile: Profile
    watermark: Position | None = None
    holes: tuple[Hole, ...] = ()
    version: int = 0


def new_entry(plan: Plan) -> Entry:
    """The entry of a key that was never seen."""
    return Entry(Profile(len(plan.fields)))


class Outcome(NamedTuple):
    """What became of a batch's events of one key, by their index.

    Where anything changed, the entry is of the next version.
    """

    entry: Entry
    seen_before: int
    applied: int
    duplicates: list[int]
    late: list[int]

    @property
    def changed(self) -> bool:
        """Whether there is anything to write: all may have been seen before."""
        return bool(self.applied or self.duplicates or self.late)


def advance(
    entry: Entry,
    events: Sequence[Event],
    ranks: Sequence[Rank],
    arrived_ms: int,
    plan: Plan,
    *,
    own: bool = False,
) -> Outcome:
    """The entry after a batch's events of its key, in their order. Pure, but for `own`.

    `ranks` are the events' positions, where those rank them among their key's (see above);
    `arrived_ms` is the arrival of the newest of them. With `own` the entry is nobody else's, and
    may be used up (see `fold`).
    """
    watermark, first = entry.watermark, ranks[0]
    if len(ranks) > 1 and not _rise(ranks):
        fresh = _in_order(ranks, watermark)
    elif watermark is None or first is None or first > watermark:
        return _advance(entry, events, ranks, arrived_ms, plan, own)
    else:
        fresh = [i for i, rank in enumerate(ranks) if rank is not None and rank > watermark]
    seen_before = len(events) - len(fresh)
    if not fresh:
        return Outcome(entry, seen_before, 0, [], [])
    outcome = _advance(
        entry, [events[i] for i in fresh], [ranks[i] for i in fresh], arrived_ms, plan, own
    )
    duplicates = [fresh[index] for index in outcome.duplicates]
    late = [fresh[index] for index in outcome.late]
    return Outcome(outcome.entry, seen_before, outcome.applied, duplicates, late)


def _rise(ranks: Sequence[Rank]) -> bool:
    """Whether each rank is above the one before it, or there are none at all."""
    unranked = ranks.count(None)
    if unranked:
        return unranked == len(ranks)
    return all(map(lt, ranks, islice(ranks, 1, None)))  # type: ignore[arg-type]  # none is None


def _in_order(ranks: Sequence[Rank], watermark: Position | None) -> list[int]:
    """The events above the watermark, each rank once and in order, among those that have none.

    Lambda hands records over in order, so that ranks rise. Should anybody not, a record that
    comes twice or too late must neither be counted twice nor be taken for one that was seen.
    """
    first = {rank: i for i, rank in reversed([*enumerate(ranks)]) if rank is not None}
    ranked = iter([first[r] for r in sorted(first) if watermark is None or r > watermark])
    order = (i if rank is None else next(ranked, None) for i, rank in enumerate(ranks))
    return [i for i in order if i is not None]


def _advance(
    entry: Entry,
    events: Sequence[Event],
    ranks: Sequence[Rank],
    arrived_ms: int,
    plan: Plan,
    own: bool,
) -> Outcome:
    profile, change = fold(entry.profile, events, plan, own=own)
    if change.applied:
        # Sinks that take only what is newer need a time that rises with every change.
        profile.updated_ms = max(arrived_ms, profile.updated_ms + 1)
    last = ranks[-1]
    if last is None:
        last = next((rank for rank in reversed(ranks) if rank is not None), entry.watermark)
    watermark = None if last is None else _new(Position, last)
    after: Entry = _new(Entry, (profile, watermark, entry.holes, entry.version + 1))
    return _new(Outcome, (after, 0, *change))


def storage_key(definitions: Definitions, plan: Plan, key: str) -> str:
    """The table's key for an entity's key.

    The first entity's keys stand as they are, which is what readers of the table expect; others
    have their entity's name before them. A first entity's key that looks like one of those gets
    its own entity's name, so that no two keys meet.
    """
    if plan.index == 0 and not key.startswith(definitions.prefixes):
        return key
    return f"{plan.entity.name}#{key}"
