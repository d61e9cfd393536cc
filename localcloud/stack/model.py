"""What a stack consists of, as plain values for those who run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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
class QualifierResource:
    """A version or an alias of a function, by which it may be called; `qualifier` names it.

    There is one version of the code on this machine, so every qualifier means the same.
    """

    logical_id: str
    function_name: str
    qualifier: str
    version: str


@dataclass(frozen=True, slots=True)
class MappingResource:
    """An event source mapping; `properties` are CloudFormation's, resolved and rightly typed."""

    logical_id: str
    uuid: str
    function_name: str
    event_source_arn: str
    properties: Mapping[str, object]


class AuthorizationKind(StrEnum):
    """How a caller of an HTTP API proves who it is, by CloudFormation's names."""

    IAM = "AWS_IAM"
    JWT = "JWT"


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a route asks of its callers. For JWT: who issued the token, for whom, in which header.

    A caller needs one of the `scopes`, if there are any.
    """

    kind: AuthorizationKind
    issuer: str = ""
    audience: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    identity_source: str = "$request.header.Authorization"


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an HTTP API. `method` may be ANY; `path` may be $default."""

    method: str
    path: str
    function_name: str
    payload_format: str
    timeout_s: float
    authorization: Authorization | None = None


@dataclass(frozen=True, slots=True)
class IntegrationResource:
    """What a route of its own resource leads to."""

    logical_id: str
    api_id: str
    integration_id: str
    function_name: str
    payload_format: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class AuthorizerResource:
    """A JWT authoriser of its own resource."""

    logical_id: str
    api_id: str
    authorizer_id: str
    authorization: Authorization


@dataclass(frozen=True, slots=True)
class RouteResource:
    """A route of its own resource, with the id of its API."""

    logical_id: str
    api_id: str
    route: Route


@dataclass(frozen=True, slots=True)
class Throttling:
    """A stage's limits for a route: requests a second, and how many at once."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class StageResource:
    """A stage of an HTTP API. `throttling` holds for each route that has none in `by_route`."""

    logical_id: str
    api_id: str
    name: str
    throttling: Throttling | None
    by_route: Mapping[str, Throttling] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class ModelResource:
    """A SageMaker model: the package that its container gets, and the container's variables."""

    logical_id: str
    name: str
    model_data_url: str | None
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VariantResource:
    """A production variant. `max_concurrency` is a serverless variant's, else None."""

    name: str
    model: ModelResource
    weight: float
    max_concurrency: int | None


@dataclass(frozen=True, slots=True)
class EndpointConfigResource:
    """A SageMaker endpoint configuration."""

    logical_id: str
    name: str
    variants: tuple[VariantResource, ...]


@dataclass(frozen=True, slots=True)
class EndpointResource:
    """A SageMaker endpoint."""

    logical_id: str
    name: str
    config: EndpointConfigResource


@dataclass(frozen=True, slots=True)
class AlarmResource:
    """A CloudWatch alarm; `request` is what PutMetricAlarm was given."""

    logical_id: str
    name: str
    arn: str
    request: Mapping[str, object]


Detail: TypeAlias = (
    FunctionResource
    | LayerResource
    | QualifierResource
    | MappingResource
    | HttpApiResource
    | StageResource
    | IntegrationResource
    | AuthorizerResource
    | RouteResource
    | FeatureGroupResource
    | ModelResource
    | EndpointConfigResource
    | EndpointResource
    | AlarmResource
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
