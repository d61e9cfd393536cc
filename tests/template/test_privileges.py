"""template.yaml: every role grants what is needed and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.template.granting import Grant, granted, grants, statements
from tests.template.reading import EVERYTHING, EXISTING, MODEL, NETWORK, of_type, present

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
ITEMS = "BatchGetItem GetItem PutItem"

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
PREDICT_LOGS = grants("logs", LOGS, "{PredictLogGroup.Arn}")
PREDICT = grants("dynamodb", "BatchGetItem GetItem", "{FeaturesTable.Arn}") | PREDICT_LOGS
ARCHIVE = (
    grants(
        "kinesis",
        "DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards",
        "{InferenceStream.Arn}",
    )
    | grants("kinesis", "ListStreams", "*")  # the only resource that IAM offers for it
    | grants(
        "s3", "PutObject", "{ArchiveBucket.Arn}/feedback/*", "{ArchiveBucket.Arn}/inferences/*"
    )
    | grants("s3", "PutObject", "{QuarantineBucket.Arn}/*")
    | grants("s3", "ListBucket", "{QuarantineBucket.Arn}")
    | grants("logs", LOGS, "{ArchiveLogGroup.Arn}")
)
ENDPOINT = (
    grants("ecr", "GetAuthorizationToken", "*")  # the only resource that IAM offers for it
    | grants(
        "ecr",
        "BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer",
        "arn:aws:ecr:eu-west-1:123456789012:repository/ml/shop",
    )
    | grants("s3", "GetObject", "arn:aws:s3:::models/shop/model.tar.gz")
    | grants("s3", "ListBucket", "arn:aws:s3:::models")
    | grants("logs", f"DescribeLogStreams {LOGS}", "{EndpointLogGroup.Arn}")
    | grants("cloudwatch", "PutMetricData", "*")
)
INGEST = grants("kinesis", "PutRecords", "{EventStream.Arn}") | grants(
    "logs", LOGS, "{IngestLogGroup.Arn}"
)
FEATURE_GROUP = grants("s3", "GetBucketAcl", "{FeatureOfflineBucket.Arn}") | grants(
    "s3", "PutObject PutObjectAcl", "{FeatureOfflineBucket.Arn}/*"
)


def moving(*functions: str) -> set[Grant]:
    """What CodeDeploy needs for the aliases of functions."""
    arns = [f"{{{name}.Arn}}{suffix}" for name in functions for suffix in ("", ":*")]
    return grants("lambda", "GetAlias GetProvisionedConcurrencyConfig UpdateAlias", *arns)


PRUNE = (
    grants("lambda", "ListFunctions ListLayerVersions ListLayers", "*")
    | grants("lambda", "GetLayerVersion GetLayerVersionPolicy", "arn:aws:lambda:*:1:layer:*:*")
    | grants("s3", "PutObject", "{LayerAuditBucket.Arn}/layers/*")
    | grants("logs", LOGS, "{PruneLayersLogGroup.Arn}")
)
GRADUAL = {"DeploymentType": "Linear10PercentEvery1Minute", "Alarms": "on"}
DEPLOYMENT = grants("cloudwatch", "DescribeAlarms", "*") | moving(
    "EnrichFunction", "PredictFunction"
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
        ENRICH | NETWORK_NEEDS | grants("dax", "PutItem", "{DaxCluster.Arn}"),
    ),
    "enrich, key": ("EnrichRole", {"CustomerKey": "on"}, ENRICH | WHOLE_KEY),
    "enrich, traced": ("EnrichRole", {"Tracing": "on"}, ENRICH | TRACES),
    "predict": ("PredictRole", {}, PREDICT),
    "predict, both stores": ("PredictRole", {"FeatureStore": "both"}, PREDICT),
    "predict, feature group": (
        "PredictRole",
        {"FeatureStore": "sagemaker"},
        PREDICT_LOGS
        | grants(
            "sagemaker",
            "BatchGetRecord GetRecord",
            "arn:aws:sagemaker:r:1:feature-group/{FeatureGroup}",
        ),
    ),
    "predict, endpoint created": (
        "PredictRole",
        MODEL,
        PREDICT | grants("sagemaker", "InvokeEndpoint", "{Endpoint}"),
    ),
    "predict, endpoint by name": (
        "PredictRole",
        {"EndpointMode": "existing", "EndpointName": "shop"},
        PREDICT | grants("sagemaker", "InvokeEndpoint", "arn:aws:sagemaker:r:1:endpoint/shop"),
    ),
    "predict, endpoint by name and ARN": (
        "PredictRole",
        {
            "EndpointMode": "existing",
            "EndpointName": "Shop",
            "EndpointArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop",
        },
        PREDICT
        | grants(
            "sagemaker",
            "InvokeEndpoint",
            "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop",
        ),
    ),
    "predict, inferences": (
        "PredictRole",
        {"InferenceLog": "on"},
        PREDICT | grants("kinesis", "PutRecord", "{InferenceStream.Arn}"),
    ),
    "predict, DAX": (
        "PredictRole",
        NETWORK,
        PREDICT | NETWORK_NEEDS | grants("dax", "BatchGetItem GetItem", "{DaxCluster.Arn}"),
    ),
    "predict, key": (
        "PredictRole",
        {"CustomerKey": "on"},
        PREDICT | PART_OF_KEY | grants("kms", "DescribeKey", "{Key.Arn}"),
    ),
    "predict, traced": ("PredictRole", {"Tracing": "on"}, PREDICT | TRACES),
    "archive": ("ArchiveRole", {"InferenceLog": "on"}, ARCHIVE),
    "archive, key": (
        "ArchiveRole",
        {"InferenceLog": "on", "CustomerKey": "on"},
        ARCHIVE | PART_OF_KEY,
    ),
    "archive, traced": ("ArchiveRole", {"InferenceLog": "on", "Tracing": "on"}, ARCHIVE | TRACES),
    "endpoint": ("EndpointRole", MODEL, ENDPOINT),
    "endpoint, image by digest": (
        "EndpointRole",
        {**MODEL, "ModelImage": MODEL["ModelImage"].replace(":7", "@sha256:" + "0" * 64)},
        ENDPOINT,
    ),
    "endpoint, captured": (
        "EndpointRole",
        {**MODEL, "EndpointType": "instances", "DataCapturePercent": "5"},
        ENDPOINT | grants("s3", "PutObject", "{ArchiveBucket.Arn}/endpoint/*"),
    ),
    "endpoint, key": ("EndpointRole", {**MODEL, "CustomerKey": "on"}, ENDPOINT | PART_OF_KEY),
    "endpoint on instances, key": (
        "EndpointRole",
        {**MODEL, "EndpointType": "instances", "CustomerKey": "on"},
        ENDPOINT | PART_OF_KEY | grants("kms", "CreateGrant DescribeKey", "{Key.Arn}"),
    ),
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
    "deployment of all": (
        "DeploymentRole",
        {**GRADUAL, "Ingest": "on", "InferenceLog": "on", "LayerPruning": "plan"},
        DEPLOYMENT | moving("ArchiveFunction", "IngestFunction", "PruneLayersFunction"),
    ),
    "layers, only planned": ("PruneLayersRole", {"LayerPruning": "plan"}, PRUNE),
    "layers, deleted": (
        "PruneLayersRole",
        {"LayerPruning": "execute"},
        PRUNE | grants("lambda", "DeleteLayerVersion", "arn:aws:lambda:*:1:layer:*:*"),
    ),
    "layers, key, traced": (
        "PruneLayersRole",
        {"LayerPruning": "plan", "CustomerKey": "on", "Tracing": "on"},
        PRUNE | PART_OF_KEY | TRACES,
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
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "kinesis:ListStreams",
    "lambda:ListFunctions",
    "lambda:ListLayerVersions",
    "lambda:ListLayers",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


@pytest.mark.parametrize("role", sorted(of_type("AWS::IAM::Role")))
def test_no_action_is_a_wildcard_and_no_resource_that_can_be_named(role: str) -> None:
    everything = granted(role, EVERYTHING) | granted(role, EXISTING | MODEL)
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
        "ArnLike": {"lambda:SourceFunctionArn": "arn:aws:lambda:r:1:function:*"}
    }


def test_the_container_puts_metrics_of_its_endpoint_alone() -> None:
    (narrowed,) = [s for s in statements("EndpointRole", present(MODEL)) if "Condition" in s]
    assert narrowed["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/Endpoints", "AWS/SageMaker"]}
    }


def test_the_endpoint_hands_the_key_to_aws_s_own_resources_alone() -> None:
    (handing,) = [
        s
        for s in statements("EndpointRole", present(EVERYTHING))
        if "kms:CreateGrant" in s["Action"]
    ]
    assert handing["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_the_api_may_call_its_functions_by_their_routes_alone() -> None:
    permissions = [
        body["Properties"]
        for body in present(EVERYTHING).values()
        if body["Type"] == "AWS::Lambda::Permission"
    ]
    (clock,) = [one for one in permissions if one["Principal"] == "events.amazonaws.com"]
    assert clock["FunctionName"] == "{PruneLayersFunctionAliaslive}"
    assert clock["SourceArn"] == "{PruneLayersFunctionDaily.Arn}"
    permissions.remove(clock)
    assert permissions
    for properties in permissions:
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert properties["FunctionName"].endswith("FunctionAliaslive}")
        assert properties["SourceArn"].startswith("arn:aws:execute-api:r:1:{HttpApi}/$default/")
