"""Lambda functions, layers and event source mappings, for the runners of the local cloud."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.model import (
    CodeFolder,
    FunctionResource,
    LayerResource,
    MappingResource,
    QualifierResource,
    Resource,
)
from localcloud.stack.properties import Properties
from localcloud.stack.sam import CHECKOUT_BUCKET
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_FOR_PEOPLE = "for people"
_IN_WRAPPING = re.compile(r"functions/(arn:[^/]+)/invocations$")
_ONE_VERSION = "there is one version of the code"
_WARM = "workers start on demand and stay warm"
# Every publication of a local stack is its first.
_VERSION: Final = "1"
_MAPPING_INTEGERS = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
)
_MAPPING_BOOLEANS = ("BisectBatchOnFunctionError", "Enabled")
_MAPPING_OTHERS = (
    "DestinationConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "StartingPosition",
)


def _make_layer(creation: Creation) -> Made:
    name = creation.name("LayerName", 140)
    arn = creation.place.arn("lambda", f"layer:{name}:1")
    layer = LayerResource(creation.source_id, arn, _code(creation, "Content"))
    return Made(ref=arn, attributes={"LayerVersionArn": arn}, detail=layer)


def _make_function(creation: Creation) -> Made:
    properties = creation.properties
    name = creation.name("FunctionName")
    arn = creation.place.arn("lambda", f"function:{name}")
    environment = properties.nested("Environment")
    variables = environment.nested("Variables").texts()
    environment.done()
    function = FunctionResource(
        logical_id=creation.logical_id,
        name=name,
        arn=arn,
        handler=properties.text("Handler"),
        runtime=properties.text("Runtime"),
        architecture=str((properties.items("Architectures") or ["x86_64"])[0]),
        code=_code(creation, "Code"),
        layers=tuple(_layer(creation, arn) for arn in properties.items("Layers")),
        environment=variables,
        timeout_s=properties.integer("Timeout", 3),
        memory_mb=properties.integer("MemorySize", 128),
        reserved_concurrency=properties.optional_integer("ReservedConcurrentExecutions"),
    )
    return Made(ref=name, attributes={"Arn": arn}, detail=function)


def _make_version(creation: Creation) -> Made:
    function = _function_named(creation, creation.properties.text("FunctionName"))
    arn = f"{function.arn}:{_VERSION}"
    detail = QualifierResource(creation.logical_id, function.name, _VERSION, _VERSION)
    attributes = {"FunctionArn": arn, "Version": _VERSION}
    return Made(ref=arn, attributes=attributes, detail=detail)


def _make_alias(creation: Creation) -> Made:
    properties = creation.properties
    function = _function_named(creation, properties.text("FunctionName"))
    name, version = properties.text("Name"), properties.text("FunctionVersion")
    arn = f"{function.arn}:{name}"
    detail = QualifierResource(creation.logical_id, function.name, name, version)
    return Made(ref=arn, attributes={"AliasArn": arn}, detail=detail)


def _make_mapping(creation: Creation) -> Made:
    properties = creation.properties
    uuid = creation.place.unique_uuid(creation.logical_id)
    function = _function_named(creation, properties.text("FunctionName"))
    source = properties.text("EventSourceArn")
    resolved: dict[str, Any] = {"EventSourceArn": source, "FunctionName": function.name}
    resolved |= {key: properties.integer(key) for key in _MAPPING_INTEGERS if key in properties}
    resolved |= {key: properties.boolean(key) for key in _MAPPING_BOOLEANS if key in properties}
    resolved |= {key: _as_is(properties, key) for key in _MAPPING_OTHERS if key in properties}
    mapping = MappingResource(creation.logical_id, uuid, function.name, source, resolved)
    return Made(ref=uuid, attributes={"Id": uuid}, detail=mapping)


def _as_is(properties: Properties, name: str) -> object:
    if name == "StartingPosition":
        return properties.text(name)
    return properties.items(name) if name == "FunctionResponseTypes" else properties.mapping(name)


def _code(creation: Creation, property_name: str) -> CodeFolder:
    """The folder in the checkout that a `CodeUri` names, and the Makefile that builds it."""
    location = creation.properties.mapping(property_name)
    if location.get("S3Bucket") != CHECKOUT_BUCKET:
        raise UnsupportedResource(
            f"{creation.properties.where}: the local cloud runs code from a folder of the "
            f"checkout only, not {location!r}."
        )
    root = creation.place.root
    folder = root / str(location["S3Key"])
    if not folder.is_dir():
        raise ConfigurationError(f"{creation.properties.where}: there is no folder {folder}.")
    return CodeFolder(folder, _makefile(creation.metadata, root, folder))


def _makefile(metadata: Mapping[str, Any], root: Path, folder: Path) -> Path | None:
    if metadata.get("BuildMethod") != "makefile":
        return None
    context = metadata.get("ContextPath")
    return (folder if context is None else root / str(context)) / "Makefile"


def _layer(creation: Creation, arn: object) -> LayerResource:
    for resource in creation.built.values():
        if isinstance(resource.detail, LayerResource) and resource.detail.arn == arn:
            return resource.detail
    raise UnsupportedResource(
        f"{creation.properties.where}: the layer {arn} is not made by this template, so there is "
        "no code for it on this machine."
    )


def _function_named(creation: Creation, name: str) -> FunctionResource:
    found = find_function(creation.built, name)
    if found is None:
        raise ConfigurationError(
            f"{creation.properties.where}: no function of this stack is called {name}."
        )
    return found


def find_function(built: Mapping[str, Resource], name_or_arn: str) -> FunctionResource | None:
    """The function with this name or ARN, if there is one; either may name a version or alias."""
    functions: dict[str, FunctionResource] = {}
    for detail in (resource.detail for resource in built.values()):
        if isinstance(detail, FunctionResource):
            functions |= _called(detail, "") | _called(detail, ":$LATEST")
    for detail in (resource.detail for resource in built.values()):
        if isinstance(detail, QualifierResource):
            functions |= _called(functions[detail.function_name], f":{detail.qualifier}")
    return functions.get(name_or_arn)


def function_behind(built: Mapping[str, Resource], uri: str) -> FunctionResource | None:
    """The function that an integration's URI names: its ARN, bare or in API Gateway's wrapping."""
    wrapped = _IN_WRAPPING.search(uri)
    return find_function(built, wrapped[1] if wrapped else uri)


def _called(function: FunctionResource, suffix: str) -> dict[str, FunctionResource]:
    return {f"{name}{suffix}": function for name in (function.name, function.arn)}


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::Lambda::Function": ResourceType(
        _make_function,
        "a pool of workers under the real runtime client",
        {
            "DeadLetterConfig": "nothing invokes functions asynchronously here",
            "Description": _FOR_PEOPLE,
            "EphemeralStorage": "functions share this machine's /tmp",
            "KmsKeyArn": "variables never leave this machine",
            "LoggingConfig": "functions write their logs to files",
            "PackageType": "code is a folder of the checkout",
            "Role": "there is no IAM on one machine",
            "RuntimeManagementConfig": "handlers run on this machine's own Python",
            "SnapStart": _WARM,
            "TracingConfig": "there is no X-Ray on one machine",
            "VpcConfig": "everything is on loopback",
            **TAGS,
        },
    ),
    "AWS::Lambda::LayerVersion": ResourceType(
        _make_layer,
        "a folder on its functions' path",
        {
            "CompatibleArchitectures": "layers are used from their source",
            "CompatibleRuntimes": "layers are used from their source",
            "Description": _FOR_PEOPLE,
            "LicenseInfo": _FOR_PEOPLE,
        },
    ),
    "AWS::Lambda::Version": ResourceType(
        _make_version,
        "a name of its function",
        {
            "CodeSha256": _ONE_VERSION,
            "Description": _FOR_PEOPLE,
            "ProvisionedConcurrencyConfig": _WARM,
        },
    ),
    "AWS::Lambda::Alias": ResourceType(
        _make_alias,
        "a name of its function",
        {
            "Description": _FOR_PEOPLE,
            "ProvisionedConcurrencyConfig": _WARM,
            "RoutingConfig": _ONE_VERSION,
        },
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        _make_mapping,
        "a reader of the stream that invokes the function",
        {"MetricsConfig": "the mapping counts for itself", **TAGS},
    ),
}
