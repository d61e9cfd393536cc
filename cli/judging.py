"""Judging and redriving objects: each by itself, so that a damaged one stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from millrace.errors import (
    AlreadyRedriven,
    ConfigurationError,
    MillraceError,
    QuarantineError,
    StateError,
    Unavailable,
    WriteConflict,
)
from millrace.features import certainty
from millrace.features.kept import Kept
from millrace.features.redrive import Redriver

from cli.kept_objects import Kind

# What is wrong with one object, and says nothing of the others.
_OF_ONE = (QuarantineError, StateError, ConfigurationError, WriteConflict)
# What a redrive leaves where it is.
_OPEN = {certainty.MISSING, certainty.HOLE, certainty.UNDETERMINED, certainty.INVALID}


class Status(StrEnum):
    """What can be true of an object's events, as --status calls it."""

    MISSING = "missing"
    APPLIED_BEFORE = "applied-before"
    IN_A_HOLE = "in-a-hole"
    UNDETERMINED = "undetermined"
    STILL_INVALID = "still-invalid"
    DAMAGED = "damaged"


_WORDS = {
    Status.MISSING: certainty.MISSING,
    Status.APPLIED_BEFORE: certainty.KNOWN,
    Status.IN_A_HOLE: certainty.HOLE,
    Status.UNDETERMINED: certainty.UNDETERMINED,
    Status.STILL_INVALID: certainty.INVALID,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """An object with what is true of its events, or with what is wrong with it.

    `kept` is None where it could not even be read; `before` tells of an earlier redrive of it.
    """

    key: str
    kept: Kept | None = None
    events: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None
    before: str | None = None

    @property
    def kind(self) -> Kind | None:
        """Its kind."""
        return Kind.of(self.key)

    def has(self, status: Status) -> bool:
        """Whether the status is that of any of its events."""
        if status is Status.DAMAGED:
            return self.problem is not None
        return _WORDS[status] in self.events

    @property
    def settled(self) -> bool:
        """Whether a redrive has left nothing to do."""
        return self.problem is None and not self.events.keys() & _OPEN

    @property
    def redrivable(self) -> bool:
        """Whether a redrive, which this is the judgement before, would leave nothing to do."""
        done = {certainty.MISSING}
        if self.kind is Kind.FAILED:
            # The poison in a failed batch goes to quarantine.
            done.add(certainty.INVALID)
        return self.problem is None and not self.events.keys() & (_OPEN - done)


Work = Callable[[str], Counter[str]]


def judged(
    keys: Iterable[str], redriver: Redriver, work: Work | None, parallel: int
) -> Iterator[Judged]:
    """Every object in the order of its key, several at a time; `work` judges it, if it is given.

    Raises Unavailable.
    """

    def one(key: str) -> Judged:
        return _one(key, redriver, work)

    waiting = iter(keys)
    with ThreadPoolExecutor(parallel) as pool:
        while chunk := list(islice(waiting, 4 * parallel)):
            yield from pool.map(one, chunk)


def redriven(keys: Iterable[str], redriver: Redriver, work: Work) -> Iterator[Judged]:
    """Every object after its redrive, one after the other.

    A service that does not answer is the problem of the object at hand, and ends it all.
    """
    for key in keys:
        try:
            yield _one(key, redriver, work)
        except Unavailable as error:
            yield Judged(key, problem=str(error))
            return


def _one(key: str, redriver: Redriver, work: Work | None) -> Judged:
    kept = None
    try:
        kept = redriver.show(key)
        return Judged(key, kept, work(key) if work is not None else {})
    except AlreadyRedriven as error:
        return Judged(key, before=_line(error))
    except _OF_ONE as error:
        return Judged(key, kept, problem=_line(error))


def _line(error: MillraceError) -> str:
    return " ".join(str(error).split())


def totals(found: Iterable[Judged]) -> Counter[str]:
    """How many events have which status, over all objects."""
    counted: Counter[str] = Counter()
    for one in found:
        counted.update(one.events)
    return counted
