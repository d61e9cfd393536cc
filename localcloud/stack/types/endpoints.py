"""SageMaker models, endpoint configurations and endpoints; the local runtime serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from millrace.errors import ConfigurationError

from localcloud.stack.model import (
    EndpointConfigResource,
    EndpointResource,
    ModelResource,
    Resource,
    VariantResource,
)
from localcloud.stack.properties import Properties
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_D = TypeVar("_D", ModelResource, EndpointConfigResource)
_NO_IAM = "there is no IAM on one machine"
_LOOPBACK = "everything is on loopback"
_NO_ROLLOUT = "a local stack is made once"
# What a variant runs on and how soon it must be there: here it is this machine.
_MACHINE: Final = (
    "AcceleratorType",
    "ContainerStartupHealthCheckTimeoutInSeconds",
    "EnableSSMAccess",
    "InferenceAmiVersion",
    "InitialInstanceCount",
    "InstanceType",
    "ManagedInstanceScaling",
    "ModelDataDownloadTimeoutInSeconds",
    "RoutingConfig",
    "VolumeSizeInGB",
)


def _make_model(creation: Creation) -> Made:
    properties = creation.properties
    name = creation.name("ModelName", 63)
    container = properties.nested("PrimaryContainer")
    environment = container.nested("Environment").texts()
    # The image is the one that model/Dockerfile makes; here its program runs without it.
    container.ignore(["ContainerHostname", "Image", "ImageConfig", "Mode"])
    model = ModelResource(
        creation.logical_id, name, container.optional_text("ModelDataUrl"), environment
    )
    container.done()
    return _made(creation, "model", name, "ModelName", model)


def _make_config(creation: Creation) -> Made:
    properties = creation.properties
    name = creation.name("EndpointConfigName", 63)
    where = f"{properties.where}.ProductionVariants"
    variants = tuple(
        _variant(Properties(item, where), creation.built)
        for item in properties.items("ProductionVariants")
    )
    if not variants:
        raise ConfigurationError(f"{where}: an endpoint needs at least one variant.")
    config = EndpointConfigResource(creation.logical_id, name, variants)
    return _made(creation, "endpoint-config", name, "EndpointConfigName", config)


def _variant(given: Properties, built: Mapping[str, Resource]) -> VariantResource:
    model = _named(built, ModelResource, given.text("ModelName"), given.where)
    concurrency = None
    if "ServerlessConfig" in given:
        serverless = given.nested("ServerlessConfig")
        concurrency = serverless.integer("MaxConcurrency")
        serverless.ignore(["MemorySizeInMB", "ProvisionedConcurrency"])
        serverless.done()
    weight = given.number("InitialVariantWeight") if "InitialVariantWeight" in given else 1.0
    variant = VariantResource(given.text("VariantName"), model, weight, concurrency)
    given.ignore(_MACHINE)
    given.done()
    return variant


def _make_endpoint(creation: Creation) -> Made:
    properties = creation.properties
    name = creation.name("EndpointName", 63)
    wanted = properties.text("EndpointConfigName")
    config = _named(creation.built, EndpointConfigResource, wanted, properties.where)
    endpoint = EndpointResource(creation.logical_id, name, config)
    return _made(creation, "endpoint", name, "EndpointName", endpoint)


def _made(
    creation: Creation,
    kind: str,
    name: str,
    attribute: str,
    detail: ModelResource | EndpointConfigResource | EndpointResource,
) -> Made:
    """SageMaker's Ref is the ARN, in lower case; the name is an attribute."""
    arn = creation.place.arn("sagemaker", f"{kind}/{name.lower()}")
    return Made(ref=arn, attributes={attribute: name}, detail=detail)


def _named(built: Mapping[str, Resource], kind: type[_D], name: str, where: str) -> _D:
    for resource in built.values():
        if isinstance(resource.detail, kind) and resource.detail.name == name:
            return resource.detail
    raise ConfigurationError(
        f"{where}: this stack has no {kind.__name__.removesuffix('Resource')} called {name!r}."
    )


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::SageMaker::Model": ResourceType(
        _make_model,
        "a model package for the server of model/",
        {
            "EnableNetworkIsolation": _LOOPBACK,
            "ExecutionRoleArn": _NO_IAM,
            "VpcConfig": _LOOPBACK,
            **TAGS,
        },
    ),
    "AWS::SageMaker::EndpointConfig": ResourceType(
        _make_config,
        "what the endpoint runs",
        {
            "DataCaptureConfig": "nothing is captured here; the inference stream has more",
            "EnableNetworkIsolation": _LOOPBACK,
            "ExecutionRoleArn": _NO_IAM,
            "KmsKeyId": "models never leave this machine",
            "VpcConfig": _LOOPBACK,
            **TAGS,
        },
    ),
    "AWS::SageMaker::Endpoint": ResourceType(
        _make_endpoint,
        "a process for each variant, behind InvokeEndpoint",
        {
            "DeploymentConfig": _NO_ROLLOUT,
            "ExcludeRetainedVariantProperties": _NO_ROLLOUT,
            "RetainAllVariantProperties": _NO_ROLLOUT,
            **TAGS,
        },
    ),
}
