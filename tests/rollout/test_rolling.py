"""A rollout in the emulated cloud: waves, gates, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from millrace.errors import PlanRefused, Unavailable
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.gate import Health, Rules
from millrace.lambda_layers.standing import document, standing
from millrace.plans.journal import MemoryJournal

from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import (
    HEALTHY,
    NOW_MS,
    RULES,
    Bench,
    Button,
    MadeUp,
    arn,
    fleet_of,
    function,
    layers,
    names_of,
    shape,
    small,
)

BROKEN = Health(1000, 400, (300.0,) * 20)


@pytest.fixture
def bench(cloud: LambdaCloud) -> Bench:
    small(cloud)
    return Bench(cloud)


def test_every_function_gets_the_version_and_keeps_its_others(bench: Bench) -> None:
    plan = bench.plan()
    assert [len(names) for names in names_of(plan)] == [1, 1, 2]
    found = bench.rolling().run(plan)
    assert found.whole, document(found)
    fleet = fleet_of(bench.cloud)
    assert {name: one["layers"] for name, one in fleet.items()} == {
        "a": ["other:1", "deps:3", "more:2"],
        "b": ["deps:3"],
        "c": ["deps:3", "other:3"],
        "d": ["deps:3"],
    }
    # What carries traffic moved: to a version that was published with the layer.
    assert fleet["a"]["aliases"] == fleet["b"]["aliases"] == {"live": "2"}
    assert fleet["a"]["versions"][1] == ["other:1", "deps:1", "more:2"]
    assert fleet["a"]["versions"][2] == ["other:1", "deps:3", "more:2"]
    assert fleet["c"]["versions"] == fleet["d"]["versions"] == {}
    waves = {name: str(number) for number, names in enumerate(names_of(plan), 1) for name in names}
    assert {name: one["batch"] for name, one in fleet.items()} == waves
    assert {one["version"] for one in fleet.values()} == {"3"}
    # Each wave was watched for its time, and what it did before was known before it was changed.
    assert bench.clock.now - NOW_MS >= 3 * RULES.bake_s * 1000


def test_the_journal_has_the_exact_layers_before_each_change(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    bench.rolling(journal).run(plan)
    intents = {
        plan.steps[int(one.step) - 1].arguments["function"]: one.data["found"]["layers"]
        for one in journal.entries()
        if one.event == "intent" and one.step.isdigit()
    }
    assert intents["a"] == [arn(bench.cloud, text) for text in ("other:1", "deps:1", "more:2")]
    assert set(intents) == set("abcd")
    assert standing(journal.entries(), plan).whole


def test_the_same_plan_again_does_nothing(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    bench.rolling(journal).run(plan)
    calls = dict(bench.account.calls)
    assert bench.rolling(journal).run(plan).whole
    assert dict(bench.account.calls) == calls
    again = bench.plan()
    assert (again.steps, len(again.notes)) == ((), 1)
    assert again.notes == ("left out, it has deps:3 already: a, b, c, d",)


def test_a_wave_that_fails_is_undone_with_all_before_it(bench: Bench) -> None:
    before = fleet_of(bench.cloud)
    plan = bench.plan()
    bad = names_of(plan)[1][0]
    bench.evidence = MadeUp(lambda name: BROKEN if name == bad else HEALTHY)
    journal = MemoryJournal()
    found = bench.rolling(journal).run(plan)
    assert found.state == "rolled-back"
    assert f"{bad} fails in 400 of 1,000 invocations" in found.rollback
    assert found.left == {}
    for name, was in before.items():
        now = shape(bench.cloud, name)
        assert (now["layers"], now["aliases"]) == (was["layers"], was["aliases"]), name
    undone = [one.step for one in journal.entries() if one.step.startswith("undo:")]
    assert undone == ["undo:2", "undo:2", "undo:1", "undo:1"]  # the newest first
    assert shape(bench.cloud, bad)["batch"] == "rolled-back"
    untouched = [name for names in names_of(plan)[2:] for name in names]
    assert {shape(bench.cloud, name)["batch"] for name in untouched} == {None}


def test_too_little_data_holds_and_a_person_may_pass_it(bench: Bench) -> None:
    bench.evidence = MadeUp(lambda name: Health(3, 0))
    plan, journal = bench.plan(), MemoryJournal()
    found = bench.rolling(journal).run(plan)
    assert (found.state, len(found.changed)) == ("held", 1)
    assert "3 invocations after the change; 100 are needed" in found.halted[1]
    assert bench.clock.now - NOW_MS >= (RULES.bake_s + RULES.patience_s) * 1000
    assert bench.rolling(journal).run(plan).state == "held"
    found = bench.rolling(journal, accept="somebody").run(plan)
    assert (found.state, len(found.changed)) == ("held", 2)  # the next wave is looked at again
    assert found.gates[1]["reasons"][0] == "passed on the word of somebody"
    bench.evidence = MadeUp()
    assert bench.rolling(journal).run(plan).whole


def test_data_that_comes_late_is_waited_for(bench: Bench) -> None:
    plan = bench.plan()
    late = NOW_MS + (RULES.bake_s + 30) * 1000
    bench.evidence = MadeUp(lambda name: HEALTHY if bench.clock.now >= late else Health())
    assert bench.rolling().run(plan).whole


def test_a_clear_failure_is_not_waited_for(bench: Bench) -> None:
    bench.evidence = MadeUp(lambda name: BROKEN)
    bench.rolling().run(bench.plan())
    assert bench.clock.now == NOW_MS
    # Cold starts, whose query is paid for, were asked for before only.
    assert [inits for *_, inits in bench.evidence.asked] == [True, False]


def test_the_stop_button_is_looked_at_before_each_function(bench: Bench) -> None:
    plan, journal = bench.plan(shares="100%"), MemoryJournal()
    rolling = bench.rolling(journal)

    def tell(line: str) -> None:
        if ": done (" in line:
            bench.button.says = "somebody says stop"

    rolling.tell = tell
    found = rolling.run(plan)
    assert (found.state, len(found.changed), len(found.open)) == ("stopped", 1, 0)
    assert "somebody says stop; before" in found.halted[1]
    assert bench.rolling(journal).run(plan).state == "stopped"
    bench.button.says = ""
    assert bench.rolling(journal).run(plan).whole


def test_the_stop_button_ends_the_watching_too(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    rolling = bench.rolling(journal)
    rolling.sleep = lambda seconds: setattr(bench.button, "says", "stop it")
    found = rolling.run(plan)
    assert (found.state, found.gates) == ("stopped", {})
    bench.button.says = ""
    assert bench.rolling(journal).run(plan).whole


def test_an_update_that_takes_its_time_is_waited_for(bench: Bench) -> None:
    bench.cloud.world.update_s = 0.3
    started = bench.clock.now

    def sleep(seconds: float) -> None:
        import time

        time.sleep(min(seconds, 0.1))
        bench.clock.sleep(seconds)

    plan = bench.plan(rules=Rules(bake_s=0, patience_s=0))
    rolling = bench.rolling()
    rolling.fleet.sleep = rolling.sleep = sleep  # type: ignore[attr-defined]
    assert rolling.run(plan).whole
    assert bench.clock.now > started


def test_functions_that_are_changed_side_by_side_end_the_same(cloud: LambdaCloud) -> None:
    layers(cloud, "deps")
    names = [f"f{number:02d}" for number in range(24)]
    for number, name in enumerate(names):
        function(cloud, name, "deps:1", alias="live" if number % 2 else "")
    bench = Bench(cloud)
    found = bench.rolling().run(bench.plan(parallel=8))
    assert found.whole
    assert {tuple(one["layers"]) for one in fleet_of(cloud).values()} == {("deps:3",)}
    bench.evidence = MadeUp()
    journal = MemoryJournal()
    back = bench.plan("deps:2", parallel=8, shares="100%")
    bench.evidence = MadeUp(lambda name: replace(HEALTHY, errors=500))
    assert bench.rolling(journal).run(back).state == "rolled-back"
    assert {tuple(one["layers"]) for one in fleet_of(cloud).values()} == {("deps:3",)}


def test_one_answer_that_does_not_come_ends_no_bake(bench: Bench) -> None:
    class Shaky(MadeUp):
        def health(self, *asked: Any, **named: Any) -> Mapping[str, Health]:
            found = super().health(*asked, **named)
            if len(self.asked) == 2:
                raise Unavailable("CloudWatch does not answer")
            return found

    bench.evidence = Shaky()
    assert bench.rolling().run(bench.plan()).whole
    assert "wave 1: CloudWatch does not answer" in bench.told


def test_a_button_that_does_not_answer_once_ends_no_bake(bench: Bench) -> None:
    class Shaky(Button):
        looks = 0

        def pressed(self) -> str:
            self.looks += 1
            if self.looks == 2:
                raise Unavailable("SSM does not answer")
            return ""

    bench.button = Shaky()
    assert bench.rolling().run(bench.plan()).whole
    assert "wave 1: SSM does not answer" in bench.told


def test_evidence_that_never_comes_stops_it(bench: Bench) -> None:
    def after(name: str) -> Health:
        raise Unavailable("CloudWatch does not answer")

    plan, journal = bench.plan(), MemoryJournal()
    bench.evidence = MadeUp(after)
    found = bench.rolling(journal).run(plan)
    assert (found.state, len(found.changed)) == ("held", 1)
    bench.evidence = MadeUp()
    assert bench.rolling(journal).run(plan).whole


def test_it_goes_on_after_its_plans_time_but_in_no_other_account(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    bench.button.says = "wait"
    assert bench.rolling(journal).run(plan).state == "stopped"
    bench.button.says = ""
    bench.clock.now += 100 * 3_600_000
    mine = bench.account
    bench.account = LambdaAccount(bench.cloud.session("210987654321"), bench.cloud.url)
    refused = "was made for account 123456789012"
    with pytest.raises(PlanRefused, match=refused):
        bench.rolling(journal).run(plan)
    with pytest.raises(PlanRefused, match=refused):
        bench.rolling(journal).roll_back(plan, "asked for")
    bench.account = mine
    assert bench.rolling(journal).run(plan).whole
