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
# Another value for each parameter.
OTHERS = {
    "Architecture": "x86_64",
    "ArchiveEvents": "off",
    "CustomerKey": "off",
    "Dax": "off",
    "DaxNodeType": "dax.r5.large",
    "EnrichMemoryMb": "2048",
    "FeatureStore": "sagemaker",
    "GiveUpAfterSeconds": "5",
    "IngestMemoryMb": "2048",
    "LogLevel": "DEBUG",
    "ParallelizationFactor": "5",
    "RetentionHours": "48",
    "Runtime": "python3.11",
    "SubnetIds": "subnet-0aaaaaaaaaaaaaaaa",
    "Tracing": "off",
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
        if name in template["Parameters"]:
            found.add(name)
        elif name in template["Conditions"]:
            waiting += references(template["Conditions"][name])
        else:
            found |= REPLACED_BY.get(name, set())
    return found


def description(function: str, overrides: dict[str, str]) -> str:
    (version,) = [
        body["Properties"]
        for body in present(overrides).values()
        if body["Type"] == "AWS::Lambda::Version"
        and body["Properties"]["FunctionName"] == f"{{{function}}}"
    ]
    assert isinstance(version["Description"], str)
    return version["Description"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_parameter_that_changes_a_function_changes_its_version(function: str) -> None:
    before = description(function, EVERYTHING)
    seen = {
        name
        for name, value in OTHERS.items()
        if description(function, {**EVERYTHING, name: value}) != before
    }
    assert seen == parameters_of(function)


def test_every_parameter_of_a_function_has_another_value_above() -> None:
    needed = set().union(*(parameters_of(function) for function in FUNCTIONS))
    assert needed == set(OTHERS)
    assert all(EVERYTHING.get(name) != value for name, value in OTHERS.items())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_network_is_no_part_of_a_version_without_dax(function: str) -> None:
    off = {**EVERYTHING, "Dax": "off"}
    for name in ("DaxNodeType", "SubnetIds", "VpcId"):
        changed = {**off, name: OTHERS[name]}
        assert description(function, changed) == description(function, off)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_description_is_as_short_as_lambda_wants_it(function: str) -> None:
    longest = {
        **EVERYTHING,
        "DaxNodeType": "dax.r5.24xlarge",
        "EnrichMemoryMb": "10240",
        "FeatureStore": "sagemaker",
        "GiveUpAfterSeconds": "604800",
        "IngestMemoryMb": "10240",
        "LogLevel": "WARNING",
        "ParallelizationFactor": "10",
        "RetentionHours": "8760",
        "Architecture": "x86_64",
    }
    assert len(description(function, longest)) <= 256


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
def test_reserved_concurrency(value: str) -> None:
    resources = present({**EVERYTHING, "EnrichConcurrency": value})
    reserved = resources["EnrichFunction"]["Properties"].get("ReservedConcurrentExecutions")
    assert reserved == (None if value == "-1" else value)
