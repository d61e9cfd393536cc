"""Aliases that CodeDeploy deploys to are left to it."""

from __future__ import annotations

import json

import pytest
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.plans.journal import MemoryJournal

from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import Bench, arn, function, layers, shape


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


def test_an_alarm_of_a_deployment_fails_the_wave(bench: Bench) -> None:
    bench.cloud.control.beside.failing.add("a-group")
    was = {name: shape(bench.cloud, name) for name in "ab"}
    plan = bench.plan(first=("b",), shares="1,100%")
    journal = MemoryJournal()
    found = bench.rolling(journal).run(plan)
    ((code, reason),) = found.held.values()
    assert (code, found.state) == ("unhealthy", "rolled-back")
    assert "An alarm of the group went off." in reason
    assert found.rollback.startswith("wave 2 failed its gate: a: CodeDeploy's deployment d-")
    for name, before in was.items():
        now = shape(bench.cloud, name)
        assert (now["layers"], now["aliases"]) == (before["layers"], before["aliases"])
    assert shape(bench.cloud, "a")["batch"] is None
    assert bench.rolling(journal).run(plan).state == "rolled-back"


def test_after_an_alarm_no_other_function_is_begun(bench: Bench) -> None:
    bench.cloud.control.beside.failing.add("a-group")
    found = bench.rolling().run(bench.plan(first=("a",), shares="1,100%"))
    assert (found.state, found.changed) == ("rolled-back", {})
    assert shape(bench.cloud, "b")["batch"] is None


def test_a_deployment_that_a_person_stops_says_nothing_of_the_version(bench: Bench) -> None:
    beside = bench.cloud.control.beside
    beside.looks = 5
    rolling = bench.rolling()

    def stop(seconds: float) -> None:
        (deployment,) = beside.deployments
        bench.cloud.client("codedeploy").stop_deployment(deploymentId=deployment)

    rolling.fleet.deploy.sleep = stop  # type: ignore[attr-defined]
    found = rolling.run(bench.plan())
    ((code, _),) = found.held.values()
    assert (code, found.outcome, len(found.changed)) == ("deployment-failed", "done", 1)
    assert shape(bench.cloud, "a")["layers"] == ["deps:1"]


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


def test_a_rollback_leaves_somebody_elses_deployment(bench: Bench) -> None:
    plan, journal, beside = bench.plan(), MemoryJournal(), bench.cloud.control.beside
    assert bench.rolling(journal).run(plan).whole
    client = bench.cloud.client()
    client.update_function_configuration(FunctionName="a", MemorySize=512)
    theirs = client.publish_version(FunctionName="a")["Version"]
    beside.looks = 50
    properties = {"Name": "a", "Alias": "live", "CurrentVersion": "2", "TargetVersion": theirs}
    spec = {"content": json.dumps({"Resources": [{"a": {"Properties": properties}}]})}
    deploy = bench.cloud.client("codedeploy")
    started = deploy.create_deployment(
        applicationName="shop",
        deploymentGroupName="a-group",
        revision={"revisionType": "AppSpecContent", "appSpecContent": spec},
    )["deploymentId"]
    deploy.get_deployment(deploymentId=started)  # the first part of the traffic
    deploy.get_deployment(deploymentId=started)
    found = bench.rolling(journal).roll_back(plan, "asked for")
    (left,) = found.left.values()
    assert "somebody else has let alias live point to 2 and 3" in left
    assert beside.deployments[started].status == "InProgress"
    assert shape(bench.cloud, "b")["aliases"] == {"live": "1"}


def test_a_rollback_of_an_alias_alone_says_which_layer_there_is(cloud: LambdaCloud) -> None:
    layers(cloud, "deps")
    function(cloud, "f", "deps:1", alias="live")
    seeding.use(cloud.world, cloud.where, "f", [arn(cloud, "deps:3")])
    bench, journal = Bench(cloud), MemoryJournal()
    plan = bench.plan()
    assert bench.rolling(journal).run(plan).whole
    assert bench.rolling(journal).roll_back(plan, "asked for").left == {}
    now = shape(cloud, "f")
    assert (now["aliases"], now["layers"]) == ({"live": "1"}, ["deps:3"])
    assert (now["batch"], now["version"]) == ("rolled-back", "3")


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
