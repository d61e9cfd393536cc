"""What becomes of SageMaker models, endpoint configurations and endpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from tests.localcloud.stack.templates import up

ENDPOINT = """
Model:
  Type: AWS::SageMaker::Model
  Properties:
    ExecutionRoleArn: arn
    PrimaryContainer:
      Image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/model:1
      ModelDataUrl: s3://models/model.tar.gz
      Environment: {LOG_LEVEL: INFO, THREADS: 2}
Config:
  Type: AWS::SageMaker::EndpointConfig
  Properties:
    DataCaptureConfig: {EnableCapture: true}
    ProductionVariants:
      - VariantName: main
        ModelName: !GetAtt Model.ModelName
        InitialVariantWeight: 0.9
        InstanceType: ml.m7i.large
        InitialInstanceCount: 2
      - VariantName: trial
        ModelName: !GetAtt Model.ModelName
        ServerlessConfig: {MaxConcurrency: '5', MemorySizeInMB: 2048}
Endpoint:
  Type: AWS::SageMaker::Endpoint
  Properties: {EndpointConfigName: !GetAtt Config.EndpointConfigName}
"""


def test_an_endpoint_with_its_variants_and_their_model(tmp_path: Path) -> None:
    stack = up(tmp_path, ENDPOINT)
    (endpoint,) = stack.endpoints
    assert stack.resources["Endpoint"].attributes["EndpointName"] == endpoint.name
    assert stack.resources["Endpoint"].ref == (
        f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{endpoint.name.lower()}"
    )
    assert len(endpoint.name) <= 63
    main, trial = endpoint.config.variants
    assert (main.name, main.weight, main.max_concurrency) == ("main", 0.9, None)
    assert (trial.name, trial.weight, trial.max_concurrency) == ("trial", 1.0, 5)
    assert main.model is trial.model
    assert main.model.model_data_url == "s3://models/model.tar.gz"
    assert main.model.environment == {"LOG_LEVEL": "INFO", "THREADS": "2"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PrimaryContainer:", "Containers: []\n    PrimaryContainer:", "property 'Containers'"),
        ("ModelDataUrl: s3", "ModelDataSource: s3", "property 'ModelDataSource'"),
        ("!GetAtt Model.ModelName", "other", "no Model called 'other'"),
        ("!GetAtt Config.EndpointConfigName", "other", "no EndpointConfig called 'other'"),
        ("InitialInstanceCount: 2", "CoreDumpConfig: {}", "property 'CoreDumpConfig'"),
        ("DataCaptureConfig", "AsyncInferenceConfig", "property 'AsyncInferenceConfig'"),
    ],
)
def test_what_is_not_known_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ENDPOINT
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        up(tmp_path, ENDPOINT.replace(old, new))


def test_a_configuration_without_variants(tmp_path: Path) -> None:
    config = "Config: {Type: AWS::SageMaker::EndpointConfig, Properties: {}}\n"
    with pytest.raises(ConfigurationError, match="at least one variant"):
        up(tmp_path, config)
