"""template.yaml: least privilege for roles, data private, kept and restorable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.template.reading import of_type, resolver_for, translated


def granted(role: str, overrides: Mapping[str, str]) -> set[tuple[str, str]]:
    """Every (action, resource) that a role is allowed."""
    resolved = resolver_for(overrides).value(translated()["Resources"][role], role)
    assert isinstance(resolved, Mapping)
    properties = resolved["Properties"]
    assert "ManagedPolicyArns" not in properties
    found = set()
    for statement in statements(properties["Policies"]):
        assert statement["Effect"] == "Allow"
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource"}
        for action in listed(statement["Action"]):
            found |= {(action, resource) for resource in listed(statement["Resource"])}
    return found


def statements(policies: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for policy in policies:
        yield from policy["PolicyDocument"]["Statement"]


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def log_access(group: str) -> set[tuple[str, str]]:
    return {
        (f"logs:{action}", f"{{{group}.Arn}}") for action in ("CreateLogStream", "PutLogEvents")
    }


ENRICH_NEEDS = {
    *((f"kinesis:{action}", "{EventStream.Arn}") for action in (
        "DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards",
    )),
    # The only resource that IAM offers for this action.
    ("kinesis:ListStreams", "*"),
    *((f"dynamodb:{action}", "{FeaturesTable.Arn}") for action in (
        "BatchGetItem", "GetItem", "PutItem", "UpdateItem",
    )),
    ("s3:PutObject", "{QuarantineBucket.Arn}/*"),
    ("s3:ListBucket", "{QuarantineBucket.Arn}"),
    *log_access("EnrichLogGroup"),
}  # fmt: skip
FAN_OUT_NEEDS = {("kinesis:SubscribeToShard", "{EventStreamConsumer}")}
ARCHIVE_NEEDS = {("s3:PutObject", "{ArchiveBucket.Arn}/*")}
FEATURE_GROUP_NEEDS = {
    ("sagemaker:PutRecord", "arn:aws:sagemaker:r:1:feature-group/{FeatureGroup}")
}


@pytest.mark.parametrize(
    ("role", "overrides", "needs"),
    [
        ("EnrichRole", {}, ENRICH_NEEDS),
        ("EnrichRole", {"EnhancedFanOut": "on"}, ENRICH_NEEDS | FAN_OUT_NEEDS),
        ("EnrichRole", {"ArchiveEvents": "on"}, ENRICH_NEEDS | ARCHIVE_NEEDS),
        ("EnrichRole", {"FeatureStore": "both"}, ENRICH_NEEDS | FEATURE_GROUP_NEEDS),
        (
            "IngestRole",
            {"Ingest": "on"},
            {("kinesis:PutRecords", "{EventStream.Arn}"), *log_access("IngestLogGroup")},
        ),
        (
            "FeatureGroupRole",
            {"FeatureStore": "both"},
            {
                ("s3:GetBucketAcl", "{FeatureOfflineBucket.Arn}"),
                ("s3:PutObject", "{FeatureOfflineBucket.Arn}/*"),
                ("s3:PutObjectAcl", "{FeatureOfflineBucket.Arn}/*"),
            },
        ),
    ],
)
def test_a_role_is_granted_what_it_needs_and_nothing_else(
    role: str, overrides: dict[str, str], needs: set[tuple[str, str]]
) -> None:
    assert granted(role, overrides) == needs


def test_every_role_is_looked_at_above_and_every_function_has_its_own() -> None:
    resources = translated()["Resources"]
    roles = {name for name, body in resources.items() if body["Type"] == "AWS::IAM::Role"}
    assert roles == {"EnrichRole", "IngestRole", "FeatureGroupRole"}
    policies = {body["Type"] for body in resources.values()} & {
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
    }
    assert not policies
    used = [
        body["Properties"]["Role"]["Fn::GetAtt"][0]
        for body in resources.values()
        if body["Type"] == "AWS::Lambda::Function"
    ]
    assert sorted(used) == ["EnrichRole", "IngestRole"]


def test_buckets_are_private_encrypted_and_reached_over_tls_only() -> None:
    policies = {
        properties["Bucket"]["Ref"]: properties["PolicyDocument"]["Statement"]
        for properties in of_type("AWS::S3::BucketPolicy").values()
    }
    buckets = of_type("AWS::S3::Bucket")
    assert set(policies) == set(buckets)
    for name, properties in buckets.items():
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert properties["LifecycleConfiguration"]["Rules"]
        (deny,) = policies[name]
        assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert deny["Resource"] == [
            {"Fn::GetAtt": [name, "Arn"]},
            {"Fn::Sub": f"${{{name}.Arn}}/*"},
        ]


def test_what_is_quarantined_does_not_expire() -> None:
    (rule,) = of_type("AWS::S3::Bucket")["QuarantineBucket"]["LifecycleConfiguration"]["Rules"]
    assert not {"ExpirationInDays", "ExpirationDate", "Transitions"} & set(rule)


def test_tables_can_be_restored_and_the_stream_is_encrypted() -> None:
    for properties in of_type("AWS::DynamoDB::Table").values():
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
    assert of_type("AWS::Kinesis::Stream")["EventStream"]["StreamEncryption"]


def test_data_are_kept_unless_told_otherwise() -> None:
    kept = {
        "ArchiveBucket",
        "EventStream",
        "FeatureGroup",
        "FeatureOfflineBucket",
        "FeaturesTable",
        "QuarantineBucket",
        "RedriveLedgerTable",
    }
    for retain, policy in (("on", "Retain"), ("off", "Delete")):
        resolver = resolver_for({"RetainData": retain})
        for logical_id, body in translated()["Resources"].items():
            for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
                value = resolver.value(body.get(attribute, "Delete"), logical_id)
                assert value == (policy if logical_id in kept else "Delete"), logical_id


def test_every_function_logs_to_a_group_that_expires() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    used = {
        properties["LoggingConfig"]["LogGroup"]["Ref"]
        for properties in of_type("AWS::Lambda::Function").values()
    }
    assert used == set(groups)
    for properties in groups.values():
        assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_no_resource_has_a_fixed_physical_name() -> None:
    fixed = {
        f"{name}.{key}"
        for name, body in translated()["Resources"].items()
        for key, value in body.get("Properties", {}).items()
        if re.fullmatch(r"\w*Name", key) and isinstance(value, str)
    }
    # Features by name; a consumer and a stage are named within their stream and API.
    assert fixed == {
        "EventStreamConsumer.ConsumerName",
        "FeatureGroup.EventTimeFeatureName",
        "FeatureGroup.RecordIdentifierFeatureName",
        "HttpApiApiGatewayDefaultStage.StageName",
    }
