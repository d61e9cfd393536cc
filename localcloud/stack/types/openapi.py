"""Routes of an HTTP API from its OpenAPI document, with API Gateway's own extensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.model import Authorization, AuthorizationKind, Resource, Route
from localcloud.stack.properties import Properties
from localcloud.stack.types.functions import function_behind

LONGEST_TIMEOUT_S: Final = 30.0

_INTEGRATION: Final = "x-amazon-apigateway-integration"
_INTEGRATIONS: Final = "x-amazon-apigateway-integrations"
_ANY_METHOD: Final = "x-amazon-apigateway-any-method"
_METHODS: Final = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})
_NOBODY: Final = "NONE"  # how SAM says that a route asks nothing

# What describes an operation for people and for clients; the gateway itself does not look at it.
_DESCRIPTION: Final = (
    "deprecated",
    "description",
    "externalDocs",
    "isDefaultRoute",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "summary",
    "tags",
)


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says."""

    routes: tuple[Route, ...]
    cors: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Components:
    """What operations refer to: authorisers and integrations by name, and what holds without."""

    schemes: Mapping[str, Authorization]
    integrations: Mapping[str, Any]
    security: list[Any]
    built: Mapping[str, Resource]


def read_document(body: Properties, built: Mapping[str, Resource]) -> Document:
    """The routes of a document, to functions among `built`; an absent document has none.

    Raises UnsupportedResource for what the local gateway would not do as API Gateway does.
    """
    body.ignore(["openapi", "info", "tags", "servers", "x-amazon-apigateway-importexport-version"])
    cors = body.mapping("x-amazon-apigateway-cors") or None
    components = body.nested("components")
    schemes = components.mapping("securitySchemes")
    known = _Components(
        {name: _scheme(Properties(schemes[name], f"{body.where}: {name}")) for name in schemes},
        components.mapping(_INTEGRATIONS),
        body.items("security"),
        built,
    )
    components.ignore(
        ["schemas", "responses", "parameters", "examples", "requestBodies", "headers"]
    )
    components.done()
    routes = tuple(_routes(body.mapping("paths"), known, body.where))
    body.done()
    return Document(routes, cors)


def _scheme(given: Properties) -> Authorization:
    kind = given.text("type")
    if given.text("x-amazon-apigateway-authtype", "") == "awsSigv4":
        return Authorization(AuthorizationKind.IAM)
    authorizer = given.nested("x-amazon-apigateway-authorizer")
    if authorizer.text("type", kind).lower() != "jwt":
        raise UnsupportedResource(
            f"{given.where}: only JWT authorisers and IAM are known here, not {kind}."
        )
    configuration = authorizer.nested("jwtConfiguration")
    source = authorizer.text("identitySource", "$request.header.Authorization")
    authorizer.done()
    authorization = Authorization(
        AuthorizationKind.JWT,
        issuer=configuration.text("issuer"),
        audience=tuple(map(str, configuration.items("audience"))),
        identity_source=source,
    )
    configuration.done()
    return authorization


def _routes(paths: Mapping[str, Any], known: _Components, where: str) -> Iterator[Route]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method in ("parameters", "summary", "description"):
                continue
            if method not in _METHODS and method != _ANY_METHOD:
                raise UnsupportedResource(
                    f"{where}: the local cloud does not know '{method}' of path {path}."
                )
            yield _route(path, method, Properties(operation, f"{where}: {method} {path}"), known)


def _route(path: str, method: str, operation: Properties, known: _Components) -> Route:
    integration = _integration(operation, known)
    authorization = _authorization(operation, known)
    operation.ignore(_DESCRIPTION)
    operation.done()
    if integration.text("type").lower() != "aws_proxy":
        raise UnsupportedResource(f"{operation.where}: only Lambda functions can be called.")
    uri = integration.text("uri")
    function = function_behind(known.built, uri)
    if function is None:
        raise ConfigurationError(f"{operation.where}: {uri} is no function of this stack.")
    milliseconds = integration.optional_integer("timeoutInMillis")
    route = Route(
        method="ANY" if method == _ANY_METHOD else method.upper(),
        path="$default" if path == "/$default" else path,
        function_name=function.name,
        payload_format=integration.text("payloadFormatVersion", "2.0"),
        timeout_s=LONGEST_TIMEOUT_S if milliseconds is None else milliseconds / 1000,
        authorization=authorization,
    )
    # How the gateway calls Lambda: always by POST; for people.
    integration.ignore(["httpMethod", "connectionType", "description"])
    integration.done()
    return route


def _integration(operation: Properties, known: _Components) -> Properties:
    given = operation.nested(_INTEGRATION)
    if "$ref" not in given:
        return given
    name = given.text("$ref").rpartition("/")[2]
    if name not in known.integrations:
        raise ConfigurationError(
            f"{given.where} refers to {name}, which is not among the document's integrations."
        )
    return Properties(known.integrations[name], given.where)


def _authorization(operation: Properties, known: _Components) -> Authorization | None:
    wanted = operation.items("security") if "security" in operation else known.security
    if len(wanted) > 1:
        raise UnsupportedResource(f"{operation.where}: a route takes one authoriser, not more.")
    if not wanted or _NOBODY in wanted[0]:
        return None
    ((name, scopes),) = wanted[0].items()
    if name not in known.schemes:
        raise ConfigurationError(
            f"{operation.where}: there is no authoriser {name!r} among the security schemes."
        )
    scheme = known.schemes[name]
    return Authorization(
        scheme.kind, scheme.issuer, scheme.audience, tuple(scopes), scheme.identity_source
    )
