"""Streaming and Notifications over HTTP, as the SDK's clients speak to them; loopback only."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from millrace.anomaly.instants import iso_ms
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.oci.documents import Body, message_document, messages_of
from localcloud.oci.errors import InvalidParameter, OciError, TooLarge
from localcloud.oci.groups import Group
from localcloud.oci.notifications import Notifications
from localcloud.oci.signing import verify
from localcloud.oci.streaming import Streaming

STREAMS = "/20180418/streams/{stream}"
TOPICS = "/20181201/topics/{topic}"
# 1 MB of messages in base64, with keys and punctuation.
_MAX_BODY_BYTES = 4 << 20

Answer = tuple[int, object, dict[str, str]]
Operation = Callable[[Request, bytes], Answer]
Endpoint = Callable[[Request], Awaitable[Response]]


def application(
    streaming: Streaming, notifications: Notifications, keys: Mapping[str, rsa.RSAPublicKey]
) -> Starlette:
    """An ASGI application; every request must be signed with one of the keys, by its keyId."""
    api = _Api(streaming, notifications)

    def route(path: str, method: str, operation: Operation, *, body_signed: bool = True) -> Route:
        signs = body_signed and method != "GET"
        return Route(path, _endpoint(operation, keys, body_signed=signs), methods=[method])

    return Starlette(
        routes=[
            # The SDK signs no body here, for it may be large.
            route(f"{STREAMS}/messages", "POST", api.put, body_signed=False),
            route(f"{STREAMS}/messages", "GET", api.get),
            route(f"{STREAMS}/cursors", "POST", api.cursor),
            route(f"{STREAMS}/groupCursors", "POST", api.group_cursor),
            route(f"{STREAMS}/commit", "POST", api.commit),
            route(f"{STREAMS}/heartbeat", "POST", api.heartbeat),
            route(STREAMS + "/groups/{group}", "GET", api.group),
            route(STREAMS + "/groups/{group}", "PUT", api.update_group),
            route(f"{TOPICS}/messages", "POST", api.publish),
        ],
        exception_handlers={HTTPException: _unknown},
    )


class _Api:
    """The operations, each from a request to status, document and headers."""

    def __init__(self, streaming: Streaming, notifications: Notifications) -> None:
        self._streaming = streaming
        self._notifications = notifications

    def put(self, request: Request, content: bytes) -> Answer:
        stream = self._streaming.stream(request.path_params["stream"])
        kept = stream.put(messages_of(Body.of(content, {"messages"})))
        entries = [
            {"partition": m.partition, "offset": m.offset, "timestamp": iso_ms(m.arrival_ms)}
            for m in kept
        ]
        return 200, {"failures": 0, "entries": entries}, {}

    def get(self, request: Request, _: bytes) -> Answer:
        stream = self._streaming.stream(request.path_params["stream"])
        asked = request.query_params
        limit = _number(asked["limit"]) if "limit" in asked else None
        found, token = self._streaming.get(stream.id, asked.get("cursor", ""), limit)
        documents = [message_document(stream.name, message) for message in found]
        return 200, documents, {"opc-next-cursor": token}

    def cursor(self, request: Request, content: bytes) -> Answer:
        body = Body.of(content, {"partition", "type", "offset", "time"})
        value = self._streaming.cursor(
            request.path_params["stream"],
            body.text("partition"),
            body.text("type"),
            body.whole("offset"),
            body.time_ms("time"),
        )
        return 200, {"value": value}, {}

    def group_cursor(self, request: Request, content: bytes) -> Answer:
        known = {"type", "time", "groupName", "instanceName", "timeoutInMs", "commitOnGet"}
        body = Body.of(content, known)
        value = self._streaming.group_cursor(
            request.path_params["stream"],
            body.text("groupName"),
            body.text("type"),
            instance=body.text("instanceName", str(uuid.uuid4())),
            time_ms=body.time_ms("time"),
            timeout_ms=body.whole("timeoutInMs"),
            commit_on_get=body.flag("commitOnGet"),
        )
        return 200, {"value": value}, {}

    def commit(self, request: Request, _: bytes) -> Answer:
        token = request.query_params.get("cursor", "")
        return 200, {"value": self._streaming.commit(request.path_params["stream"], token)}, {}

    def heartbeat(self, request: Request, _: bytes) -> Answer:
        token = request.query_params.get("cursor", "")
        return 200, {"value": self._streaming.heartbeat(request.path_params["stream"], token)}, {}

    def group(self, request: Request, _: bytes) -> Answer:
        names = request.path_params
        return 200, _group_document(self._streaming.group(names["stream"], names["group"])), {}

    def update_group(self, request: Request, content: bytes) -> Answer:
        names = request.path_params
        body = Body.of(content, {"type", "time"})
        group = self._streaming.group(names["stream"], names["group"])
        group.reset(body.text("type"), body.time_ms("time"))
        return 204, None, {}

    def publish(self, request: Request, content: bytes) -> Answer:
        body = Body.of(content, {"title", "body"})
        title = body.text("title", "") or None
        notice = self._notifications.publish(request.path_params["topic"], title, body.text("body"))
        answer = {"messageId": notice.message_id, "timeStamp": iso_ms(notice.time_ms)}
        return 202, answer, {}


def _endpoint(
    operation: Operation, keys: Mapping[str, rsa.RSAPublicKey], *, body_signed: bool
) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            content = await _content(request)
            verify(
                *(keys, request.method, _target(request), request.headers, content),
                now_s=time.time(),
                body_signed=body_signed,
            )
            return _response(*operation(request, content))
        except OciError as refusal:
            return _response(refusal.status, {"code": refusal.code, "message": str(refusal)}, {})

    return endpoint


def _target(request: Request) -> str:
    """Path and query as they were sent, and signed."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    target: bytes = path + (b"?" + query if query else b"")
    return target.decode("latin-1")


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_BODY_BYTES:
            raise TooLarge(f"The body has more than {_MAX_BODY_BYTES} bytes")
    return bytes(content)


def _response(status: int, document: object, headers: Mapping[str, str]) -> Response:
    content = b"" if document is None else orjson.dumps(document)
    sent = {"opc-request-id": uuid.uuid4().hex, **headers}
    return Response(content, status, sent, media_type="application/json")


async def _unknown(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = f"The local cloud has no {request.method} {request.url.path:.200}"
    return _response(status, {"code": "NotAuthorizedOrNotFound", "message": message}, {})


def _group_document(group: Group) -> dict[str, object]:
    places = [
        {
            "partition": name,
            "committedOffset": place.committed - 1 if place.committed else None,
            "reservedInstance": place.instance,
            "timeReservedUntil": iso_ms(place.until_ms) if place.instance else None,
        }
        for name, place in group.places.items()
    ]
    return {"streamId": group.stream.id, "groupName": group.name, "reservations": places}


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise InvalidParameter(f"limit must be a whole number but is {text!r:.40}")
    return int(text)
