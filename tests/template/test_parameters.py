"""Parameters are bounded, described and grouped."""

from __future__ import annotations

import re

import pytest
from millrace.errors import ConfigurationError

from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.template import load_template
from tests.template.reading import (
    TEMPLATE,
)


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
        ("EndpointMode", "maybe"),
        ("EndpointName", "-shop"),
        ("EndpointArn", "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/Shop"),
        ("ModelImage", "docker.io/shop:1"),
        ("ModelImage", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"),
        ("ModelDataUrl", "s3://models/model.zip"),
        ("ServerlessMemoryMb", "512"),
        ("ServerlessMaxConcurrency", "201"),
        ("InstanceType", "m5.large"),
        ("PredictDeadlineMs", "29001"),
        ("UnknownUser", "guess"),
        ("DataCapturePercent", "101"),
        ("DeploymentType", "Canary5Percent"),
        ("LayerPruning", "on"),
        ("LayerPruneKeep", "0"),
        ("LayerPruneGraceDays", "-1"),
        ("LayerPruneLimit", "1001"),
        ("LayerPruneRegions", "eu-west-1, us-east-1"),
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
