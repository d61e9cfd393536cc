"""template.yaml: data are private, encrypted, kept and restorable; no name is fixed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.reading import EVERYTHING, of_type, present, resolver_for, translated

DATA = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::S3::Bucket",
    "AWS::SageMaker::FeatureGroup",
}


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


def encryption(body: dict[str, Any]) -> object:
    """Under which key a resource keeps what it holds."""
    properties = body["Properties"]
    kind = body["Type"]
    if kind == "AWS::S3::Bucket":
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        return rule["ServerSideEncryptionByDefault"]
    if kind == "AWS::SageMaker::FeatureGroup":
        online = properties["OnlineStoreConfig"].get("SecurityConfig")
        return online, properties["OfflineStoreConfig"]["S3StorageConfig"].get("KmsKeyId")
    where = {
        "AWS::DynamoDB::Table": "SSESpecification",
        "AWS::Kinesis::Stream": "StreamEncryption",
        "AWS::Lambda::Function": "KmsKeyArn",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
    }
    return properties.get(where[kind]) if kind in where else "holds nothing"


KEY = "{Key.Arn}"
ENCRYPTED: dict[str, tuple[object, object]] = {
    "AWS::DynamoDB::Table": (None, {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}),
    "AWS::Kinesis::Stream": (
        {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
        {"EncryptionType": "KMS", "KeyId": KEY},
    ),
    "AWS::Lambda::Function": (None, KEY),
    "AWS::Logs::LogGroup": (None, KEY),
    "AWS::S3::Bucket": (
        {"SSEAlgorithm": "AES256"},
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
    ),
    "AWS::SNS::Topic": (None, "{Key}"),
    "AWS::SageMaker::FeatureGroup": ((None, None), ({"KmsKeyId": KEY}, KEY)),
}


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_a_key_of_one_s_own_encrypts_everything_or_nothing(kind: str) -> None:
    for index, key in enumerate(("off", "on")):
        resources = present({**EVERYTHING, "CustomerKey": key})
        found = [body for body in resources.values() if body["Type"] == kind]
        assert found
        for body in found:
            assert encryption(body) == ENCRYPTED[kind][index]


def test_the_key_is_absent_unless_asked_for() -> None:
    assert "Key" not in present({})
    assert "Key" in present({"CustomerKey": "on"})


def test_what_is_quarantined_does_not_expire() -> None:
    (rule,) = of_type("AWS::S3::Bucket")["QuarantineBucket"]["LifecycleConfiguration"]["Rules"]
    assert not {"ExpirationInDays", "ExpirationDate", "Transitions"} & set(rule)


def test_tables_can_be_restored_and_expire_items() -> None:
    for properties in of_type("AWS::DynamoDB::Table").values():
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["TimeToLiveSpecification"]["Enabled"] is True
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }


def test_data_are_kept_unless_told_otherwise() -> None:
    for retain, policy in (("on", "Retain"), ("off", "Delete")):
        resolver = resolver_for({"RetainData": retain})
        for logical_id, body in translated()["Resources"].items():
            if body["Type"] == "AWS::Lambda::Version":
                continue  # SAM keeps old versions, to which an alias can go back
            for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
                value = resolver.value(body.get(attribute, "Delete"), logical_id)
                expected = policy if body["Type"] in DATA else "Delete"
                assert value == expected, logical_id


def test_every_function_logs_to_a_group_of_its_own_and_every_group_expires() -> None:
    functions = of_type("AWS::Lambda::Function")
    used = {name: body["LoggingConfig"]["LogGroup"]["Ref"] for name, body in functions.items()}
    assert used == {name: f"{name.removesuffix('Function')}LogGroup" for name in functions}
    groups = of_type("AWS::Logs::LogGroup")
    assert set(used.values()) < set(groups)
    for properties in groups.values():
        assert properties["RetentionInDays"] == {"Ref": "LogRetentionDays"}


NAMED_WITHIN = {
    # Names of features, and of what is named within something that has a name of its own.
    "ApiAuthorizer.Name",
    "ApiStage.StageName",
    "EndpointScalingPolicy.PolicyName",
    "EventStreamConsumer.ConsumerName",
    "FeatureGroup.EventTimeFeatureName",
    "FeatureGroup.RecordIdentifierFeatureName",
    # One an account, not one a stack: layers belong to the account.
    "PruneLayersFunction.FunctionName",
}


def test_no_resource_has_a_fixed_physical_name() -> None:
    fixed = set()
    for name, body in translated()["Resources"].items():
        if body["Type"] in ("AWS::CloudWatch::Alarm", "AWS::Lambda::Alias"):
            continue  # looked at below
        for key, value in body.get("Properties", {}).items():
            if re.fullmatch(r"\w*Name", key) and isinstance(value, str):
                fixed.add(f"{name}.{key}")
    assert fixed == NAMED_WITHIN
    assert all("AlarmName" not in alarm for alarm in of_type("AWS::CloudWatch::Alarm").values())
    # An alias is named within its function.
    assert {alias["Name"] for alias in of_type("AWS::Lambda::Alias").values()} == {"live"}


def test_names_that_are_made_hold_the_stack_s() -> None:
    made = dict(_made_names())
    assert made
    for where, name in made.items():
        assert re.search(r"\bs\b|\bid\b", name), where  # the stack's name, or its id


def _made_names() -> Iterator[tuple[str, str]]:
    """Physical names that the template puts together."""
    keys = {"AliasName", "EndpointName", "FeatureGroupName", "LayerName", "LogGroupName", "Name"}
    kinds = {"AWS::ApiGatewayV2::Authorizer", "AWS::Lambda::Alias"}
    for logical_id, body in present(EVERYTHING).items():
        if body["Type"] in kinds:
            continue
        for key in keys & set(body["Properties"]):
            yield f"{logical_id}.{key}", body["Properties"][key]
