"""Aliases that CodeDeploy deploys to are left to it."""

from __future__ import annotations

import json

import pytest
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.plans.journal import MemoryJournal

from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import Bench, function, layers, shape


@pytest.fixture
def bench(cloud: LambdaCloud) -> Bench:
    layers(cloud, "deps")
    function(cloud, "a", "deps:1", alias="live")
    function(cloud, "b", "deps:1", alias="live")
    cloud.control.beside.group(cloud.where, "shop", "a-group", "a", "live")
    cloud.control.beside.group(cloud.where, "shop", "other", "elsewhere", "live")
    return Bench(cloud)


def test_a_group_belongs_to_the_alias_that_it_deployed_to(bench: Bench) -> None:
    found = CodeDeploy(bench.account, bench.clock.sleep).groups(bench.cloud.region)
    assert found == {("a", "live"): "shop/a-group", ("elsewhere", "live"): "shop/other"}


def test_it_shifts_the_alias_with_the_hooks_of_its_last_deployment(bench: Bench) -> None:
    plan = bench.plan()
    assert "alias live by CodeDeploy" in str([step.why for step in plan.steps])
    found = bench.rolling().run(plan)
    assert found.whole
    assert shape(bench.cloud, "a")["aliases"] == {"live": "2"}
    (deployment,) = bench.cloud.control.beside.deployments.values()
    spec = json.loads(deployment.revision["appSpecContent"]["content"])
    assert spec["Hooks"] == [{"BeforeAllowTraffic": "check-it"}]
    assert deployment.properties == {
        "Name": "a", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2",
    }  # fmt: skip
    by = {r["aliases"]["live"]["by"] for r in found.changed.values()}
    assert by == {f"CodeDeploy {deployment.id}", "UpdateAlias"}


def test_a_deployment_that_fails_leaves_the_function_as_it_was(bench: Bench) -> None:
    bench.cloud.control.beside.failing.add("a-group")
    was = shape(bench.cloud, "a")
    found = bench.rolling().run(bench.plan())
    ((code, reason),) = found.held.values()
    assert code == "deployment-failed"
    assert "An alarm of the group went off." in reason
    now = shape(bench.cloud, "a")
    assert (now["layers"], now["aliases"], now["batch"]) == (was["layers"], was["aliases"], None)
    assert len(found.changed) == 1


def test_a_rollback_stops_what_is_under_way(bench: Bench) -> None:
    bench.cloud.control.beside.looks = 5
    plan, journal = bench.plan(first=("a",)), MemoryJournal()
    rolling = bench.rolling(journal)

    class Gone(BaseException):
        pass

    def die(seconds: float) -> None:
        raise Gone

    rolling.fleet.deploy.sleep = die  # type: ignore[attr-defined]
    with pytest.raises(Gone):
        rolling.run(plan)
    assert shape(bench.cloud, "a")["routing"]["live"]["AdditionalVersionWeights"] == {"2": 0.1}
    found = bench.rolling(journal).roll_back(plan, "asked for")
    assert (found.state, found.left) == ("rolled-back", {})
    now = shape(bench.cloud, "a")
    assert (now["layers"], now["aliases"], now["routing"]) == (
        ["deps:1"], {"live": "1"}, {"live": None},
    )  # fmt: skip


def test_a_group_that_is_busy_holds_the_function(bench: Bench) -> None:
    plan = bench.plan()
    client = bench.cloud.client("codedeploy")
    content = json.dumps(
        {"Resources": [{"x": {"Properties": {"Name": "b", "Alias": "live", "CurrentVersion": "1",
                                             "TargetVersion": "1"}}}]}
    )  # fmt: skip
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
    client.create_deployment(
        applicationName="shop", deploymentGroupName="a-group", revision=revision
    )
    found = bench.rolling().run(plan)
    ((code, reason),) = found.held.values()
    assert (code, "already has an active Deployment" in reason) == ("refused", True)
    assert shape(bench.cloud, "a")["layers"] == ["deps:1"]
