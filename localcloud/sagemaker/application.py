"""SageMaker's runtime over HTTP (rest-json): InvokeEndpoint, as a Starlette application."""

from __future__ import annotations

import re
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.sagemaker import errors
from localcloud.sagemaker.endpoints import Endpoints
from localcloud.sagemaker.variant import MAX_BYTES

# The bounds of botocore's model of the service.
_MAX_HEADER = 1024
_MAX_NAME = 63
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_NAME_RULE = "^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_INFERENCE_ID = re.compile(r"[!-~][ -~]{0,63}")

_PREFIX = "x-amzn-sagemaker-"
_ATTRIBUTES = f"{_PREFIX}custom-attributes"
_VARIANT = f"{_PREFIX}target-variant"
# "Amazon SageMaker strips all POST headers except those supported by the API."
_TO_MODEL = (
    "content-type",
    "accept",
    _ATTRIBUTES,
    f"{_PREFIX}inference-id",
    f"{_PREFIX}session-id",
)
_FROM_MODEL = (
    "content-type",
    _ATTRIBUTES,
    f"{_PREFIX}new-session-id",
    f"{_PREFIX}closed-session-id",
)
# What the local runtime does not do, and must not seem to do.
_NOT_SERVED = {
    f"{_PREFIX}target-model": "TargetModel (multi-model endpoints)",
    f"{_PREFIX}target-container-hostname": "TargetContainerHostname (direct invocation)",
    f"{_PREFIX}inference-component": "InferenceComponentName (inference components)",
    f"{_PREFIX}enable-explanations": "EnableExplanations (Clarify)",
}


def application(endpoints: Endpoints) -> Starlette:
    """The runtime of `endpoints`."""

    async def invoke(request: Request) -> Response:
        try:
            return await _invoke(endpoints, request)
        except errors.EndpointError as error:
            return _refusal(error)

    async def not_served(request: Request) -> Response:
        return _refusal(
            errors.invalid(f"The local cloud serves InvokeEndpoint, not {request.url.path}")
        )

    return Starlette(
        routes=[
            Route("/endpoints/{name}/invocations", invoke, methods=["POST"]),
            Route("/{path:path}", not_served, methods=["POST"]),
        ]
    )


async def _invoke(endpoints: Endpoints, request: Request) -> Response:
    body = await _read(request)
    name = request.path_params["name"]
    _check(name, request)
    headers = {key: request.headers[key] for key in _TO_MODEL if key in request.headers}
    invoked = await endpoints.invoke(name, headers, body, request.headers.get(_VARIANT))
    answer = invoked.answer
    passed_on = {key: answer.headers[key] for key in _FROM_MODEL if key in answer.headers}
    return Response(
        answer.body,
        headers={
            **passed_on,
            "x-amzn-invoked-production-variant": invoked.variant,
            "x-amzn-requestid": str(uuid4()),
        },
    )


def _check(name: str, request: Request) -> None:
    """Raise what the API's model forbids; botocore itself leaves these rules to the service."""
    _check_name(name, "endpointName")
    if (variant := request.headers.get(_VARIANT)) is not None:
        _check_name(variant, "targetVariant")
    for header, member in (
        ("content-type", "contentType"),
        ("accept", "accept"),
        (_ATTRIBUTES, "customAttributes"),
    ):
        value = request.headers.get(header, "")
        if len(value) > _MAX_HEADER:
            rule = f"Member must have length less than or equal to {_MAX_HEADER}"
            raise errors.broken_rule(f"'{value[:80]}'", member, rule)
    inference_id = request.headers.get(f"{_PREFIX}inference-id")
    if inference_id is not None and _INFERENCE_ID.fullmatch(inference_id) is None:
        rule = "Member must have length between 1 and 64 and begin with a visible character"
        raise errors.broken_rule(f"'{inference_id[:80]}'", "inferenceId", rule)
    for header, what in _NOT_SERVED.items():
        if header in request.headers:
            raise errors.invalid(f"The local cloud does not know {what}.")


def _check_name(value: str, member: str) -> None:
    if len(value) > _MAX_NAME:
        rule = f"Member must have length less than or equal to {_MAX_NAME}"
        raise errors.broken_rule(f"'{value}'", member, rule)
    if _NAME.fullmatch(value) is None:
        rule = f"Member must satisfy regular expression pattern: {_NAME_RULE}"
        raise errors.broken_rule(f"'{value}'", member, rule)


async def _read(request: Request) -> bytes:
    """The body; of one that is too large for every variant only as much as shows that. It is read
    to its end either way, so that the client can finish sending and reads the answer."""
    body = bytearray()
    async for chunk in request.stream():
        if len(body) <= MAX_BYTES:
            body += chunk
    return bytes(body)


def _refusal(error: errors.EndpointError) -> Response:
    headers = {"x-amzn-errortype": error.code, "x-amzn-requestid": str(uuid4())}
    return JSONResponse(dict(error.document), error.status, headers)
