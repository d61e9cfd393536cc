"""What changes, or is taken away, while a rollout runs: named, and nothing half done."""

from __future__ import annotations

import pytest
from millrace.errors import PlanRefused, StalePlan
from millrace.lambda_layers.gate import Health
from millrace.lambda_layers.standing import document, standing
from millrace.plans.journal import MemoryJournal

from localcloud.faults.loading import parse
from localcloud.lambda_control import functions, seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import (
    HEALTHY,
    NOW_MS,
    RULES,
    Bench,
    MadeUp,
    fleet_of,
    held,
    names_of,
    shape,
    small,
)

BROKEN = Health(1000, 400, (300.0,) * 20)


@pytest.fixture
def bench(cloud: LambdaCloud) -> Bench:
    small(cloud)
    return Bench(cloud)


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


def test_what_another_rollout_gives_just_now_is_not_counted_as_ours(bench: Bench) -> None:
    ours, theirs = bench.plan(first=("c",)), bench.plan(first=("c",), parallel=2)
    journal = MemoryJournal()
    assert bench.rolling().run(theirs).whole
    found = bench.rolling(journal).run(ours)
    assert set(held(found).values()) == {"changed"}
    assert found.changed == {}
    assert "somebody else gave it deps:3 just now" in str(found.held.values())
    assert bench.rolling(journal).roll_back(ours, "asked for").left == {}
    assert {tuple(one["layers"]) for one in fleet_of(bench.cloud).values()} == {
        ("other:1", "deps:3", "more:2"), ("deps:3",), ("deps:3", "other:3"),
    }  # fmt: skip


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


def test_what_somebody_changes_right_after_us_is_not_released(bench: Bench) -> None:
    plan = bench.plan(first=("a",))
    cloud = bench.cloud

    def deploy() -> None:
        where = {"FunctionName": "a"}
        functions.update_code(cloud.world, cloud.where, where | {"ZipFile": b"unreleased"})

    # The second look is the one after our update: their code is there by then.
    rule = {"service": "lambda", "operation": "GetFunctionConfiguration", "calls": [2]}
    cloud.control.on_crash = deploy
    cloud.control.faults.use(parse({"rule": [rule | {"crash": True}]}))
    found = bench.rolling().run(plan)
    assert held(found) == {"a": "changed"}
    ((_, reason),) = found.held.values()
    assert "somebody else has changed its CodeSha256" in reason
    assert "$LATEST has deps:3 beside their change, and no alias was moved" in reason
    now = shape(cloud, "a")
    assert (now["aliases"], list(now["versions"])) == ({"live": "1"}, [1])
    assert len(found.changed) == 3


def test_traffic_goes_back_although_somebody_works_on_latest(bench: Bench) -> None:
    plan, journal = bench.plan(), MemoryJournal()
    bench.rolling(journal).run(plan)
    bench.cloud.client().update_function_configuration(FunctionName="a", Timeout=30)
    found = bench.rolling(journal).roll_back(plan, "asked for")
    (reason,) = found.left.values()
    assert reason == (
        "somebody else changed it since (Timeout); what its aliases do is put back: live → 1"
    )
    now = shape(bench.cloud, "a")
    assert (now["aliases"], now["layers"][1]) == ({"live": "1"}, "deps:3")
