"""How far a rollout is: the fold of its journal, the same while it runs and after a crash.

Beside the entries of every journal there are, by the names of their steps: `wave:N` when a wave
begins, `gate:N` when it was judged, `rollback` when it is decided to undo, and `undo:ID` for the
function of step ID.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from millrace.lambda_layers.exchange import UNHEALTHY
from millrace.lambda_layers.gate import Decision
from millrace.lambda_layers.rollout import KIND, wave_of
from millrace.plans.journal import Entry, progress
from millrace.plans.plan import Plan, State, Step

ROLLBACK = "rollback"
DONE = "done"
ROLLED_BACK = "rolled-back"
_PASSED = (Decision.PASSED, Decision.NOTHING)


@dataclass(slots=True)
class Standing:
    """Where a rollout stands.

    Attributes:
        open: steps that were begun, and nobody knows how far they came.
        changed: what came of each function that has the version, in the order it was done.
        held: functions that were left alone or put back, with code and reason.
        begun_ms: when each wave began; changed_ms: when its last function was changed.
        moved: steps that a wave took from a later one, since it could change none of its own.
        gates: the last verdict on each wave.
        rollback: why it is undone; empty where it is not.
        undone: what was put back; left: what could not be, and why.
        halted: why it does not go on; empty while it does.
        outcome: DONE or ROLLED_BACK at its end.
        names: what the function of each step is called; see `names`.
    """

    plan: Plan
    started: bool = False
    open: set[str] = field(default_factory=set)
    changed: dict[str, State] = field(default_factory=dict)
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    begun_ms: dict[int, int] = field(default_factory=dict)
    changed_ms: dict[int, int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    gates: dict[int, State] = field(default_factory=dict)
    rollback: str = ""
    undone: dict[str, State] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    halted: tuple[str, str] = ("", "")
    outcome: str = ""
    steps: Mapping[str, Step] = field(init=False)
    names: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = {step.id: step for step in self.plan.steps}
        self.names = names(self.plan)

    @property
    def state(self) -> str:
        """In a word: planned, running, stopped, held, rolling-back, rolled-back or done."""
        if self.outcome:
            return self.outcome
        if self.halted[0]:
            return "stopped" if self.halted[0] == "stopped" else "held"
        if self.rollback:
            return "rolling-back"
        return "running" if self.started else "planned"

    @property
    def whole(self) -> bool:
        """Whether every function of the plan has the version."""
        return self.outcome == DONE and len(self.changed) == len(self.plan.steps)

    def waves(self) -> Iterator[tuple[int, list[Step]]]:
        """The waves that are not passed yet, with what is still to be done in each."""
        for wave in sorted({wave_of(step) for step in self.plan.steps}):
            if self.gates.get(wave, {}).get("decision") in _PASSED:
                continue
            yield wave, [step for step in self.of(wave) if not self._settled(step.id)]

    def substitute(self, wave: int) -> Step | None:
        """The first function of a later wave that is still to be changed."""
        later = (step for step in self.plan.steps if self._wave(step) > wave)
        return next((step for step in later if not self._settled(step.id)), None)

    def of(self, wave: int) -> list[Step]:
        """The steps of a wave."""
        return [step for step in self.plan.steps if self._wave(step) == wave]

    @property
    def unhealthy(self) -> tuple[str, ...]:
        """What CodeDeploy's alarms and hooks found wrong with functions, which were put back."""
        held = self.held.items()
        return tuple(f"{self.names[one]}: {why}" for one, (code, why) in held if code == UNHEALTHY)

    def changed_in(self, wave: int) -> list[Step]:
        """The functions of a wave that have the version now."""
        return [step for step in self.of(wave) if step.id in self.changed]

    def to_undo(self) -> list[Step]:
        """What is to be put back, the newest first; what was under way counts as newest."""
        begun = [*self.changed, *sorted(self.open - set(self.changed), key=int)]
        pending = [one for one in reversed(begun) if one not in self.undone]
        return [self.steps[one] for one in pending if one not in self.left]

    def take(self, entry: Entry) -> None:
        """Fold in what was just written."""
        kind, _, name = entry.step.rpartition(":")
        if entry.event == "started":
            # Once more where it was resumed.
            self.started, self.halted = True, ("", "")
        elif entry.event == "stopped":
            self.halted = (entry.data.get("code", "stopped"), entry.data.get("reason", ""))
        elif entry.event == "finished":
            self.outcome, self.halted = entry.data["outcome"], ("", "")
        elif entry.step == ROLLBACK:
            self.rollback, self.outcome = entry.data["reason"], ""
        elif kind == "gate":
            self.gates[int(name)] = entry.data
        elif kind == "wave":
            self.begun_ms.setdefault(int(name), entry.at_ms)
            if "instead" in entry.data:
                self.moved[entry.data["instead"]] = int(name)
        elif kind == "undo":
            self._undo(name, entry)
        else:
            self._step(entry)

    def _step(self, entry: Entry) -> None:
        if entry.event == "intent":
            self.open.add(entry.step)
            return
        self.open.discard(entry.step)
        if entry.event == "done":
            self.changed[entry.step] = entry.data
            self.changed_ms[self._wave(self.steps[entry.step])] = entry.at_ms
        elif not entry.data.get("again"):
            self.held[entry.step] = (entry.data["code"], entry.data["reason"])

    def _undo(self, name: str, entry: Entry) -> None:
        if entry.event == "done":
            self.undone[name] = entry.data
        elif entry.event == "failed":
            self.left[name] = entry.data["reason"]

    def _wave(self, step: Step) -> int:
        return self.moved.get(step.id) or wave_of(step)

    def _settled(self, name: str) -> bool:
        return name in self.changed or name in self.held


def names(plan: Plan) -> dict[str, str]:
    """What the function of each step is called, by the steps' ids.

    That is its name; with its region behind it where another region of the plan has the same one.
    """
    often = Counter(step.arguments["function"] for step in plan.steps)
    return {
        step.id: name if often[name] == 1 else f"{name}@{step.region}"
        for step in plan.steps
        for name in (step.arguments["function"],)
    }


def standing(entries: Iterable[Entry], plan: Plan) -> Standing:
    """Where a journal leaves a plan. Raises PlanRefused for the journal of another one."""
    found = Standing(plan)
    rows = list(entries)
    # The rules of every journal: it is this plan's, and speaks of no step that there is not.
    progress([one for one in rows if one.event == "started" or one.step.isdigit()], plan)
    for one in rows:
        found.take(one)
    return found


def document(found: Standing) -> dict[str, Any]:
    """A standing as JSON, for machines."""
    names = found.names
    return {
        "rollout": found.plan.hash[:12],
        "kind": KIND,
        "state": found.state,
        "reason": found.halted[1] or found.rollback,
        "layer": found.plan.asked["layer"],
        "functions": len(found.plan.steps),
        "changed": [names[one] for one in found.changed if one not in found.undone],
        "held": [
            {"function": names[one], "code": code, "reason": reason}
            for one, (code, reason) in found.held.items()
        ],
        "under_way": [names[one] for one in sorted(found.open, key=int)],
        "rolled_back": [names[one] for one in found.undone],
        "left": [{"function": names[one], "reason": why} for one, why in found.left.items()],
        "waves": [_wave(found, wave) for wave in sorted({wave_of(s) for s in found.plan.steps})],
        "results": {names[one]: dict(result) for one, result in found.changed.items()},
    }


def _wave(found: Standing, wave: int) -> dict[str, Any]:
    return {
        "wave": wave,
        "functions": [found.names[step.id] for step in found.of(wave)],
        "changed": len(found.changed_in(wave)),
        "held": sum(step.id in found.held for step in found.of(wave)),
        "gate": dict(found.gates[wave]) if wave in found.gates else None,
    }
