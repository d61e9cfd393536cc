"""What has been done of a plan: an intent before every change, its result after it.

After a crash between the two, nobody knows whether the change was made: the step is looked at
again, and done again only where it was not. So a journal is written through to the disk before
each change, and never rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

from millrace.errors import PlanRefused
from millrace.plans.plan import Plan, iso

FORMAT = "millrace-journal/1"
Event = Literal["started", "intent", "done", "failed", "stopped", "finished"]
EVENTS: tuple[Event, ...] = ("started", "intent", "done", "failed", "stopped", "finished")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal.

    Attributes:
        step: the step's id; empty for what concerns the whole plan.
        data: of `started` the plan, of `intent` what was found, of `done` the result, of `failed`
            the reason.
    """

    event: Event
    at_ms: int
    step: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The entry as JSON holds it."""
        return {
            "event": self.event,
            "at": iso(self.at_ms),
            "at_ms": self.at_ms,
            "step": self.step,
            "data": dict(self.data),
        }


def entry(document: Mapping[str, Any]) -> Entry:
    """The entry of a document. Raises ValueError, TypeError or KeyError for one that is none."""
    event = document["event"]
    if event not in EVENTS:
        raise ValueError(f"event {event!r} is unknown")
    return Entry(cast(Event, event), int(document["at_ms"]), document["step"], document["data"])


class Journal(Protocol):
    """Where entries are kept. Both methods raise PlanRefused or Unavailable."""

    def entries(self) -> Sequence[Entry]:
        """Everything that was written, in order."""
        ...

    def append(self, entry: Entry) -> None:
        """Write an entry; it is there for good when this returns."""
        ...


class MemoryJournal:
    """A journal that lives as long as its process: for tests."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = list(entries)

    def entries(self) -> Sequence[Entry]:
        """See Journal."""
        return tuple(self._entries)

    def append(self, entry: Entry) -> None:
        """See Journal."""
        self._entries.append(entry)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a journal says of its plan.

    Attributes:
        results: of the steps that are done, by id.
        undecided: ids of steps that were begun, and nobody knows whether they were done.
    """

    results: Mapping[str, Mapping[str, Any]]
    undecided: frozenset[str]
    started: bool


def progress(entries: Sequence[Entry], plan: Plan) -> Progress:
    """How far a plan is. Raises PlanRefused for the journal of another one."""
    results: dict[str, Mapping[str, Any]] = {}
    undecided: set[str] = set()
    for one in entries:
        if one.event == "started":
            _require_same(one, plan)
        elif one.event == "intent":
            undecided.add(one.step)
        elif one.event == "done":
            undecided.discard(one.step)
            results[one.step] = one.data
        elif one.event == "failed":
            undecided.discard(one.step)
    _require_known({*results, *undecided}, plan)
    return Progress(results, frozenset(undecided), bool(entries))


def started(plan: Plan, now_ms: int) -> Entry:
    """The first entry of a journal."""
    return Entry("started", now_ms, data={"plan": plan.hash, "kind": plan.kind, "format": FORMAT})


def _require_same(entry: Entry, plan: Plan) -> None:
    found = entry.data.get("plan")
    if found != plan.hash:
        raise PlanRefused(
            "other-journal",
            f"The journal is of plan {str(found)[:12]}, not of {plan.hash[:12]}. Store the"
            " plan under another name, or move the journal away.",
        )


def _require_known(steps: set[str], plan: Plan) -> None:
    unknown = steps - {step.id for step in plan.steps}
    if unknown:
        raise PlanRefused(
            "other-journal",
            f"The journal speaks of step {min(unknown)!r}, which plan {plan.hash[:12]} has not.",
        )
