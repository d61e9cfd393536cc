"""API Gateway: one deployment, whose routes lead to functions or to answers that stand fixed.

The deployment is what Terraform's `specification`, or the console's JSON, says. It is checked
against the SDK's own model, and what this gateway does not do is refused, never left out: nobody
should believe that a route is guarded here that is not.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from millrace.errors import UnsupportedResource
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.oci.function_api import Invocable
from localcloud.oci.sdk.checking import Checker

FUNCTION, STOCK = "ORACLE_FUNCTIONS_BACKEND", "STOCK_RESPONSE_BACKEND"
_METHODS = frozenset({"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_MAX_BODY_BYTES = 6 << 20
_BAD_GATEWAY, _TIMED_OUT = 502, 504
# Of one connection only, never passed on.
_HOP = {
    "connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
_REASONS = {
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A path with its parameters, the methods that it takes, and what is behind it."""

    path: str
    methods: frozenset[str]
    backend: Mapping[str, Any]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, prefix: str, told: Mapping[str, Any]) -> Route:
        """Out of a specification. Raises UnsupportedResource."""
        path = told["path"]
        _only(told, {"path", "methods", "backend", "loggingPolicies"}, f"route {path}")
        backend = told["backend"]
        if backend["type"] not in (FUNCTION, STOCK):
            raise UnsupportedResource(
                f"The backend {backend['type']} of route {path} is not known to the local gateway;"
                f" it has {FUNCTION} and {STOCK}"
            )
        methods = frozenset(told.get("methods") or ["ANY"])
        if not methods <= _METHODS:
            raise UnsupportedResource(f"Route {path} has methods {sorted(methods - _METHODS)}")
        return cls(path, methods, backend, _pattern(prefix.rstrip("/") + path))

    def takes(self, method: str) -> bool:
        """Whether a method is one of its own."""
        return method in self.methods or "ANY" in self.methods


@dataclass(frozen=True, slots=True)
class Gateway:
    """An ASGI application."""

    routes: Sequence[Route]
    functions: Mapping[str, Invocable] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        prefix: str,
        specification: Mapping[str, Any],
        functions: Mapping[str, Invocable],
        checker: Checker,
    ) -> Gateway:
        """A deployment under a path. Raises OciError, UnsupportedResource."""
        checker.document("apigateway", "ApiSpecification", specification)
        _only(specification, {"routes", "loggingPolicies"}, "the specification")
        routes = [Route.of(prefix, told) for told in specification.get("routes") or ()]
        for route in routes:
            named = route.backend.get("functionId")
            if route.backend["type"] == FUNCTION and named not in functions:
                raise UnsupportedResource(f"Route {route.path} leads to no function: {named}")
        # A word in a path counts more than a parameter, and that more than all the rest of a path.
        routes.sort(key=lambda route: (route.path.count("*}"), route.path.count("{")))
        return cls(routes, functions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        fitting = [route for route in self.routes if route.pattern.fullmatch(path)]
        route = next((one for one in fitting if one.takes(request.method)), None)
        if route is None:
            return _problem(405 if fitting else 404)
        if route.backend["type"] == STOCK:
            return _stock(route.backend)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                return _problem(413)
        function = self.functions[route.backend["functionId"]]
        answer = await function.invoke(bytes(body), _headers(request))
        if answer.failed:  # what a function says when it fails is for its log
            return _problem(_TIMED_OUT if answer.status == _TIMED_OUT else _BAD_GATEWAY)
        response = Response(answer.body, answer.status)
        for name, value in answer.headers:
            if name.lower() not in _HOP:
                response.headers.append(name, value)
        response.headers.setdefault("opc-request-id", uuid.uuid4().hex)
        return response


def _headers(request: Request) -> list[tuple[str, str]]:
    """What fdk makes a request over HTTP of."""
    url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    sent = [
        ("Fn-Intent", "httprequest"),
        ("Fn-Http-Method", request.method),
        ("Fn-Http-Request-Url", url),
    ]
    sent += [
        (f"Fn-Http-H-{name}", value) for name, value in request.headers.items() if name not in _HOP
    ]
    if "content-type" in request.headers:
        sent.append(("Content-Type", request.headers["content-type"]))
    host = request.client.host if request.client else "127.0.0.1"
    return [*sent, ("Fn-Http-H-X-Forwarded-For", host), ("Fn-Http-H-X-Real-Ip", host)]


def _pattern(path: str) -> re.Pattern[str]:
    """A path with {name} for a part and {name*} for all that is left."""
    made = re.sub(r"\\\{\w+\\\*\\\}", ".*", re.escape(path))
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", made))


def _stock(backend: Mapping[str, Any]) -> Response:
    response = Response(backend.get("body") or "", backend["status"])
    for header in backend.get("headers") or ():
        response.headers.append(header["name"], header["value"])
    return response


def _problem(status: int) -> Response:
    content = orjson.dumps({"code": status, "message": _REASONS[status]})
    return Response(content, status, media_type="application/json")


def _only(told: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in sorted(told.keys() - known):
        if told[name]:
            raise UnsupportedResource(
                f"The local gateway does nothing for {name} of {where}; leave it out here"
            )
