"""Who is meant, who is left out and why, and what it costs to find out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from millrace.errors import ConfigurationError, LayerError, NotAllowed, PlanRefused
from millrace.lambda_layers import survey
from millrace.lambda_layers.manifest import describe
from millrace.lambda_layers.rollout import Target, Wanted
from millrace.plans import plan as plans

from localcloud.lambda_control import seeding
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.running import LambdaCloud
from tests.rollout.fleets import Bench, MadeUp, arn, fleet_of, function, layers, small

THERE = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/functions"


@pytest.fixture
def bench(cloud: LambdaCloud) -> Bench:
    return Bench(cloud)


def meant(bench: Bench, layer: str = "deps:3", **wanted: object) -> list[str]:
    return sorted(step.arguments["function"] for step in bench.plan(layer, **wanted).steps)


def test_functions_are_chosen_by_layer_name_tag_and_version(bench: Bench) -> None:
    small(bench.cloud)
    function(bench.cloud, "unrelated", "other:1")
    client = bench.cloud.client()
    for name in "bcd":
        where = bench.cloud.where.arn("function", name)
        client.tag_resource(Resource=where, Tags={"team": "data", "name": name})
    assert meant(bench) == list("abcd")
    assert meant(bench, names=("[ab]", "d")) == list("abd")
    assert meant(bench, tags={"team": "data"}) == list("bcd")
    assert meant(bench, tags={"team": "data", "name": "c"}) == ["c"]
    assert meant(bench, tags={"team": "none"}) == []
    assert meant(bench, using=(2,)) == ["d"]
    assert meant(bench, using=(2,), names=("a",)) == []
    assert meant(bench, "other") == ["a", "unrelated"]  # c has the newest


def test_who_may_not_ask_for_tags_is_told_as_iam_calls_it(bench: Bench) -> None:
    small(bench.cloud)
    bench.cloud.world.denied.add(("*", "*", "GetResources"))
    with pytest.raises(NotAllowed, match=r"^tag:GetResources in eu-west-1 is not allowed"):
        bench.plan(tags={"team": "data"})


def test_what_cannot_have_it_is_named_with_its_reason(bench: Bench) -> None:
    cloud = bench.cloud
    layers(cloud, "deps", "b", "c", "d", "e", "f")
    function(cloud, "old-runtime", "deps:1", runtime="python3.11")
    function(cloud, "full", "b:1", "c:1", "d:1", "e:1", "f:1")
    function(cloud, "fits", "b:1")
    members = {"FunctionName": "image", "Role": ROLE, "PackageType": "Image"}
    image = {"ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/image:1"}
    cloud.client().create_function(**members, Code=image)
    function(cloud, "orphan", "deps:1", "b:2")
    cloud.client().delete_layer_version(LayerName="b", VersionNumber=2)
    plan = bench.plan(names=("*",), add=True)
    assert [step.arguments["function"] for step in plan.steps] == ["fits"]
    notes = "\n".join(plan.notes)
    for words in (
        "it runs python3.11, and deps:3 is for python3.13: old-runtime",
        "it has 5 layers already (b:1, c:1, d:1, e:1, f:1)",
        "it is a container image, which has no layers: image",
        "its layer b:2 does not exist any more: orphan",
    ):
        assert words in notes


def test_another_architecture_is_left_out(bench: Bench) -> None:
    layers(bench.cloud, "deps")
    function(bench.cloud, "f", "deps:1")
    found = survey.targets(bench.account, survey.named("deps:3"), [bench.cloud.region])
    target = replace(found[bench.cloud.region], architectures=("x86_64",))
    plan = survey.prepare(bench.account, Wanted({bench.cloud.region: target}), 0)
    assert plan.notes == ("left out, it runs on arm64, and deps:3 is for x86_64: f",)


def test_another_layer_can_be_replaced(bench: Bench) -> None:
    layers(bench.cloud, "deps", "legacy", "other")
    function(bench.cloud, "f", "other:1", "legacy:2", alias="live")
    function(bench.cloud, "g", "deps:1", "legacy:2")
    plan = bench.plan(replaces="legacy")
    assert [step.arguments["function"] for step in plan.steps] == ["f"]
    assert "take one away first: g" in plan.notes[0]
    assert bench.rolling().run(plan).whole
    assert fleet_of(bench.cloud)["f"]["layers"] == ["other:1", "deps:3"]


def test_what_nobody_has_released_is_not_released(bench: Bench) -> None:
    cloud = bench.cloud
    layers(cloud, "deps", "other")
    function(cloud, "f", "deps:1", alias="live")
    cloud.client().update_function_configuration(FunctionName="f", MemorySize=512)
    function(cloud, "g", "deps:1", "other:1", alias="live")
    seeding.use(cloud.world, cloud.where, "g", [arn(cloud, "deps:1"), arn(cloud, "other:2")])
    function(cloud, "h", "deps:1", alias="old")
    cloud.client().update_function_configuration(FunctionName="h", Timeout=9)
    seeding.publish(cloud.world, cloud.where, "h", "live")
    plan = bench.plan()
    assert [step.arguments["function"] for step in plan.steps] == ["h"]
    assert plan.steps[0].before["aliases"] == {"live": "2"}  # `old` stays where it is
    notes = "\n".join(plan.notes)
    assert "alias live points to version 1, from which $LATEST differs in MemorySize" in notes
    assert "alias live points to version 1, from which $LATEST differs in Layers" in notes


def test_an_alias_that_is_being_shifted_is_left_alone(bench: Bench) -> None:
    small(bench.cloud)
    client = bench.cloud.client()
    client.update_function_configuration(FunctionName="b", MemorySize=256)
    number = client.publish_version(FunctionName="b")["Version"]
    weights = {"AdditionalVersionWeights": {number: 0.5}}
    client.update_alias(FunctionName="b", Name="live", RoutingConfig=weights)
    assert "b" not in meant(bench)
    assert "alias live is being shifted: b" in bench.plan().notes[0]


def test_where_only_latest_has_it_the_alias_follows(bench: Bench) -> None:
    cloud = bench.cloud
    layers(cloud, "deps")
    function(cloud, "f", "deps:1", alias="live")
    seeding.use(cloud.world, cloud.where, "f", [arn(cloud, "deps:3")])
    touched = cloud.world.home(cloud.where).functions["f"].latest["LastModified"]
    assert bench.rolling().run(bench.plan()).whole
    assert fleet_of(cloud)["f"]["aliases"] == {"live": "2"}
    assert cloud.world.home(cloud.where).functions["f"].latest["LastModified"] == touched


def test_only_the_aliases_that_are_named_move(bench: Bench) -> None:
    cloud = bench.cloud
    layers(cloud, "deps")
    function(cloud, "f", "deps:1", alias="live")
    seeding.publish(cloud.world, cloud.where, "f", "beta")
    assert bench.rolling().run(bench.plan(aliases=("beta",))).whole
    assert fleet_of(cloud)["f"]["aliases"] == {"live": "1", "beta": "2"}


def test_some_can_go_first(bench: Bench) -> None:
    layers(bench.cloud, "deps")
    for name in ("one", "two", "three", "staging-a", "staging-b", "four"):
        function(bench.cloud, name, "deps:1")
    plan = bench.plan(first=("staging-*",), shares="2,100%")
    first = {s.arguments["function"] for s in plan.steps if s.arguments["wave"] == 1}
    assert first == {"staging-a", "staging-b"}
    assert bench.plan(first=("staging-*",), shares="2,100%").steps == plan.steps


def test_every_region_gets_the_version_with_the_same_tree(cloud: LambdaCloud) -> None:
    there, tree = Where(cloud.account, THERE), "a" * 64
    layers(cloud, "deps", versions=2)
    seeding.layer(cloud.world, cloud.where, "deps", description=describe(tree, None))
    seeding.layer(cloud.world, there, "deps", description=describe(tree, None))
    seeding.layer(cloud.world, there, "deps")
    function(cloud, "f", "deps:1")
    seeding.function(cloud.world, there, "g", [arn(cloud, "deps:2", THERE)])
    bench = Bench(cloud)
    found = survey.targets(bench.account, survey.named("deps:3"), [cloud.region, THERE])
    assert {region: one.arn for region, one in found.items()} == {
        cloud.region: arn(cloud, "deps:3"),
        THERE: arn(cloud, "deps:1", THERE),
    }
    plan = survey.prepare(bench.account, Wanted(found, parallel=1), bench.clock.now)
    assert {step.region for step in plan.steps} == {cloud.region, THERE}
    bench.evidence = MadeUp()
    assert bench.rolling().run(plan).whole
    with pytest.raises(LayerError, match="it names no tree"):
        survey.targets(bench.account, survey.named("deps:2"), [cloud.region, THERE])


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("deps:9", LayerError, "does not exist: it was deleted, or never published.*3, 2, 1"),
        ("none", LayerError, "There is no version of layer none"),
        ("de ps", ConfigurationError, "names no layer"),
        ("arn:aws:s3:::bucket", ConfigurationError, "is no ARN of a layer"),
        ("arn:aws:lambda:us-east-1:123456789012:layer:deps:1", ConfigurationError, "--region us-"),
        ("arn:aws:lambda:eu-west-1:210987654321:layer:deps:1", NotAllowed, "not authorized"),
    ],
)
def test_a_layer_that_is_none_is_refused(
    bench: Bench, text: str, error: type[Exception], words: str
) -> None:
    layers(bench.cloud, "deps")
    with pytest.raises(error, match=words):
        bench.plan(text)


def test_what_makes_no_sense_is_refused() -> None:
    targets = {"r-1": Target("arn:aws:lambda:r-1:123456789012:layer:deps:1")}
    with pytest.raises(ConfigurationError, match="say which"):
        Wanted(targets, add=True)
    with pytest.raises(ConfigurationError, match="1 to 16"):
        Wanted(targets, parallel=0)


def test_a_plan_that_was_changed_or_is_old_or_foreign_is_refused(bench: Bench) -> None:
    small(bench.cloud)
    plan = bench.plan()
    text = plans.write(plan)
    assert plans.read(text) == plan
    with pytest.raises(PlanRefused, match="was changed after it was made"):
        plans.read(text.replace("layer:deps:3", "layer:deps:2"))
    bench.clock.now += 25 * 3_600_000
    with pytest.raises(PlanRefused, match="was good until"):
        bench.rolling().run(plan)
    with pytest.raises(PlanRefused, match="needs an approval"):
        bench.rolling().run(replace(bench.plan(), needs_approval=True))
    with pytest.raises(PlanRefused, match="was made for account"):
        bench.rolling().run(replace(bench.plan(), account="210987654321"))
    assert {one["batch"] for one in fleet_of(bench.cloud).values()} == {None}


def test_a_thousand_functions_cost_few_calls(cloud: LambdaCloud) -> None:
    layers(cloud, "deps")
    for number in range(1000):
        function(cloud, f"f{number:04d}", "deps:1", alias="live" if number % 10 == 0 else "")
    bench = Bench(cloud)
    plan = bench.plan(shares="1,5%,25%,100%", parallel=16)
    assert len(plan.steps) == 1000
    planned = dict(bench.account.calls)
    # One listing for all; one call for each that may have an alias.
    assert planned["lambda:ListFunctions"] == 1100 // 50
    assert planned["lambda:ListAliases"] == 100
    assert sum(planned.values()) <= 130
    assert bench.rolling().run(plan).whole
    carried = {name: count - planned.get(name, 0) for name, count in bench.account.calls.items()}
    assert carried["lambda:UpdateFunctionConfiguration"] == 1000
    assert carried["lambda:TagResource"] == 1000
    assert carried["lambda:PublishVersion"] == carried["lambda:UpdateAlias"] == 100
    # One look until each is through, here at once, and one to see that looking is allowed.
    assert carried["lambda:GetFunctionConfiguration"] <= 1000 + 16
    assert sum(carried.values()) <= 3 * 1000 + 2 * 100 + 40
