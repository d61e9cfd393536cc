"""What a stack consists of, as plain values for those who run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class CodeFolder:
    """Code in the checkout, and the Makefile that `sam build` would run on it, if it has one."""

    folder: Path
    makefile: Path | None


@dataclass(frozen=True, slots=True)
class LayerResource:
    """A Lambda layer, as its source folder in the checkout."""

    logical_id: str
    arn: str
    code: CodeFolder


@dataclass(frozen=True, slots=True)
class FunctionResource:
    """A Lambda function, ready for a runner. `reserved_concurrency` None means no bound."""

    logical_id: str
    name: str
    arn: str
    handler: str
    runtime: str
    architecture: str
    code: CodeFolder
    layers: tuple[LayerResource, ...]
    environment: Mapping[str, str]
    timeout_s: int
    memory_mb: int
    reserved_concurrency: int | None


@dataclass(frozen=True, slots=True)
class MappingResource:
    """An event source mapping; `properties` are CloudFormation's, resolved and rightly typed."""

    logical_id: str
    uuid: str
    function_name: str
    event_source_arn: str
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an HTTP API. `method` may be ANY; `path` may be $default."""

    method: str
    path: str
    function_name: str
    payload_format: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Throttling:
    """A stage's limits over all routes: requests a second, and how many at once."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class StageResource:
    """A stage of an HTTP API."""

    logical_id: str
    api_id: str
    name: str
    throttling: Throttling | None


@dataclass(frozen=True, slots=True)
class HttpApiResource:
    """An HTTP API: where it is to be served, and its routes."""

    logical_id: str
    api_id: str
    url: str
    routes: tuple[Route, ...]
    cors: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class FeatureGroupResource:
    """A SageMaker feature group; `definitions` is feature name → Integral, Fractional or String."""

    logical_id: str
    name: str
    record_identifier: str
    event_time: str
    definitions: Mapping[str, str]
    online: bool
    offline_s3_uri: str | None
    ttl_s: int | None


Detail: TypeAlias = (
    FunctionResource
    | LayerResource
    | MappingResource
    | HttpApiResource
    | StageResource
    | FeatureGroupResource
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack.

    `ref` is what Ref gives, `attributes` what Fn::GetAtt gives. `detail` holds what the runners of
    the local cloud need, where a resource is more than its name. `no_op` says why nothing was made.
    """

    logical_id: str
    type: str
    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    detail: Detail | None = None
    no_op: str | None = None
