"""Functions of the same name in several regions are several functions: in the gate and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from millrace.lambda_layers.gate import Health
from millrace.lambda_layers.manifest import describe
from millrace.plans.plan import Step

from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import HEALTHY, Bench, MadeUp, arn, layers_of
from tests.rollout.typing_commands import Commands

HERE, THERE = "eu-west-1", "us-east-1"
REGIONS = ("--region", HERE, "--region", THERE)


@pytest.fixture
def twice(cloud: LambdaCloud) -> LambdaCloud:
    """The same two functions in two regions."""
    for region in (HERE, THERE):
        where = Where(cloud.account, region)
        for number in range(1, 4):
            tree = describe(str(number) * 64, None)
            seeding.layer(cloud.world, where, "deps", description=tree)
        for name in ("api", "job"):
            seeding.function(cloud.world, where, name, [arn(cloud, "deps:1", region)])
    return cloud


def test_they_are_told_apart(twice: LambdaCloud, millrace: Commands) -> None:
    options = ("--waves", "100%", "--bake", "0", "--patience", "0")
    printed = millrace("layers", "rollout", "deps:3", *REGIONS, *options)
    assert f"api@{HERE}: deps:1 → deps:3" in printed.out
    done = millrace("layers", "rollout", "deps:3", *REGIONS, *options, "--execute", "--json")
    names = {f"{name}@{region}" for name in ("api", "job") for region in (HERE, THERE)}
    assert set(done.document["changed"]) == names
    assert set(done.document["results"]) == names
    assert done.document["results"][f"job@{THERE}"]["layers"] == [arn(twice, "deps:3", THERE)]
    shown = millrace("layers", "rollout", "rollback", done.document["rollout"])
    assert f"  - job@{THERE}: deps:1" in shown.out
    again = millrace("layers", "rollout", "deps:3", *REGIONS, "--json").document["plan"]
    (note,) = again["notes"]
    assert note.endswith(f"api@{HERE}, api@{THERE}, job@{HERE}, job@{THERE}")


def test_one_that_fails_is_not_lost_beside_its_namesake(twice: LambdaCloud) -> None:
    class Far(MadeUp):
        def health(
            self, functions: Sequence[Step], start_ms: int, end_ms: int, *, inits: bool
        ) -> Mapping[str, Health]:
            found = dict(super().health(functions, start_ms, end_ms, inits=inits))
            few, failing = replace(HEALTHY, invocations=30), f":{THERE}:"
            before = end_ms - start_ms >= 3_600_000
            for name in found:
                if failing in name:
                    found[name] = few if before else replace(few, errors=10)
            return found

    bench = Bench(twice, evidence=Far())
    found = bench.rolling().run(bench.plan(regions=(HERE, THERE), shares="100%"))
    assert found.state == "rolled-back"
    assert f"api@{THERE} fails in 10 of 30 invocations" in found.rollback
    home = twice.world.home(Where(twice.account, THERE))
    assert layers_of(home.functions["api"].latest) == ["deps:1"]
