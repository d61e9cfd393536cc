"""A rollout in the emulated cloud: waves, gates, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from millrace.errors import PlanRefused, StalePlan
from millrace.lambda_layers.gate import Health, Rules
from millrace.lambda_layers.standing import Standing, document, standing
from millrace.plans.journal import MemoryJournal
from millrace.plans.plan import Plan

from localcloud.faults.loading import parse
from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import (
    HEALTHY,
    NOW_MS,
    RULES,
    Bench,
    MadeUp,
    arn,
    fleet_of,
    function,
    layers,
    shape,
    small,
)

BROKEN = Health(1000, 400, (300.0,) * 20)


@pytest.fixture
def bench(cloud: LambdaCloud) -> Bench:
    small(cloud)
    return Bench(cloud)


def names_of(plan: Plan) -> list[list[str]]:
    """The functions of each wave."""
    waves: dict[int, list[str]] = {}
    for step in plan.steps:
        waves.setdefault(step.arguments["wave"], []).append(step.arguments["function"])
    return list(waves.values())


def held(found: Standing) -> dict[str, str]:
    """Functions that are held, with the code."""
    return {one["function"]: one["code"] for one in document(found)["held"]}


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


def test_somebody_elses_change_is_held_and_not_overwritten(bench: Bench) -> None:
    plan = bench.plan()
    client = bench.cloud.client()
    client.update_function_configuration(FunctionName="c", MemorySize=512)
    client.update_function_configuration(FunctionName="d", Layers=[])
    was = fleet_of(bench.cloud)
    found = bench.rolling().run(plan)
    assert held(found) == {"c": "changed", "d": "changed"}
    assert "MemorySize" in found.held[next(s.id for s in plan.steps if s.target.endswith(":c"))][1]
    assert fleet_of(bench.cloud)["c"] == was["c"]
    assert fleet_of(bench.cloud)["d"] == was["d"]
    assert len(found.changed) == 2


def test_another_revision_of_the_same_is_no_change(bench: Bench) -> None:
    plan = bench.plan()
    bench.cloud.client().update_function_configuration(FunctionName="b", MemorySize=128)
    assert bench.rolling().run(plan).whole


def test_a_function_that_was_deleted_is_held(bench: Bench) -> None:
    plan = bench.plan()
    bench.cloud.client().delete_function(FunctionName="d")
    found = bench.rolling().run(plan)
    assert held(found) == {"d": "function-gone"}
    assert (found.outcome, found.whole) == ("done", False)
    assert len(found.changed) == 3


def test_a_first_wave_that_is_held_takes_the_next_function(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    (first,), (second,), _ = names_of(plan)
    for name in (first, second):
        bench.cloud.client().update_function_configuration(FunctionName=name, MemorySize=256)
    found = bench.rolling(journal).run(plan)
    assert held(found) == {first: "changed", second: "changed"}
    # It was watched alone, as the first of all: no wave of many was let loose unseen.
    watched = [names for names, start, end, _ in bench.evidence.asked if end - start < 3_600_000]
    assert len(watched[0]) == 1
    assert {frozenset(names) for names in watched} == {
        frozenset(watched[0]),
        frozenset("abcd") - {first, second, *watched[0]},
    }
    assert found.outcome == "done"
    assert document(standing(journal.entries(), plan)) == document(found)


def test_where_every_function_is_held_nothing_is_judged(bench: Bench) -> None:
    plan = bench.plan()
    for name in "abcd":
        bench.cloud.client().delete_function(FunctionName=name)
    found = bench.rolling().run(plan)
    assert (len(found.held), found.changed, found.whole) == (4, {}, False)


def test_an_alias_that_somebody_moved_is_left_and_the_function_put_back(bench: Bench) -> None:
    plan = bench.plan()
    client = bench.cloud.client()
    client.update_alias(FunctionName="a", Name="live", FunctionVersion="$LATEST")
    found = bench.rolling().run(plan)
    assert held(found) == {"a": "alias-moved"}
    now = shape(bench.cloud, "a")
    assert now["layers"] == ["other:1", "deps:1", "more:2"]
    assert now["aliases"] == {"live": "$LATEST"}


def test_a_version_that_was_deleted_since_makes_the_plan_stale(bench: Bench) -> None:
    plan = bench.plan()
    bench.cloud.client().delete_layer_version(LayerName="deps", VersionNumber=3)
    with pytest.raises(StalePlan, match="deps:3 does not exist any more"):
        bench.rolling().run(plan)
    assert {one["batch"] for one in fleet_of(bench.cloud).values()} == {None}


def test_a_version_that_is_deleted_between_waves_halts(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    cloud = bench.cloud

    def after(name: str) -> Health:
        if bench.clock.now > NOW_MS + RULES.bake_s * 500:
            cloud.client().delete_layer_version(LayerName="deps", VersionNumber=3)
        return HEALTHY

    bench.evidence = MadeUp(after)
    found = bench.rolling(journal).run(plan)
    assert (found.state, len(found.changed)) == ("held", 1)
    assert found.halted == ("missing-layer", "deps:3 does not exist any more")
    assert bench.rolling(journal).roll_back(plan, "it is gone").state == "rolled-back"


def test_a_deleted_version_in_the_journal_is_named_and_traffic_goes_back(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    assert bench.rolling(journal).run(plan).whole
    bench.cloud.client().delete_layer_version(LayerName="deps", VersionNumber=1)
    found = bench.rolling(journal).roll_back(plan, "a person asks for it")
    left = {one["function"]: one["reason"] for one in document(found)["left"]}
    assert set(left) == set("abc")  # d had deps:2
    assert "deps:1 does not exist any more" in left["c"]
    assert "Alias live points again" in left["a"]
    now = fleet_of(bench.cloud)
    assert now["a"]["aliases"] == now["b"]["aliases"] == {"live": "1"}
    assert now["a"]["layers"] == ["other:1", "deps:3", "more:2"]
    assert now["c"]["layers"] == ["deps:3", "other:3"]
    assert now["d"]["layers"] == ["deps:2"]


def test_what_somebody_changed_since_is_left_by_a_rollback(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    bench.rolling(journal).run(plan)
    client = bench.cloud.client()
    client.update_function_configuration(FunctionName="c", Timeout=30)
    seeding.publish(bench.cloud.world, bench.cloud.where, "b")
    client.update_function_configuration(FunctionName="b", Timeout=30)
    seeding.publish(bench.cloud.world, bench.cloud.where, "b", "live")
    was = fleet_of(bench.cloud)
    found = bench.rolling(journal).roll_back(plan, "asked for")
    left = {one["function"]: one["reason"] for one in document(found)["left"]}
    assert left == {
        "b": "somebody else has let alias live point to 3",
        "c": "somebody else changed it since (Timeout)",
    }
    assert {name: fleet_of(bench.cloud)[name] for name in "bc"} == {n: was[n] for n in "bc"}
    assert shape(bench.cloud, "d")["layers"] == ["deps:2"]


def test_the_stop_button_is_looked_at_before_each_function(bench: Bench) -> None:
    plan, journal = bench.plan(shares="100%"), MemoryJournal()
    rolling = bench.rolling(journal)

    def tell(line: str) -> None:
        if line.endswith("done"):
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


@pytest.mark.parametrize(
    "operation",
    [
        "UpdateFunctionConfiguration",
        "GetFunctionConfiguration",
        "PublishVersion",
        "UpdateAlias",
        "TagResource",
    ],
)
def test_what_is_not_allowed_leaves_nothing_half_done(bench: Bench, operation: str) -> None:
    before = fleet_of(bench.cloud)
    plan, journal = bench.plan(first=("a",)), MemoryJournal()
    denied = ("*", "*", operation)
    bench.cloud.world.denied.add(denied)
    found = bench.rolling(journal).run(plan)
    assert found.state == "held"
    assert f"lambda:{operation} in eu-west-1 is not allowed" in found.halted[1] + str(found.held)
    now = fleet_of(bench.cloud)
    for name, was in before.items():
        assert (now[name]["layers"], now[name]["aliases"]) == (was["layers"], was["aliases"])
    bench.cloud.world.denied.remove(denied)
    assert bench.rolling(journal).run(plan).whole


def test_what_cannot_be_put_back_stops_all_and_is_named(bench: Bench) -> None:
    plan, journal = bench.plan(first=("a",)), MemoryJournal()
    cloud = bench.cloud
    cloud.world.denied.add(("*", "*", "PublishVersion"))

    def deny() -> None:
        cloud.world.denied.add(("*", "*", "UpdateFunctionConfiguration"))

    rules = [
        {"service": "lambda", "operation": "PublishVersion", "calls": [1], "crash": True},
    ]
    cloud.control.on_crash = deny
    cloud.control.faults.use(parse({"rule": rules}))
    found = bench.rolling(journal).run(plan)
    assert (found.state, len(found.open), found.changed) == ("held", 1, {})
    assert "could not be put back" in found.halted[1]
    assert "$LATEST has deps:3" in found.halted[1]
    assert [name for name, one in fleet_of(cloud).items() if "deps:3" in one["layers"]] == ["a"]
    cloud.world.denied.clear()
    assert bench.rolling(journal).run(plan).whole


def test_who_may_not_see_the_health_changes_nothing(bench: Bench) -> None:
    class Blind(MadeUp):
        def health(self, *asked: object, **named: object) -> dict[str, Health]:
            raise PlanRefused("no", "cloudwatch:GetMetricData is not allowed")

    bench.evidence = Blind()
    found = bench.rolling().run(bench.plan())
    assert (found.state, found.changed) == ("held", {})
    assert {one["batch"] for one in fleet_of(bench.cloud).values()} == {None}


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
