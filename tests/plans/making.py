"""A world of numbers to change by plan, and plans for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from millrace.errors import Unavailable
from millrace.plans.journal import Entry, MemoryJournal
from millrace.plans.plan import Plan, State, Step

ACCOUNT = "123456789012"
NOW_MS = 1_772_366_400_000
HOUR_MS = 3_600_000


class Crash(BaseException):
    """The process is gone: nothing that runs afterwards counts."""


class World:
    """Numbers by name; `crash_at` says at which call it ends, before or after its effect."""

    account = ACCOUNT

    def __init__(self, values: dict[str, int]) -> None:
        self.values = dict(values)
        self.performed: list[str] = []
        self.crash_at: tuple[int, str] | None = None
        self.failing: set[str] = set()

    def observe(self, step: Step) -> State:
        return {"value": self.values.get(step.target)}

    def perform(self, step: Step) -> State:
        call = len(self.performed) + 1
        if self.crash_at == (call, "before"):
            raise Crash
        if step.target in self.failing:
            raise Unavailable(f"{step.target} does not answer")
        self.performed.append(step.target)
        self.values[step.target] = step.after["value"]
        if self.crash_at == (call, "after"):
            raise Crash
        return {"was": step.before["value"]}


class DyingJournal(MemoryJournal):
    """A journal whose process ends before or after it has written its n-th entry."""

    def __init__(self, dies_at: int, when: str) -> None:
        super().__init__()
        self._dies_at, self._when = dies_at, when

    def append(self, entry: Entry) -> None:
        last = len(self.entries()) + 1 == self._dies_at
        if last and self._when == "before":
            raise Crash
        super().append(entry)
        if last:
            raise Crash


def step(
    name: str, before: int, after: int, *, region: str = "r", needs: Sequence[str] = ()
) -> Step:
    return Step(
        id=name,
        action="set",
        target=name,
        region=region,
        why="it is asked for",
        before={"value": before},
        after={"value": after},
        needs=tuple(needs),
    )


def plan(*steps: Step, made_ms: int = NOW_MS, needs_approval: bool = False) -> Plan:
    return Plan(
        kind="numbers",
        account=ACCOUNT,
        regions=("r",),
        made_ms=made_ms,
        expires_ms=made_ms + HOUR_MS,
        asked={"by": "a test", "most": 3},
        steps=steps,
        notes=("nothing else",),
        needs_approval=needs_approval,
    )


def at(now_ms: int = NOW_MS) -> Callable[[], int]:
    return lambda: now_ms
