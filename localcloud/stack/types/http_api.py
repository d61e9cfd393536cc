"""HTTP APIs and their stages; the local API Gateway serves them.

An API's routes stand in its OpenAPI document (`Body`), or are resources of their own; both may be
used together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.model import (
    Authorization,
    AuthorizationKind,
    AuthorizerResource,
    FunctionResource,
    HttpApiResource,
    IntegrationResource,
    Resource,
    Route,
    RouteResource,
    StageResource,
    Throttling,
)
from localcloud.stack.properties import Properties
from localcloud.stack.types.functions import function_behind
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType
from localcloud.stack.types.openapi import LONGEST_TIMEOUT_S, read_document

_AUTHORIZER_TYPE = "only JWT authorisers and IAM are known here, not Lambda functions"
_TARGET: Final = "integrations/"


def _make_api(creation: Creation) -> Made:
    properties = creation.properties
    kind = properties.text("ProtocolType", "HTTP")
    if kind != "HTTP":
        raise UnsupportedResource(f"{properties.where}: only HTTP APIs are served, not {kind}.")
    api_id = creation.place.unique(creation.logical_id, 10).lower()
    url = creation.place.http_api_url(creation.logical_id).rstrip("/")
    body = read_document(properties.nested("Body"), creation.built)
    cors = _cors(properties.mapping("CorsConfiguration")) or body.cors
    api = HttpApiResource(creation.logical_id, api_id, url, body.routes, cors)
    return Made(ref=api_id, attributes={"ApiEndpoint": url, "ApiId": api_id}, detail=api)


def _cors(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """CloudFormation's spelling as the document's, which begins each name in lower case."""
    return {name[0].lower() + name[1:]: value for name, value in given.items()} or None


def _make_integration(creation: Creation) -> Made:
    properties = creation.properties
    kind = properties.text("IntegrationType")
    if kind != "AWS_PROXY":
        raise UnsupportedResource(f"{properties.where}: only Lambda functions can be called.")
    milliseconds = properties.optional_integer("TimeoutInMillis")
    integration = IntegrationResource(
        logical_id=creation.logical_id,
        api_id=properties.text("ApiId"),
        integration_id=creation.place.unique(creation.logical_id, 7).lower(),
        function_name=_function(creation, properties.text("IntegrationUri")).name,
        payload_format=properties.text("PayloadFormatVersion", "1.0"),
        timeout_s=LONGEST_TIMEOUT_S if milliseconds is None else milliseconds / 1000,
    )
    return Made(
        ref=integration.integration_id,
        attributes={"IntegrationId": integration.integration_id},
        detail=integration,
    )


def _function(creation: Creation, uri: str) -> FunctionResource:
    function = function_behind(creation.built, uri)
    if function is None:
        raise ConfigurationError(
            f"{creation.properties.where}: {uri} is no function of this stack."
        )
    return function


def _make_authorizer(creation: Creation) -> Made:
    properties = creation.properties
    kind = properties.text("AuthorizerType")
    if kind != "JWT":
        raise UnsupportedResource(f"{properties.where}: {_AUTHORIZER_TYPE}.")
    sources = properties.items("IdentitySource") or ["$request.header.Authorization"]
    configuration = properties.nested("JwtConfiguration")
    authorization = Authorization(
        AuthorizationKind.JWT,
        issuer=configuration.text("Issuer"),
        audience=tuple(map(str, configuration.items("Audience"))),
        identity_source=str(sources[0]),
    )
    configuration.done()
    authorizer_id = creation.place.unique(creation.logical_id, 6).lower()
    detail = AuthorizerResource(
        creation.logical_id, properties.text("ApiId"), authorizer_id, authorization
    )
    return Made(ref=authorizer_id, attributes={"AuthorizerId": authorizer_id}, detail=detail)


def _make_route(creation: Creation) -> Made:
    properties = creation.properties
    target = properties.text("Target")
    integration = _integration(creation.built, target)
    if integration is None:
        raise ConfigurationError(
            f"{properties.where}: the target must be {_TARGET} and the id of an integration of "
            f"this stack, not {target!r}."
        )
    method, _, path = properties.text("RouteKey").rpartition(" ")
    route = Route(
        method=method or "ANY",
        path=path,
        function_name=integration.function_name,
        payload_format=integration.payload_format,
        timeout_s=integration.timeout_s,
        authorization=_authorization(creation),
    )
    detail = RouteResource(creation.logical_id, properties.text("ApiId"), route)
    route_id = creation.place.unique(creation.logical_id, 7).lower()
    return Made(ref=route_id, attributes={"RouteId": route_id}, detail=detail)


def _integration(built: Mapping[str, Resource], target: str) -> IntegrationResource | None:
    for resource in built.values():
        detail = resource.detail
        if isinstance(detail, IntegrationResource) and target == _TARGET + detail.integration_id:
            return detail
    return None


def _authorization(creation: Creation) -> Authorization | None:
    properties = creation.properties
    kind = properties.text("AuthorizationType", "NONE")
    authorizer_id = properties.optional_text("AuthorizerId")
    scopes = tuple(map(str, properties.items("AuthorizationScopes")))
    if kind == "NONE":
        return None
    if kind == AuthorizationKind.IAM:
        return Authorization(AuthorizationKind.IAM)
    if kind != AuthorizationKind.JWT:
        raise UnsupportedResource(f"{properties.where}: {_AUTHORIZER_TYPE}.")
    for resource in creation.built.values():
        found = resource.detail
        if isinstance(found, AuthorizerResource) and found.authorizer_id == authorizer_id:
            known = found.authorization
            return Authorization(
                known.kind, known.issuer, known.audience, scopes, known.identity_source
            )
    raise ConfigurationError(
        f"{properties.where}: there is no authoriser {authorizer_id!r} in this stack."
    )


def _make_stage(creation: Creation) -> Made:
    properties = creation.properties
    name = properties.text("StageName")
    routes = properties.mapping("RouteSettings")
    by_route = {key: _throttling(Properties(routes[key], properties.where)) for key in routes}
    stage = StageResource(
        creation.logical_id,
        properties.text("ApiId"),
        name,
        _throttling(properties.nested("DefaultRouteSettings")),
        {key: limit for key, limit in by_route.items() if limit is not None},
        properties.nested("StageVariables").texts(),
    )
    return Made(ref=name, detail=stage)


def _throttling(settings: Properties) -> Throttling | None:
    settings.ignore(["DataTraceEnabled", "DetailedMetricsEnabled", "LoggingLevel"])
    limits = None
    if "ThrottlingRateLimit" in settings:
        limits = Throttling(
            rate=settings.number("ThrottlingRateLimit"),
            burst=settings.integer("ThrottlingBurstLimit"),
        )
    settings.done()
    return limits


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::ApiGatewayV2::Api": ResourceType(
        _make_api,
        "an HTTP server",
        {
            "Description": "for people",
            "DisableExecuteApiEndpoint": "there is one address",
            "FailOnWarnings": "what is not known here is always an error",
            "Name": "for people",
            **TAGS,
        },
    ),
    "AWS::ApiGatewayV2::Integration": ResourceType(
        _make_integration,
        "what routes of that server lead to",
        {
            "Description": "for people",
            "IntegrationMethod": "functions are always called by POST",
        },
    ),
    "AWS::ApiGatewayV2::Authorizer": ResourceType(
        _make_authorizer, "what routes of that server ask of their callers", {"Name": "for people"}
    ),
    "AWS::ApiGatewayV2::Route": ResourceType(
        _make_route, "a route of that server", {"OperationName": "for people"}
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        _make_stage,
        "limits of that server",
        {
            "AccessLogSettings": "the local cloud counts requests itself",
            "AutoDeploy": "there is nothing to deploy",
            "Description": "for people",
            **TAGS,
        },
    ),
}
