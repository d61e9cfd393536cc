"""HTTP APIs and their stages; the local API Gateway serves them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.model import HttpApiResource, Route, StageResource, Throttling
from localcloud.stack.properties import Properties
from localcloud.stack.types.functions import find_function
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_INTEGRATION: Final = "x-amazon-apigateway-integration"
_ANY_METHOD: Final = "x-amazon-apigateway-any-method"
_METHODS: Final = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})
_FUNCTION_ARN = re.compile(r"functions/(arn:[^/]+)/invocations$")
_MAXIMUM_TIMEOUT_S: Final = 30.0


def _make_api(creation: Creation) -> Made:
    api_id = creation.place.unique(creation.logical_id, 10).lower()
    url = creation.place.http_api_url(creation.logical_id).rstrip("/")
    body = creation.properties.nested("Body")
    body.ignore(["openapi", "info", "tags"])
    cors = body.mapping("x-amazon-apigateway-cors") or None
    routes = tuple(_routes(creation, body.mapping("paths")))
    body.done()
    api = HttpApiResource(creation.logical_id, api_id, url, routes, cors)
    return Made(ref=api_id, attributes={"ApiEndpoint": url, "ApiId": api_id}, detail=api)


def _routes(creation: Creation, paths: Mapping[str, Any]) -> Iterator[Route]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method not in _METHODS and method != _ANY_METHOD:
                raise UnsupportedResource(
                    f"{creation.properties.where}: the local cloud does not know '{method}' of "
                    f"path {path}."
                )
            where = f"{creation.properties.where}: {method} {path}"
            yield _route(creation, path, method, Properties(operation, where))


def _route(creation: Creation, path: str, method: str, operation: Properties) -> Route:
    integration = operation.nested(_INTEGRATION)
    # "parameters" names the path's variables once more.
    operation.ignore(["isDefaultRoute", "parameters", "responses"])
    operation.done()
    if integration.text("type").lower() != "aws_proxy":
        raise UnsupportedResource(f"{operation.where}: only Lambda functions can be called.")
    uri = integration.text("uri")
    found = _FUNCTION_ARN.search(uri)
    function = find_function(creation.built, found[1]) if found else None
    if function is None:
        raise ConfigurationError(f"{operation.where}: {uri} is no function of this stack.")
    milliseconds = integration.optional_integer("timeoutInMillis")
    route = Route(
        method="ANY" if method == _ANY_METHOD else method.upper(),
        path="$default" if path == "/$default" else path,
        function_name=function.name,
        payload_format=integration.text("payloadFormatVersion", "2.0"),
        timeout_s=_MAXIMUM_TIMEOUT_S if milliseconds is None else milliseconds / 1000,
    )
    integration.ignore(["httpMethod"])  # how the gateway calls Lambda: always by POST
    integration.done()
    return route


def _make_stage(creation: Creation) -> Made:
    properties = creation.properties
    name = properties.text("StageName")
    throttling = None
    if "DefaultRouteSettings" in properties:
        settings = properties.nested("DefaultRouteSettings")
        settings.ignore(["DetailedMetricsEnabled"])
        throttling = Throttling(
            rate=settings.number("ThrottlingRateLimit"),
            burst=settings.integer("ThrottlingBurstLimit"),
        )
        settings.done()
    stage = StageResource(creation.logical_id, properties.text("ApiId"), name, throttling)
    return Made(ref=name, detail=stage)


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::ApiGatewayV2::Api": ResourceType(
        _make_api, "an HTTP server", {"Description": "for people", **TAGS}
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        _make_stage,
        "limits of that server",
        {
            "AccessLogSettings": "the local gateway counts requests itself",
            "AutoDeploy": "there is nothing to deploy",
            "Description": "for people",
            **TAGS,
        },
    ),
}
