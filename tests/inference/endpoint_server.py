"""A SageMaker runtime on loopback that answers what a test says, in SageMaker's own wire form."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from localcloud.serving import drop, serving


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `wait_s` before it begins, or between its bytes where it trickles."""

    status: int = 200
    body: bytes = b'{"score":0.5}'
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    trickles: bool = False
    cut: bool = False


def error(status: int, code: str, **members: Any) -> Reply:
    """A refusal of the service."""
    body = json.dumps(members).encode()
    return Reply(status, body, {"x-amzn-errortype": code, "content-type": "application/json"})


def model_error(status: int, message: str) -> Reply:
    """A container that answered with an error of its own."""
    return error(
        424,
        "ModelError",
        Message=f'Received client error ({status}) from primary with message "{message}".',
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn="arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/m",
    )


class EndpointServer:
    """What was asked so far, and the replies to come; the last of them is given again."""

    def __init__(self) -> None:
        self.url = ""
        self.replies = [Reply()]
        self.asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.asked.append(Asked(scope["path"], dict(request.headers), body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.cut:
            await drop(scope, receive)
            return
        headers = {"content-type": "application/json", **reply.headers}
        if reply.trickles:
            response: Response = StreamingResponse(_slowly(reply), reply.status, headers)
        else:
            await asyncio.sleep(reply.wait_s)
            response = Response(reply.body, reply.status, headers)
        await response(scope, receive, send)


async def _slowly(reply: Reply) -> AsyncIterator[bytes]:
    for byte in reply.body:
        yield bytes([byte])
        await asyncio.sleep(reply.wait_s)


@contextlib.asynccontextmanager
async def endpoint_server() -> AsyncIterator[EndpointServer]:
    """The server, for as long as the block runs."""
    server = EndpointServer()
    async with serving(server, grace_s=0) as address:
        server.url = address.url
        yield server
