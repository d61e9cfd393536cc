"""A file's lines checked one by one, each accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson
from millrace.errors import InvalidEvent
from millrace.events import EventReader
from millrace.features.definitions import Definitions
from millrace.features.item import iso_ms
from millrace.paths import NOWHERE, value_at, with_field
from millrace.producer import Outgoing, outgoing, unchecked
from millrace.table_rows import Line

UNREADABLE = "unreadable"

_PROBLEMS_KEPT = 20
_TYPES_KEPT = 1_000
_OTHER_TYPES = "(other)"


class Invalid(StrEnum):
    """What becomes of a line that is no valid event."""

    QUARANTINE = "quarantine"
    REFUSE = "refuse"
    SKIP = "skip"


class Problem(NamedTuple):
    """Why a line is no valid event; `left_out` when it does not go to the stream either."""

    line: int
    reason: str
    message: str
    left_out: bool


class Checked(NamedTuple):
    """A line that was read, and what goes to the stream of it, if anything."""

    line: int
    event: Outgoing | None


@dataclass(slots=True)
class Tally:
    """What a file's lines are.

    Attributes:
        lines: events, valid or not, that were read.
        valid: those that are valid; without_id: those of them that name no id.
        left_out: those that do not go to the stream.
        reasons: reason → lines that are not valid.
        types: event type → valid events; ever more types are counted together.
        first_ms, last_ms: their earliest and latest time.
        problems: the first lines that are not valid.
    """

    lines: int = 0
    valid: int = 0
    without_id: int = 0
    left_out: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    types: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    @property
    def invalid(self) -> int:
        """How many lines are no valid event."""
        return self.lines - self.valid

    @property
    def document(self) -> dict[str, object]:
        """What it says, for machines."""
        return {
            "lines": self.lines,
            "valid": self.valid,
            "invalid": self.invalid,
            "reasons": dict(self.reasons),
            "left_out": self.left_out,
            "without_id": self.without_id,
            "first": None if self.first_ms is None else iso_ms(self.first_ms),
            "last": None if self.last_ms is None else iso_ms(self.last_ms),
            "types": dict(self.types),
            "problems": [problem._asdict() for problem in self.problems],
        }

    def note(self, event_id: str | None, event_type: str, time_ms: int) -> None:
        """Count a valid event."""
        self.valid += 1
        self.without_id += event_id is None
        known = event_type in self.types or len(self.types) < _TYPES_KEPT
        self.types[event_type if known else _OTHER_TYPES] += 1
        self.first_ms = time_ms if self.first_ms is None else min(self.first_ms, time_ms)
        self.last_ms = time_ms if self.last_ms is None else max(self.last_ms, time_ms)


# Told of every line that is not valid, with what stands in it.
Report = Callable[[Problem, Any], None]


class Checker:
    """Makes events for the stream of lines, and keeps the tally.

    `identify` gives the id of an event that has none. `report` hears of every problem; the tally
    keeps only the first.
    """

    def __init__(
        self,
        definitions: Definitions,
        now_ms: Callable[[], int],
        identify: Callable[[Line], str],
        invalid: Invalid = Invalid.QUARANTINE,
        report: Report = lambda problem, document: None,
    ) -> None:
        self.tally = Tally()
        self._definitions = definitions
        self._reader = EventReader(definitions)
        self._now_ms = now_ms
        self._identify = identify
        self._invalid = invalid
        self._report = report

    def checked(self, lines: Iterable[Line]) -> Iterator[Checked]:
        """Every line, with what goes to the stream of it."""
        for line in lines:
            self.tally.lines += 1
            yield Checked(line.number, self._check(line))

    def _check(self, line: Line) -> Outgoing | None:
        if line.problem:
            return self._invalid_line(line, UNREADABLE, line.problem)
        now_ms = self._now_ms()
        try:
            event = self._reader.from_document(line.document, now_ms)
            made = outgoing(
                line.document, self._reader, now_ms, identify=lambda: self._identify(line)
            )
        except InvalidEvent as error:
            return self._invalid_line(line, error.reason, str(error))
        self.tally.note(event.id, event.type, event.time_ms)
        return made

    def _invalid_line(self, line: Line, reason: str, message: str) -> Outgoing | None:
        made = None
        if self._invalid is Invalid.QUARANTINE:
            try:
                made = unchecked(self._identified(line), self._definitions)
            except InvalidEvent as error:
                reason, message = error.reason, str(error)
        tally, problem = self.tally, Problem(line.number, reason, message, made is None)
        tally.reasons[reason] += 1
        tally.left_out += made is None
        if len(tally.problems) < _PROBLEMS_KEPT:
            tally.problems.append(problem)
        self._report(problem, line.document)
        return made

    def _identified(self, line: Line) -> object:
        """The document with an id, so that two copies of it are redriven once."""
        document, path = line.document, self._definitions.event.id
        if not isinstance(document, dict):
            return document
        parent = path.rpartition(".")[0]
        inside = value_at(document, parent) if parent else document
        if not isinstance(inside, dict) or value_at(document, path) is not NOWHERE:
            return document
        return with_field(document, path, self._identify(line))


def id_of_line(name: str, line: Line) -> str:
    """The id of an event that has none: the same whenever the same file is read again.

    >>> line = Line(7, {"userId": "u1"})
    >>> id_of_line("a.jsonl", line) == id_of_line("a.jsonl", line)
    True
    >>> id_of_line("a.jsonl", line) == id_of_line("b.jsonl", line)
    False
    """
    content = orjson.dumps([name, line.number, line.document])
    return blake2b(content, digest_size=16).hexdigest()
