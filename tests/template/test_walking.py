"""template.yaml, walked by the local cloud with many sets of parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from localcloud.stack import Place, deploy
from localcloud.stack.types import NO_OPS, SUPPORTED
from tests.localcloud.stack.fake_aws import FakeAws
from tests.template.reading import (
    EVERYTHING,
    EXISTING,
    MODEL,
    NETWORK,
    TEMPLATE,
    translated,
    up,
)

PARAMETER_SETS: Mapping[str, dict[str, str]] = {
    "default": {},
    "everything": EVERYTHING,
    "everything else": EXISTING,
    "endpoint": MODEL,
    "inferences": {"InferenceLog": "on"},
    "provisioned": {"StreamMode": "PROVISIONED", "ShardCount": "4", "RetentionHours": "24"},
    "fan-out": {"EnhancedFanOut": "on", "ParallelizationFactor": "10"},
    "sagemaker": {"FeatureStore": "sagemaker"},
    "ingest": {"Ingest": "on"},
    "layers cleaned up": {"LayerPruning": "plan"},
    "ingest, open": {"Ingest": "on", "ApiAuth": "NONE", "ApiCorsOrigins": "*"},
    "archive": {"ArchiveEvents": "on"},
    "dax": NETWORK,
    "dax, nothing added": {**NETWORK, "VpcEndpoints": "none", "RouteTableIds": ""},
    "watched": {"Alarms": "on", "Dashboard": "on"},
    "gradual": {"Alarms": "on", "DeploymentType": "Canary10Percent10Minutes"},
    "own key": {"CustomerKey": "on"},
    "given up early": {"MaximumRetryAttempts": "3", "MaximumRecordAgeSeconds": "60"},
    "local": {"Runtime": "python3.11", "Architecture": "x86_64"},
}


@pytest.mark.parametrize("name", PARAMETER_SETS)
def test_the_template_comes_up_and_goes_down(checkout: Path, name: str) -> None:
    stack, aws = up(checkout, PARAMETER_SETS[name])
    assert aws.alive
    assert {"StreamName", "FeaturesTableName", "QuarantineBucketName"} <= set(stack.outputs)
    assert all(stack.outputs.values())
    stack.down(aws)
    assert not aws.alive


def test_every_type_is_made_or_has_a_reason_not_to_be() -> None:
    types = {str(body["Type"]) for body in translated()["Resources"].values()}
    assert types <= set(SUPPORTED) | set(NO_OPS)
    assert "AWS::Lambda::EventSourceMapping" in types


def test_what_is_off_is_absent(checkout: Path) -> None:
    stack, _ = up(checkout, {})
    kinds = {resource.type for resource in stack.resources.values()}
    # What is there without asking: stream, functions, API, their state, saved queries.
    assert kinds == {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Kinesis::Stream",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::Logs::QueryDefinition",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    }
    assert set(stack.functions) == {"EnrichFunction", "PredictFunction"}
    everything, _ = up(checkout, EVERYTHING)
    named = set(translated()["Resources"]) - set(everything.resources)
    assert not named, "EVERYTHING leaves something out"


def test_the_stream_follows_its_mode(checkout: Path) -> None:
    _, aws = up(checkout, {"ShardCount": "9"})
    request = aws.sent("create_stream")
    assert request["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert "ShardCount" not in request
    _, aws = up(checkout, PARAMETER_SETS["provisioned"])
    assert aws.sent("create_stream")["ShardCount"] == 4
    assert "increase_stream_retention_period" not in aws.operations()


def test_tables_have_their_keys_and_expiry(checkout: Path) -> None:
    stack, aws = up(checkout, {})
    tables = {given["TableName"]: given for _, op, given in aws.calls if op == "create_table"}
    keys = {"FeaturesTable": "userId", "RedriveLedgerTable": "id"}
    for table, key in keys.items():
        request = tables[stack.resources[table].ref]
        assert request["KeySchema"] == [{"AttributeName": key, "KeyType": "HASH"}]
        assert request["AttributeDefinitions"] == [{"AttributeName": key, "AttributeType": "S"}]
        assert request["BillingMode"] == "PAY_PER_REQUEST"
    expiries = [given for _, op, given in aws.calls if op == "update_time_to_live"]
    assert {given["TimeToLiveSpecification"]["AttributeName"] for given in expiries} == {
        "expiresAt"
    }
    assert len(expiries) == 2


def test_the_mapping_takes_every_parameter(checkout: Path) -> None:
    overrides = {
        "BatchSize": "777",
        "BatchingWindowSeconds": "9",
        "ParallelizationFactor": "7",
        "BisectBatchOnError": "false",
        "MaximumRetryAttempts": "5",
        "MaximumRecordAgeSeconds": "600",
        "StartingPosition": "LATEST",
    }
    stack, _ = up(checkout, overrides)
    (mapping,) = stack.mappings
    assert mapping.properties == {
        "EventSourceArn": stack.outputs["StreamArn"],
        "FunctionName": stack.outputs["EnrichFunctionName"],
        "BatchSize": 777,
        "MaximumBatchingWindowInSeconds": 9,
        "ParallelizationFactor": 7,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": 5,
        "MaximumRecordAgeInSeconds": 600,
        "StartingPosition": "LATEST",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {
            "OnFailure": {"Destination": f"arn:aws:s3:::{stack.outputs['QuarantineBucketName']}"}
        },
    }
    assert stack.outputs["EnrichMappingId"] == mapping.uuid


def test_by_default_nothing_is_given_up_and_nothing_missed(checkout: Path) -> None:
    (mapping,) = up(checkout, {})[0].mappings
    properties = mapping.properties
    assert properties["MaximumRetryAttempts"] == properties["MaximumRecordAgeInSeconds"] == -1
    assert properties["StartingPosition"] == "TRIM_HORIZON"


def test_with_fan_out_the_function_reads_from_its_own_lane(checkout: Path) -> None:
    stack, _ = up(checkout, {"EnhancedFanOut": "on"})
    (mapping,) = stack.mappings
    assert mapping.event_source_arn == stack.outputs["ConsumerArn"]


def test_inferences_are_archived_from_their_stream(checkout: Path) -> None:
    stack, _ = up(checkout, {"InferenceLog": "on", "InferenceShards": "3"})
    (mapping,) = [
        one
        for one in stack.mappings
        if one.function_name == stack.functions["ArchiveFunction"].name
    ]
    assert mapping.event_source_arn.endswith(f"stream/{stack.outputs['InferenceStreamName']}")
    given = mapping.properties
    assert given["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (given["StartingPosition"], given["MaximumRetryAttempts"]) == ("TRIM_HORIZON", -1)
    bucket = f"arn:aws:s3:::{stack.outputs['QuarantineBucketName']}"
    assert given["DestinationConfig"] == {"OnFailure": {"Destination": bucket}}


def test_the_feature_group(checkout: Path) -> None:
    stack, _ = up(checkout, {"FeatureStore": "sagemaker"})
    (group,) = stack.feature_groups
    assert (group.record_identifier, group.event_time, group.online) == (
        "userId",
        "updatedAt",
        True,
    )
    texts = {"userId", "updatedAt", "millraceState", "types"}
    assert {name for name, kind in group.definitions.items() if kind == "String"} == texts
    assert set(group.definitions.values()) <= {"String", "Fractional"}
    assert group.offline_s3_uri == f"s3://{stack.outputs['FeatureOfflineBucketName']}/features"
    # Lower case, as SageMaker writes it in the ARN that the policy must match.
    assert re.fullmatch(r"[a-z0-9](-*[a-z0-9]){0,63}", group.name)


def test_the_endpoint_is_serverless_or_instances(checkout: Path) -> None:
    stack, _ = up(checkout, MODEL)
    (endpoint,) = stack.endpoints
    (variant,) = endpoint.config.variants
    assert (variant.name, variant.model.model_data_url) == ("AllTraffic", MODEL["ModelDataUrl"])
    assert variant.max_concurrency == 5
    stack, _ = up(checkout, {**MODEL, "EndpointType": "instances"})
    (variant,) = stack.endpoints[0].config.variants
    assert variant.max_concurrency is None


def test_two_stacks_share_no_name(checkout: Path) -> None:
    names = []
    for stack_name in ("one", "two"):
        place = Place(stack_name, checkout, lambda logical_id: "http://api.test")
        stack = deploy(TEMPLATE, place, FakeAws(), EVERYTHING)
        # What cleans layers up has one name in an account: a second stack shall not have it too.
        made = [one for one in stack.resources.values() if "millrace-prune-layers" not in one.ref]
        # A key has no name, only an id of AWS's.
        names.append({one.ref for one in made if one.type != "AWS::KMS::Key"})
    # A stage is named within its API.
    assert names[0] & names[1] == {"$default"}
