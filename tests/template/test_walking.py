"""template.yaml, walked by the local cloud with many sets of parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from millrace.errors import ConfigurationError

from localcloud.stack import Place, deploy
from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.template import load_template
from localcloud.stack.types import NO_OPS, SUPPORTED
from tests.localcloud.stack.fake_aws import FakeAws
from tests.template.reading import EVERYTHING, NETWORK, TEMPLATE, translated, up

PARAMETER_SETS: Mapping[str, dict[str, str]] = {
    "default": {},
    "everything": EVERYTHING,
    "provisioned": {"StreamMode": "PROVISIONED", "ShardCount": "4", "RetentionHours": "24"},
    "fan-out": {"EnhancedFanOut": "on", "ParallelizationFactor": "10"},
    "sagemaker": {"FeatureStore": "sagemaker"},
    "ingest": {"Ingest": "on"},
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
COMMON_VARIABLES = {
    "AWS_ENDPOINT_URL": "",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders that the template names, empty: what is in them is not under test here."""
    root = tmp_path_factory.mktemp("checkout")
    for resource in load_template(TEMPLATE)["Resources"].values():
        properties = resource.get("Properties", {})
        folder = properties.get("CodeUri") or properties.get("ContentUri")
        if folder:
            (root / folder).mkdir(parents=True)
    return root


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
    # What is there without asking: the stream and its function, their state, saved queries.
    assert kinds == {
        "AWS::DynamoDB::Table",
        "AWS::IAM::Role",
        "AWS::Kinesis::Stream",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
        "AWS::Logs::LogGroup",
        "AWS::Logs::QueryDefinition",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    }
    assert list(stack.functions) == ["EnrichFunction"]
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


def test_the_environment_of_enrich(checkout: Path) -> None:
    stack, _ = up(checkout, {"GiveUpAfterSeconds": "90", "ParallelizationFactor": "2"})
    expected = COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-enrich",
        "FEATURES_TABLE": stack.outputs["FeaturesTableName"],
        "QUARANTINE_BUCKET": stack.outputs["QuarantineBucketName"],
        "ARCHIVE_BUCKET": "",
        "FEATURE_STORE": "dynamodb",
        "FEATURE_GROUP": "",
        "DAX_ENDPOINT": "",
        "PARALLELIZATION_FACTOR": "2",
        "GIVE_UP_AFTER_S": "90",
        "STREAM_RETENTION_HOURS": "72",
    }
    assert stack.functions["EnrichFunction"].environment == expected
    stack, _ = up(checkout, EVERYTHING)
    variables = stack.functions["EnrichFunction"].environment
    assert variables["ARCHIVE_BUCKET"] == stack.outputs["ArchiveBucketName"]
    assert variables["FEATURE_GROUP"] == stack.outputs["FeatureGroupName"]
    assert variables["FEATURE_STORE"] == stack.outputs["FeatureStoreMode"] == "both"


def test_the_environment_of_ingest(checkout: Path) -> None:
    stack, _ = up(checkout, {"Ingest": "on"})
    assert stack.functions["IngestFunction"].environment == COMMON_VARIABLES | {
        "POWERTOOLS_SERVICE_NAME": "demo-ingest",
        "STREAM_NAME": stack.outputs["StreamName"],
    }


def test_events_come_in_by_http(checkout: Path) -> None:
    stack, _ = up(checkout, {"Ingest": "on"})
    (api,) = stack.http_apis
    (route,) = api.routes
    assert (route.method, route.path, route.payload_format) == ("POST", "/events", "2.0")
    assert route.function_name == stack.functions["IngestFunction"].name
    assert stack.outputs["EventsUrl"] == f"{api.url}/events"
    (stage,) = stack.stages
    assert stage.throttling is not None


def test_functions_follow_runtime_and_architecture(checkout: Path) -> None:
    stack, _ = up(checkout, EVERYTHING | PARAMETER_SETS["local"])
    for function in stack.functions.values():
        assert (function.runtime, function.architecture) == ("python3.11", "x86_64")
        assert [layer.logical_id for layer in function.layers] == ["CoreLayer", "DepsLayer"]
        assert function.code.makefile == checkout / "lambdas/Makefile"
    deps = stack.layers["DepsLayer"].code.makefile
    assert deps == checkout / "layers/deps/python3.11/x86_64/Makefile"


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


def test_two_stacks_share_no_name(checkout: Path) -> None:
    names = []
    for stack_name in ("one", "two"):
        place = Place(stack_name, checkout, lambda logical_id: "http://api.test")
        stack = deploy(TEMPLATE, place, FakeAws(), EVERYTHING)
        made = stack.resources.values()
        # A key has no name, only an id of AWS's.
        names.append({one.ref for one in made if one.type != "AWS::KMS::Key"})
    # A stage is named within its API.
    assert names[0] & names[1] == {"$default"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BatchSize", "0"),
        ("BatchSize", "10001"),
        ("BatchingWindowSeconds", "301"),
        ("ParallelizationFactor", "11"),
        ("RetentionHours", "23"),
        ("MaximumRetryAttempts", "-2"),
        ("MaximumRecordAgeSeconds", "0"),
        ("MaximumRecordAgeSeconds", "59"),
        ("MaximumRecordAgeSeconds", "604801"),
        ("FeatureStore", "redis"),
        ("Runtime", "python3.10"),
        ("LogRetentionDays", "2"),
        ("EnrichMemoryMb", "127"),
        ("EnrichConcurrency", "-2"),
        ("ApiAuth", "BASIC"),
        ("ApiJwtIssuer", "http://issuer.example"),
        ("ApiJwtAudience", "a, b"),
        ("ApiCorsOrigins", "shop.example"),
        ("ApiRateLimit", "0"),
        ("DaxNodeType", "r5.large"),
        ("DaxNodes", "12"),
        ("VpcId", "vpc-x"),
        ("SubnetIds", "subnet-0a, subnet-0b"),
        ("SubnetIds", "subnet-0a,subnet-0b,subnet-0c,subnet-0d"),
        ("RouteTableIds", "subnet-0a"),
        ("DeploymentType", "Canary5Percent"),
        ("AlarmEmail", "nobody"),
        ("AlarmLatePercent", "101"),
    ],
)
def test_parameters_are_bounded(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Parameter '{name}' is '{value}'"):
        resolve_parameters(load_template(TEMPLATE)["Parameters"], {name: value})


def test_every_age_that_lambda_takes_is_allowed() -> None:
    pattern = load_template(TEMPLATE)["Parameters"]["MaximumRecordAgeSeconds"]["AllowedPattern"]
    taken = {n for n in range(-5, 620_000) if re.fullmatch(pattern, str(n))}
    assert taken == {-1, *range(60, 604_801)}


def test_every_parameter_is_described_and_grouped() -> None:
    template = load_template(TEMPLATE)
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    for name, rules in template["Parameters"].items():
        assert rules["Description"].endswith("."), name
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & set(rules), name
        assert "Default" in rules, name
