"""The ASGI application around moto: reads a request whole and answers it in the loop's thread."""

from __future__ import annotations

import re
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.moto_server import HEALTH
from localcloud.moto_server.dynamodb import OPERATIONS, DataPlane
from localcloud.moto_server.wsgi import Dispatcher, Headers, Request

_DYNAMODB = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/dynamodb/aws4_request")
_TARGET = "DynamoDB_20120810."


def application(account_id: str) -> ASGIApp:
    """moto's services for one account. Nothing here awaits between reading and answering, so
    every request is atomic."""
    data_plane = DataPlane(account_id, time.monotonic)
    dispatcher = Dispatcher()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", f"only HTTP is served here, not {scope['type']}"
        request = await _request(scope, receive)
        if request is not None:
            await _respond(send, *_answer(request, data_plane, dispatcher))

    return app


async def _request(scope: Scope, receive: Receive) -> Request | None:
    chunks: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    ]
    return Request(scope["method"], target.decode("latin-1"), headers, b"".join(chunks))


def _answer(
    request: Request, data_plane: DataPlane, dispatcher: Dispatcher
) -> tuple[int, Headers, bytes]:
    if request.target == HEALTH:
        return 200, [("content-type", "application/json")], b'{"status":"ok"}'
    headers = dict(request.headers)
    operation = headers.get("x-amz-target", "").removeprefix(_TARGET)
    signed = _DYNAMODB.search(headers.get("authorization", ""))
    if operation in OPERATIONS and signed and "content-encoding" not in headers:
        answer = data_plane.call(operation, signed[1], request.body)
        return answer.status, list(answer.headers.items()), answer.body
    return dispatcher.call(request)


async def _respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    # h11 frames the answer by its length; an answer to HEAD keeps the length that moto claims.
    if not any(name == b"content-length" for name, _ in fields):
        fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
