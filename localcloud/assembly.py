"""From the resources of a stack to the parts that run: what each room needs to know of them."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from millrace.errors import ConfigurationError, StartupError

from localcloud.feature_store.definitions import Feature, FeatureGroup, FeatureType
from localcloud.functions.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from localcloud.functions.spec import FunctionSpec
from localcloud.http_api.authorization import Authorizer
from localcloud.http_api.cors import Cors
from localcloud.http_api.event import Api
from localcloud.http_api.routes import Route
from localcloud.http_api.signed import SignedRequests
from localcloud.http_api.throttling import Rate
from localcloud.http_api.tokens import Issuer, Tokens
from localcloud.ports import Clock
from localcloud.sagemaker.spec import EndpointSpec, Program, VariantSpec
from localcloud.serving import listener
from localcloud.stack.aws import Aws
from localcloud.stack.building import build
from localcloud.stack.model import (
    Authorization,
    AuthorizationKind,
    EndpointResource,
    FeatureGroupResource,
    FunctionResource,
    HttpApiResource,
    ModelResource,
    StageResource,
    Throttling,
)


def feature_group(group: FeatureGroupResource) -> FeatureGroup:
    """A feature group for the feature store's runtime."""
    return FeatureGroup(
        group.name,
        group.record_identifier,
        group.event_time,
        {name: Feature(name, FeatureType(kind)) for name, kind in group.definitions.items()},
        online=group.online,
        offline=group.offline_s3_uri is not None,
        ttl_s=group.ttl_s,
    )


def function_specs(
    functions: Iterable[FunctionResource],
    built: Path,
    environment: Mapping[str, str],
    max_workers: int,
) -> list[FunctionSpec]:
    """Functions for the pool, their code built into `built`; `environment` overrides their own.

    Blocks meanwhile. Raises StartupError when one cannot be built.
    """
    return [
        FunctionSpec(
            name=function.name,
            handler=function.handler,
            code=build(function.code, function.logical_id, built / function.logical_id),
            # The core library from the checkout; what it depends on is in our own environment.
            layers=tuple(layer.code.folder for layer in function.layers[:1]),
            environment={**function.environment, **environment},
            timeout_s=function.timeout_s,
            memory_mb=function.memory_mb,
            max_workers=max_workers,
            reserved_concurrency=function.reserved_concurrency,
        )
        for function in functions
    ]


def model_server(root: Path, command: Sequence[str] | None, url: str, region: str) -> Program:
    """The program behind every endpoint: `command`, or the server of model/ as its image has it."""
    return Program(
        command=tuple(command or (sys.executable, "-m", "model.serve")),
        folder=root,
        environment={
            "PYTHONPATH": f"{root}:{root / 'layers' / 'core'}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_ENDPOINT_URL": url,
        },
    )


def endpoint_specs(endpoints: Iterable[EndpointResource], aws: Aws) -> list[EndpointSpec]:
    """Endpoints for the runtime, with their models' packages; blocks while they are fetched.

    Raises StartupError for a package that is not in the local S3.
    """
    return [
        EndpointSpec(
            name=endpoint.name,
            variants=tuple(
                VariantSpec(
                    name=variant.name,
                    package=_package(variant.model, aws),
                    environment=variant.model.environment,
                    weight=variant.weight,
                    max_concurrency=variant.max_concurrency,
                )
                for variant in endpoint.config.variants
            ),
        )
        for endpoint in endpoints
    ]


def _package(model: ModelResource, aws: Aws) -> bytes | None:
    if model.model_data_url is None:
        return None
    url = urlsplit(model.model_data_url)
    if url.scheme != "s3" or not url.path.strip("/"):
        raise ConfigurationError(
            f"Model {model.name}: ModelDataUrl is {model.model_data_url!r}; it must be like "
            "s3://bucket/model.tar.gz."
        )
    try:
        answer = aws.call("s3", "get_object", Bucket=url.netloc, Key=url.path.lstrip("/"))
        content: bytes = answer["Body"].read()
    except Exception as error:  # botocore's errors, and those of a connection
        raise StartupError(
            f"Model {model.name}: {model.model_data_url} is not in the local S3 ({error}); put it "
            "there with Options.objects."
        ) from error
    return content


def put_objects(objects: Mapping[str, Path], aws: Aws) -> None:
    """Put files into the local S3, by `bucket/key`; their buckets are made. Blocks meanwhile.

    Raises ConfigurationError for a name without a key, or a file that cannot be read.
    """
    contents = {_place(name): _content(name, path) for name, path in objects.items()}
    for bucket in {bucket for bucket, _ in contents}:
        aws.call("s3", "create_bucket", Bucket=bucket)
    for (bucket, key), content in contents.items():
        aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=content)


def _place(name: str) -> tuple[str, str]:
    bucket, _, key = name.partition("/")
    if not bucket or not key:
        raise ConfigurationError(f"An object is called {name!r}; expected bucket/key.")
    return bucket, key


def _content(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}, for {name}, cannot be read: {error}") from error


@dataclass(slots=True)
class Doors:
    """The sockets of HTTP APIs by logical id; each listens before anybody serves it."""

    exits: AsyncExitStack
    sockets: dict[str, socket.socket] = field(default_factory=dict)

    def url(self, logical_id: str) -> str:
        """Where an HTTP API is to be served."""
        if logical_id not in self.sockets:
            self.sockets[logical_id] = listener()
            self.exits.callback(self.sockets[logical_id].close)
        return f"http://127.0.0.1:{self.sockets[logical_id].getsockname()[1]}"


@dataclass(slots=True)
class Apis:
    """Makes HTTP APIs' routes; authorisers of the same issuer share its keys."""

    clock: Clock
    region: str
    account_id: str
    _issuers: dict[str, Issuer] = field(default_factory=dict)

    def routes(self, api: HttpApiResource, stage: StageResource | None) -> list[Route]:
        """The routes of an API, with their own limits and what they ask of callers."""
        limits = stage.by_route if stage is not None else {}
        return list(self._routes(api, limits))

    def _routes(self, api: HttpApiResource, limits: Mapping[str, Throttling]) -> Iterator[Route]:
        for route in api.routes:
            key = route.path if route.path == "$default" else f"{route.method} {route.path}"
            yield Route(
                key,
                route.function_name,
                route.payload_format,
                route.timeout_s,
                rate=rate(limits.get(key)),
                authorizer=self._authorizer(route.authorization),
            )

    def _authorizer(self, asked: Authorization | None) -> Authorizer | None:
        if asked is None:
            return None
        if asked.kind is AuthorizationKind.IAM:
            return SignedRequests(self.clock, self.region, self.account_id)
        if asked.issuer not in self._issuers:
            self._issuers[asked.issuer] = Issuer(asked.issuer, self.clock)
        issuer = self._issuers[asked.issuer]
        return Tokens(issuer, asked.audience, asked.scopes, asked.identity_source)

    def api(self, api: HttpApiResource, stage: StageResource | None) -> Api:
        """What the API's events say about it."""
        if stage is None:
            return Api(api.api_id, self.account_id)
        return Api(api.api_id, self.account_id, stage.name, dict(stage.variables) or None)


def rate(limit: Throttling | None) -> Rate | None:
    """A limit for the HTTP API."""
    return Rate(limit.rate, limit.burst) if limit is not None else None


def cors(given: Mapping[str, Any] | None) -> Cors | None:
    """A CORS configuration, from API Gateway's document."""
    if given is None:
        return None
    max_age = given.get("maxAge")
    return Cors(
        allow_origins=tuple(given.get("allowOrigins", ())),
        allow_methods=tuple(given.get("allowMethods", ())),
        allow_headers=tuple(given.get("allowHeaders", ())),
        expose_headers=tuple(given.get("exposeHeaders", ())),
        max_age_s=None if max_age is None else int(max_age),
        allow_credentials=str(given.get("allowCredentials", False)).lower() == "true",
    )
