"""One request while it is worked on: where it is, what was measured, and the time that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Literal, NamedTuple, TypeVar

from millrace.errors import TooSlow

Stage = Literal["request", "features", "endpoint", "record", "feedback"]
Unit = Literal["Count", "Milliseconds"]
_T = TypeVar("_T")


class Measure(NamedTuple):
    """A figure for the metrics, in CloudWatch's words."""

    name: str
    unit: Unit
    value: float


@dataclass(frozen=True, slots=True)
class Clock:
    """Where times and ids come from: the time of day, a clock for durations, new ids."""

    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    new_id: Callable[[], str]


class Call:
    """One request: its stage, its measures, and the moment by which its answer must have left.

    `notes` are for the log: what went wrong without being the answer.
    """

    __slots__ = ("_ends_s", "_monotonic_s", "measures", "notes", "stage")

    def __init__(self, seconds: float, monotonic_s: Callable[[], float]) -> None:
        self.stage: Stage = "request"
        self.measures: list[Measure] = []
        self.notes: list[str] = []
        self._monotonic_s = monotonic_s
        self._ends_s = monotonic_s() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; negative when the time is up."""
        return self._ends_s - self._monotonic_s()

    def note(self, text: str) -> None:
        """Leave a note for the log."""
        self.notes.append(text)

    def count(self, name: str) -> None:
        """Count one of something."""
        self.measures.append(Measure(name, "Count", 1))

    def timed(self, name: str, milliseconds: float) -> None:
        """Note how long something took, or how old it is."""
        self.measures.append(Measure(name, "Milliseconds", milliseconds))

    def took(self, name: str, since_s: float) -> None:
        """Note how long it has been since `since_s` on this call's clock."""
        self.timed(name, (self._monotonic_s() - since_s) * 1000)

    def now_s(self) -> float:
        """This call's clock."""
        return self._monotonic_s()


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """What `work` returns or raises, if it does so in time. Raises TooSlow.

    No timeout of a socket bounds a whole call: a name that does not resolve, or a byte now and
    then, escapes them all. So the work runs in a thread, which is left to itself when it is too
    slow; the client's own timeouts end it, and nobody takes what it comes to.
    """
    results: SimpleQueue[tuple[_T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as error:  # raised below, in the caller's thread
            results.put((None, error))

    Thread(target=run, daemon=True).start()
    try:
        value, error = results.get(timeout=max(0.0, seconds))
    except Empty:
        raise TooSlow(f"There was no answer within {seconds:.3f} s.") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # work returned it
