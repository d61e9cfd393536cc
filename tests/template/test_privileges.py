"""template.yaml: every role, and the key, grant what is needed and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from tests.template.reading import EVERYTHING, NETWORK, of_type, present

Resources = Mapping[str, Mapping[str, Any]]


class Grant(NamedTuple):
    """An action that is allowed on a resource."""

    action: str
    resource: str


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def statements(role: str, resources: Resources) -> Iterator[dict[str, Any]]:
    """Those of a role's own policies, and of policies of this template that are attached to it."""
    properties = resources[role]["Properties"]
    for policy in properties["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]
    for arn in properties.get("ManagedPolicyArns", []):
        policy = resources[arn.strip("{}")]  # AWS's own are not attached to anything here
        yield from policy["Properties"]["PolicyDocument"]["Statement"]


def granted(role: str, overrides: Mapping[str, str]) -> set[Grant]:
    """What a role is allowed, without what a condition narrows: no grant has one."""
    found = set()
    for statement in statements(role, present(overrides)):
        if statement["Effect"] == "Allow":
            assert set(statement) <= {"Sid", "Effect", "Action", "Resource"}
            found |= {
                Grant(action, resource)
                for action in listed(statement["Action"])
                for resource in listed(statement["Resource"])
            }
    return found


def grants(service: str, actions: str, *resources: str) -> set[Grant]:
    return {
        Grant(f"{service}:{action}", resource)
        for action in actions.split()
        for resource in resources
    }


LOGS = "CreateLogStream PutLogEvents"
WHOLE_KEY = grants(
    "kms", "Decrypt DescribeKey Encrypt GenerateDataKey ReEncryptFrom ReEncryptTo", "{Key.Arn}"
)
PART_OF_KEY = grants("kms", "Decrypt GenerateDataKey", "{Key.Arn}")
TRACES = grants("xray", "PutTelemetryRecords PutTraceSegments", "*")
NETWORK_NEEDS = grants("ec2", "DescribeNetworkInterfaces DescribeSubnets", "*") | grants(
    "ec2",
    "AssignPrivateIpAddresses CreateNetworkInterface DeleteNetworkInterface"
    " UnassignPrivateIpAddresses",
    "arn:aws:ec2:r:1:*/*",
)
ITEMS = "BatchGetItem GetItem PutItem UpdateItem"

ENRICH = (
    grants(
        "kinesis",
        "DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards",
        "{EventStream.Arn}",
    )
    | grants("kinesis", "ListStreams", "*")  # the only resource that IAM offers for it
    | grants("dynamodb", ITEMS, "{FeaturesTable.Arn}")
    | grants("s3", "PutObject", "{QuarantineBucket.Arn}/*")
    | grants("s3", "ListBucket", "{QuarantineBucket.Arn}")
    | grants("logs", LOGS, "{EnrichLogGroup.Arn}")
)
INGEST = grants("kinesis", "PutRecords", "{EventStream.Arn}") | grants(
    "logs", LOGS, "{IngestLogGroup.Arn}"
)
FEATURE_GROUP = grants("s3", "GetBucketAcl", "{FeatureOfflineBucket.Arn}") | grants(
    "s3", "PutObject PutObjectAcl", "{FeatureOfflineBucket.Arn}/*"
)
FUNCTIONS = (
    "{EnrichFunction.Arn}",
    "{EnrichFunction.Arn}:*",
)
INGEST_FUNCTION = ("{IngestFunction.Arn}", "{IngestFunction.Arn}:*")
GRADUAL = {"DeploymentType": "Linear10PercentEvery1Minute", "Alarms": "on"}
DEPLOYMENT = grants("cloudwatch", "DescribeAlarms", "*") | grants(
    "lambda", "GetAlias GetProvisionedConcurrencyConfig UpdateAlias", *FUNCTIONS
)
DAX = grants("dynamodb", f"DescribeTable {ITEMS}", "{FeaturesTable.Arn}")

NEEDS: Mapping[str, tuple[str, Mapping[str, str], set[Grant]]] = {
    "enrich": ("EnrichRole", {}, ENRICH),
    "enrich, fan-out": (
        "EnrichRole",
        {"EnhancedFanOut": "on"},
        ENRICH | grants("kinesis", "SubscribeToShard", "{EventStreamConsumer}"),
    ),
    "enrich, archive": (
        "EnrichRole",
        {"ArchiveEvents": "on"},
        ENRICH | grants("s3", "PutObject", "{ArchiveBucket.Arn}/events/*"),
    ),
    "enrich, feature group": (
        "EnrichRole",
        {"FeatureStore": "both"},
        ENRICH
        | grants("sagemaker", "PutRecord", "arn:aws:sagemaker:r:1:feature-group/{FeatureGroup}"),
    ),
    "enrich, DAX": (
        "EnrichRole",
        NETWORK,
        ENRICH | NETWORK_NEEDS | grants("dax", ITEMS, "{DaxCluster.Arn}"),
    ),
    "enrich, key": ("EnrichRole", {"CustomerKey": "on"}, ENRICH | WHOLE_KEY),
    "enrich, traced": ("EnrichRole", {"Tracing": "on"}, ENRICH | TRACES),
    "ingest": ("IngestRole", {"Ingest": "on"}, INGEST),
    "ingest, key": ("IngestRole", {"Ingest": "on", "CustomerKey": "on"}, INGEST | PART_OF_KEY),
    "ingest, traced": ("IngestRole", {"Ingest": "on", "Tracing": "on"}, INGEST | TRACES),
    "feature group": ("FeatureGroupRole", {"FeatureStore": "both"}, FEATURE_GROUP),
    "feature group, key": (
        "FeatureGroupRole",
        {"FeatureStore": "sagemaker", "CustomerKey": "on"},
        FEATURE_GROUP | PART_OF_KEY,
    ),
    "DAX": ("DaxRole", NETWORK, DAX),
    "DAX, key": ("DaxRole", {**NETWORK, "CustomerKey": "on"}, DAX | WHOLE_KEY),
    "deployment": ("DeploymentRole", GRADUAL, DEPLOYMENT),
    "deployment, ingest": (
        "DeploymentRole",
        {**GRADUAL, "Ingest": "on"},
        DEPLOYMENT
        | grants(
            "lambda", "GetAlias GetProvisionedConcurrencyConfig UpdateAlias", *INGEST_FUNCTION
        ),
    ),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_role_is_granted_what_it_needs_and_nothing_else(name: str) -> None:
    role, overrides, needs = NEEDS[name]
    assert granted(role, overrides) == needs


def test_every_role_is_looked_at_above_and_every_function_has_its_own() -> None:
    assert set(of_type("AWS::IAM::Role")) == {role for role, _, _ in NEEDS.values()}
    functions = of_type("AWS::Lambda::Function")
    assert {
        name: properties["Role"]["Fn::GetAtt"][0] for name, properties in functions.items()
    } == {name: f"{name.removesuffix('Function')}Role" for name in functions}
    assert not of_type("AWS::IAM::Policy")


# What IAM offers no resource for, or needs a resource before there is one.
NAMELESS = {
    "cloudwatch:DescribeAlarms",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "kinesis:ListStreams",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


@pytest.mark.parametrize("role", sorted(of_type("AWS::IAM::Role")))
def test_no_action_is_a_wildcard_and_no_resource_that_can_be_named(role: str) -> None:
    everything = granted(role, EVERYTHING)
    assert everything
    for action, resource in everything:
        assert "*" not in action
        if resource == "*":
            assert action in NAMELESS


@pytest.mark.parametrize("role", sorted(of_type("AWS::IAM::Role")))
def test_a_role_is_assumed_by_one_service(role: str) -> None:
    (statement,) = of_type("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    assert set(statement) == {"Effect", "Principal", "Action"}
    assert statement["Action"] == "sts:AssumeRole"
    (service,) = statement["Principal"].values()
    assert service.endswith(".amazonaws.com")


def test_code_in_the_network_cannot_use_what_lambda_needs_there() -> None:
    resources = present(EVERYTHING)
    allowed = {grant.action for grant in NETWORK_NEEDS}
    (deny,) = [s for s in statements("EnrichRole", resources) if s["Effect"] == "Deny"]
    assert set(deny["Action"]) == allowed
    assert deny["Condition"] == {
        "ArnLike": {"lambda:SourceFunctionArn": "arn:aws:lambda:r:1:function:s-*"}
    }


def test_the_api_may_call_its_functions_by_their_routes_alone() -> None:
    permissions = [
        body["Properties"]
        for body in present(EVERYTHING).values()
        if body["Type"] == "AWS::Lambda::Permission"
    ]
    assert permissions
    for properties in permissions:
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert properties["FunctionName"].endswith("FunctionAliaslive}")
        assert properties["SourceArn"].startswith("arn:aws:execute-api:r:1:{HttpApi}/$default/")


# ---- the key ------------------------------------------------------------------------------------


def key_policy() -> dict[str, dict[str, Any]]:
    properties = present(EVERYTHING)["Key"]["Properties"]
    return {statement["Sid"]: statement for statement in properties["KeyPolicy"]["Statement"]}


def test_the_key_rotates_and_serves_this_account_its_logs_and_its_alarms() -> None:
    assert present(EVERYTHING)["Key"]["Properties"]["EnableKeyRotation"] is True
    policy = key_policy()
    assert {sid: statement["Principal"] for sid, statement in policy.items()} == {
        "LetIamOfThisAccountDecide": {"AWS": "arn:aws:iam::1:root"},
        "LogsOfThisStack": {"Service": "logs.r.amazonaws.com"},
        "AlarmsToAnEncryptedTopic": {"Service": "cloudwatch.amazonaws.com"},
    }
    for statement in policy.values():
        assert all("*" not in action for action in statement["Action"])
    assert policy["AlarmsToAnEncryptedTopic"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_no_service_but_this_account_may_administer_the_key() -> None:
    uses = {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"}
    uses |= {"GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}
    for sid, statement in key_policy().items():
        if sid != "LetIamOfThisAccountDecide":
            assert set(statement["Action"]) <= {f"kms:{use}" for use in uses}
    # Who made a key must be able to change its policy, or nobody ever can.
    assert "kms:PutKeyPolicy" in key_policy()["LetIamOfThisAccountDecide"]["Action"]


def test_the_logs_that_may_use_the_key_are_those_of_this_stack() -> None:
    arns = key_policy()["LogsOfThisStack"]["Condition"]["ArnLike"][
        "kms:EncryptionContext:aws:logs:arn"
    ]
    prefixes = [arn.removesuffix("*") for arn in arns]
    assert all(arn.endswith("*") for arn in arns)
    for name, body in present(EVERYTHING).items():
        if body["Type"] == "AWS::Logs::LogGroup":
            # CloudFormation's own names begin with the stack's.
            group = body["Properties"].get("LogGroupName", f"s-{name}-SUFFIX")
            arn = f"arn:aws:logs:r:1:log-group:{group}"
            assert any(arn.startswith(prefix) for prefix in prefixes), name
