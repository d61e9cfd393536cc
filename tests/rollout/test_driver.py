"""The driver alone: whatever functions do, and wherever it dies, none is lost or changed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import NotAllowed, Unavailable
from millrace.lambda_layers import waves
from millrace.lambda_layers.exchange import Held
from millrace.lambda_layers.gate import Health
from millrace.lambda_layers.rolling import Rolling
from millrace.lambda_layers.rollout import KIND, wave_of
from millrace.lambda_layers.standing import standing
from millrace.plans.journal import MemoryJournal
from millrace.plans.plan import Plan, State, Step

from tests.plans.making import ACCOUNT, Crash
from tests.rollout.fleets import HEALTHY, NOW_MS, RULES, Button, Clock, MadeUp

ARN = "arn:aws:lambda:r-1:123456789012:layer:deps:8"
BROKEN = Health(1000, 900, (300.0,) * 20)
BEHAVIOUR = st.lists(
    st.sampled_from(["fine", "fine", "fine", "held", "denied once", "away once"]),
    min_size=1,
    max_size=25,
)


@dataclass
class FakeFleet:
    """Functions that do as they are told; what is done stays done when a process dies."""

    behaviour: Mapping[str, str]
    dies_at: int = 0
    account: str = ACCOUNT
    has: set[str] = field(default_factory=set)
    changes: Counter[str] = field(default_factory=Counter)
    undone: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    acts: int = 0

    def missing(self, arns: Sequence[str]) -> Mapping[str, str]:
        return {}

    def change(self, step: Step, *, resumed: bool) -> State:
        name = step.arguments["function"]
        if name in self.has:
            assert resumed, f"{name} is changed twice"
            return {"revision": "r"}
        does = self.behaviour[name]
        if does == "held":
            raise Held("changed", "somebody else was there")
        if does.endswith("once") and name not in self.refused:
            self.refused.add(name)
            raise (NotAllowed if does.startswith("denied") else Unavailable)(f"{name} is {does}")
        self._act()
        self.has.add(name)
        self.changes[name] += 1
        self._act()
        return {"revision": "r"}

    def restore(self, step: Step, result: State, *, layers: bool) -> State:
        name = step.arguments["function"]
        if name in self.has:
            self._act()
            self.has.remove(name)
            self.undone.append(name)
            self._act()
        return {}

    def _act(self) -> None:
        self.acts += 1
        if self.acts == self.dies_at:
            raise Crash


def plan_of(count: int) -> Plan:
    """A rollout over so many functions."""
    names = waves.ordered([f"f{number}" for number in range(count)], "salt")
    assigned = waves.assign(names, waves.shares("1,25%,100%"))
    steps = [
        Step(
            id=str(number),
            action="swap-layer",
            target=f"arn:aws:lambda:r-1:123456789012:function:{name}",
            region="r-1",
            why="wave",
            before={"layers": [ARN.replace(":8", ":7")], "revision": "r", "aliases": {}},
            after={"layers": [ARN]},
            arguments={"wave": wave, "function": name, "to": ARN, "aliases": {}},
        )
        for number, (wave, name) in enumerate(assigned, 1)
    ]
    asked = {"layer": {"r-1": ARN}, "gate": RULES.document, "parallel": 1, "stop": ""}
    return Plan(KIND, ACCOUNT, ("r-1",), NOW_MS, NOW_MS + 1000, asked, tuple(steps))


def run(fleet: FakeFleet, plan: Plan, evidence: MadeUp) -> MemoryJournal:
    """Carry it out, taken up by another process as often as it dies or halts."""
    journal, clock = MemoryJournal(), Clock()
    for _ in range(80):
        try:
            rolling = Rolling(fleet, evidence, Button(), journal, clock.now_ms, clock.sleep)
            if rolling.run(plan).outcome:
                return journal
        except Crash:
            journal = MemoryJournal(journal.entries())
    raise AssertionError("it comes to no end")


@given(BEHAVIOUR, st.integers(0, 60))
def test_every_function_is_changed_once_or_held(behaviour: list[str], dies_at: int) -> None:
    fleet = FakeFleet({f"f{n}": does for n, does in enumerate(behaviour)}, dies_at)
    plan = plan_of(len(behaviour))
    found = standing(run(fleet, plan, MadeUp()).entries(), plan)
    held = {name for name, does in fleet.behaviour.items() if does == "held"}
    assert found.outcome == "done"
    assert fleet.has == set(fleet.behaviour) - held
    assert set(fleet.changes.values()) <= {1}
    assert {found.steps[one].arguments["function"] for one in found.held} == held
    assert found.open == set()


@given(BEHAVIOUR, st.integers(0, 60), st.integers(0, 24))
def test_what_fails_leaves_nothing_behind(behaviour: list[str], dies_at: int, bad: int) -> None:
    broken = f"f{bad % len(behaviour)}"
    fleet = FakeFleet({f"f{n}": does for n, does in enumerate(behaviour)}, dies_at)
    plan = plan_of(len(behaviour))
    evidence = MadeUp(lambda name: BROKEN if name == broken else HEALTHY)
    found = standing(run(fleet, plan, evidence).entries(), plan)
    if fleet.behaviour[broken] == "held":
        assert found.outcome == "done"
        return
    assert found.outcome == "rolled-back"
    assert fleet.has == set()
    assert sorted(fleet.undone) == sorted(fleet.changes)
    # No wave after the one that failed was begun.
    failed = max(found.gates)
    later = {s.arguments["function"] for s in plan.steps if wave_of(s) > failed}
    assert not (set(fleet.changes) & later) - {
        found.steps[one].arguments["function"] for one in found.moved
    }


@given(st.integers(1, 25))
def test_the_newest_change_is_undone_first(count: int) -> None:
    fleet, plan = FakeFleet(dict.fromkeys((f"f{n}" for n in range(count)), "fine")), plan_of(count)
    last = plan.steps[-1].arguments["function"]
    run(fleet, plan, MadeUp(lambda name: BROKEN if name == last else HEALTHY))
    assert fleet.undone == [step.arguments["function"] for step in reversed(plan.steps)]
