"""Whatever changes a function publishes a version, to which the alias moves, at once or bit by bit.

SAM publishes one when code or template change. A parameter's value it does not see, so it stands in
the version's description, of which CloudFormation takes a change as a new version. A description
that changed where the function did not would be worse: Lambda then has nothing to publish, and the
deployment fails.
"""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.sam import translate
from localcloud.stack.template import load_template
from tests.template.reading import (
    EVERYTHING,
    EXISTING,
    TEMPLATE,
    of_type,
    present,
    references,
    translated,
)

FUNCTIONS = sorted(of_type("AWS::Lambda::Function"))
# What belongs to the function's name, not to a version of it.
UNVERSIONED = {"ReservedConcurrentExecutions", "Tags"}
# Resources that are made anew, with another address, when one of these changes.
REPLACED_BY = {"DaxCluster": {"DaxNodeType"}, "FunctionSecurityGroup": {"VpcId"}}
# Of these it matters only whether they are there, and a rule sees to that.
GUARDS = {"ModelImage", "ModelDataUrl"}
# Another value for each parameter.
OTHERS = {
    "Architecture": "x86_64",
    "ArchiveEvents": "off",
    "ArchiveMemoryMb": "2048",
    "ConsistentReads": "off",
    "CustomerKey": "off",
    "Dax": "off",
    "DaxNodeType": "dax.r5.large",
    "EndpointMode": "none",
    "EndpointName": "other",
    "EnrichMemoryMb": "2048",
    "FeatureStore": "dynamodb",
    "GiveUpAfterSeconds": "5",
    "InferenceLog": "off",
    "IngestMemoryMb": "2048",
    "LayerPruneGraceDays": "30",
    "LayerPruneKeep": "9",
    "LayerPruneLimit": "7",
    "LayerPruneRegions": "eu-central-1",
    "LayerPruning": "plan",
    "LogLevel": "DEBUG",
    "Metrics": "off",
    "ParallelizationFactor": "5",
    "PredictDeadlineMs": "1000",
    "PredictMemoryMb": "2048",
    "PredictSnapStart": "off",
    "RetentionHours": "48",
    "Runtime": "python3.11",
    "SubnetIds": "subnet-0aaaaaaaaaaaaaaaa",
    "Tracing": "off",
    "UnknownUser": "refuse",
    "VpcId": "vpc-0123456789abcdef1",
}


def parameters_of(function: str) -> set[str]:
    """The parameters on which a version of the function depends."""
    template = translated()
    properties = template["Resources"][function]["Properties"]
    found: set[str] = set()
    waiting = list(references({k: v for k, v in properties.items() if k not in UNVERSIONED}))
    while waiting:
        name = waiting.pop()
        if name in GUARDS:
            continue
        if name in template["Parameters"]:
            found.add(name)
        elif name in template["Conditions"]:
            waiting += references(template["Conditions"][name])
        else:
            found |= REPLACED_BY.get(name, set())
    return found


def description(function: str, overrides: dict[str, str]) -> str | None:
    """Of the function's version; None where there is no such function."""
    for body in present(overrides).values():
        properties = body["Properties"]
        if body["Type"] == "AWS::Lambda::Version" and properties["FunctionName"] == (
            f"{{{function}}}"
        ):
            return str(properties["Description"])
    return None


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_parameter_that_changes_a_function_changes_its_version(function: str) -> None:
    seen = {
        name
        for before in (EVERYTHING, EXISTING)
        for name, value in OTHERS.items()
        if changed(function, before, {**before, name: value})
    }
    assert seen == parameters_of(function)


def changed(function: str, before: dict[str, str], after: dict[str, str]) -> bool:
    """Whether the version differs; not where the function itself is not there."""
    descriptions = [description(function, overrides) for overrides in (before, after)]
    return None not in descriptions and descriptions[0] != descriptions[1]


def test_every_parameter_of_a_function_has_another_value_above() -> None:
    needed = set().union(*(parameters_of(function) for function in FUNCTIONS))
    assert needed == set(OTHERS)
    for name, value in OTHERS.items():
        assert value not in (EVERYTHING.get(name), EXISTING.get(name)) or name in TRIED_ONCE


# EXISTING has the other value already.
TRIED_ONCE = {"PredictSnapStart"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_network_is_no_part_of_a_version_without_dax(function: str) -> None:
    off = {**EVERYTHING, "Dax": "off"}
    for name in ("DaxNodeType", "SubnetIds", "VpcId"):
        assert not changed(function, off, {**off, name: OTHERS[name]})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_description_is_as_short_as_lambda_wants_it(function: str) -> None:
    longest = {
        **EXISTING,
        "ArchiveMemoryMb": "10240",
        "ConsistentReads": "off",
        "CustomerKey": "off",
        "DaxNodeType": "dax.r5.24xlarge",
        "EndpointName": "e" * 63,
        "EnrichMemoryMb": "10240",
        "FeatureStore": "sagemaker",
        "GiveUpAfterSeconds": "604800",
        "IngestMemoryMb": "10240",
        "LayerPruneGraceDays": "3650",
        "LayerPruneKeep": "1000",
        "LayerPruneLimit": "1000",
        "LayerPruneRegions": ",".join(["ap-northeast-1"] * 8),
        "LayerPruning": "execute",
        "LogLevel": "WARNING",
        "Metrics": "off",
        "ParallelizationFactor": "10",
        "PredictDeadlineMs": "29000",
        "PredictMemoryMb": "10240",
        "PredictSnapStart": "off",
        "RetentionHours": "8760",
        "Tracing": "off",
        "Architecture": "x86_64",
    }
    text = description(function, longest)
    assert text is not None
    assert len(text) <= 256


def versions(code: str) -> dict[str, str]:
    """Logical ids of versions by function, where enrich's code is stored under this key."""
    template = load_template(TEMPLATE)
    template["Resources"]["EnrichFunction"]["Properties"]["CodeUri"] = f"s3://bucket/{code}"
    resources = translate(
        template, resolve_parameters(template["Parameters"], EVERYTHING), "us-east-1"
    )["Resources"]
    return {
        body["Properties"]["FunctionName"]["Ref"]: name
        for name, body in resources.items()
        if body["Type"] == "AWS::Lambda::Version"
    }


def test_other_code_is_another_version() -> None:
    """With LAYERS in the code (see test_layer_change), so is another layer."""
    before, same, after = versions("one"), versions("one"), versions("two")
    assert before == same
    assert {name for name in before if before[name] != after[name]} == {"EnrichFunction"}


# ---- the alias, and how traffic gets to it ------------------------------------------------------


def test_streams_and_the_api_call_the_alias() -> None:
    resources = translated()["Resources"]
    aliases = {f"{name}Aliaslive" for name in FUNCTIONS}
    called = [
        body["Properties"]["FunctionName"]["Ref"]
        for body in resources.values()
        if body["Type"] in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission")
    ]
    assert set(called) == aliases
    integrations = of_type("AWS::ApiGatewayV2::Integration").values()
    assert {item["IntegrationUri"]["Ref"] for item in integrations} <= aliases


def updates(overrides: dict[str, str]) -> list[Any]:
    bodies = translated(overrides)["Resources"].values()
    return [body.get("UpdatePolicy") for body in bodies if body["Type"] == "AWS::Lambda::Alias"]


def test_all_at_once_needs_no_codedeploy() -> None:
    """So that a repair gets through while alarms ring."""
    resources = translated({"Ingest": "on", "Alarms": "on"})["Resources"].values()
    assert not [body for body in resources if body["Type"].startswith("AWS::CodeDeploy")]
    assert updates({}) == [None] * len(FUNCTIONS)


def test_a_gradual_deployment_moves_every_alias_and_watches_alarms() -> None:
    assert all(policy["CodeDeployLambdaAliasUpdate"] for policy in updates(EVERYTHING))
    groups = [
        body["Properties"]
        for body in present(EVERYTHING).values()
        if body["Type"] == "AWS::CodeDeploy::DeploymentGroup"
    ]
    assert len(groups) == len(FUNCTIONS)
    for group in groups:
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert group["ServiceRoleArn"] == "{DeploymentRole.Arn}"
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        alarms = {alarm["Name"].strip("{}") for alarm in group["AlarmConfiguration"]["Alarms"]}
        assert alarms
        assert alarms <= set(of_type("AWS::CloudWatch::Alarm"))


@pytest.mark.parametrize("value", ["-1", "0", "7"])
@pytest.mark.parametrize("name", ["Enrich", "Ingest", "Predict"])
def test_reserved_concurrency(name: str, value: str) -> None:
    resources = present({**EVERYTHING, f"{name}Concurrency": value})
    reserved = resources[f"{name}Function"]["Properties"].get("ReservedConcurrentExecutions")
    assert reserved == (None if value == "-1" else value)


def test_predict_starts_cold_from_a_snapshot_or_warm() -> None:
    for overrides, warm, snapshot in (
        ({}, None, "None"),
        (EVERYTHING, None, "PublishedVersions"),
        (EXISTING, {"ProvisionedConcurrentExecutions": "3"}, "None"),
    ):
        resources = present(overrides)
        alias = resources["PredictFunctionAliaslive"]["Properties"]
        assert alias.get("ProvisionedConcurrencyConfig") == warm
        assert resources["PredictFunction"]["Properties"]["SnapStart"] == {"ApplyOn": snapshot}
