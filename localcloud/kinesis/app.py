"""Kinesis over HTTP: AWS's JSON 1.1 protocol, and the event stream of SubscribeToShard."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Mapping

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from localcloud.kinesis import (
    consumer_operations,
    eventstream,
    record_operations,
    shard_operations,
    stream_operations,
)
from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.consumer_operations import consumer_of
from localcloud.kinesis.errors import (
    KinesisError,
    RequestTooLarge,
    UnknownOperation,
    UnsupportedMediaType,
)
from localcloud.kinesis.limits import MAX_PUT_BYTES
from localcloud.kinesis.reading import Position
from localcloud.kinesis.requests import Members, kinesis_requests
from localcloud.kinesis.subscriptions import Subscription, SubscriptionEvent, Subscriptions
from localcloud.kinesis.wire import Handler, Json, children_json, record_json

SERVICE = "Kinesis_20131202"
MEDIA_TYPE = "application/x-amz-json-1.1"
_ACCEPTED = frozenset({MEDIA_TYPE, "application/x-amz-json-1.0", "application/json"})
# The largest PutRecords: 10 MiB of data in base64, with its keys and its punctuation.
_MAX_BODY_BYTES = 2 * MAX_PUT_BYTES
_SUBSCRIBE = "SubscribeToShard"
_HANDLERS: Mapping[str, Handler] = {
    **record_operations.OPERATIONS,
    **shard_operations.OPERATIONS,
    **stream_operations.OPERATIONS,
    **consumer_operations.OPERATIONS,
}
OPERATIONS = frozenset({*_HANDLERS, _SUBSCRIBE})

_log = logging.getLogger(__name__)


def application(backend: KinesisBackend) -> Starlette:
    """An ASGI application for one backend, to be served in the backend's event loop.

    Before the server is stopped, `backend.close()` ends the subscriptions that are open.
    """
    endpoint = _Endpoint(backend)
    return Starlette(
        routes=[Route("/", endpoint.handle, methods=["POST"])],
        exception_handlers={
            KinesisError: _refused,
            HTTPException: _not_a_call,
            Exception: _failed,
        },
    )


class _Endpoint:
    """The one path that every operation is posted to."""

    def __init__(self, backend: KinesisBackend) -> None:
        self._backend = backend
        self._requests = kinesis_requests()
        self._subscriptions = Subscriptions(backend)

    async def handle(self, request: Request) -> Response:
        """Answer one call; what Kinesis refuses is raised as KinesisError."""
        operation = self._operation(request)
        members = self._requests.decode(operation, await _body(request))
        if operation == _SUBSCRIBE:
            return self._subscribe(members)
        answer = _HANDLERS[operation](self._backend, members)
        return _response(b"" if answer is None else orjson.dumps(answer))

    def _operation(self, request: Request) -> str:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        if media_type not in _ACCEPTED:
            raise UnsupportedMediaType(
                f"Content-Type {media_type!r} is not spoken here, only {MEDIA_TYPE}. AWS's SDK for "
                "Java sends CBOR unless AWS_CBOR_DISABLE=true (1.x) or CBOR_ENABLED=false (2.x) is "
                "in its environment."
            )
        target = request.headers.get("x-amz-target", "")
        service, _, operation = target.rpartition(".")
        if service == SERVICE and operation in OPERATIONS:
            return operation
        known = service == SERVICE and operation in self._requests.operations
        raise UnknownOperation(
            f"X-Amz-Target {target!r} is "
            f"{'not emulated by the local Kinesis' if known else 'not an operation of Kinesis'}. "
            f"Here there are: {', '.join(sorted(OPERATIONS))}."
        )

    def _subscribe(self, members: Members) -> Response:
        start: Members = members["StartingPosition"]
        position = Position(start["Type"], start.get("SequenceNumber"), start.get("Timestamp"))
        stream, consumer = consumer_of(self._backend, {"ConsumerARN": members["ConsumerARN"]})
        held = self._subscriptions.open(stream, consumer, members["ShardId"], position)
        return StreamingResponse(
            _pushed(held), media_type=eventstream.CONTENT_TYPE, headers=_request_id()
        )


async def _pushed(subscription: Subscription) -> AsyncIterator[bytes]:
    yield eventstream.event("initial-response", b"{}")
    try:
        async for event in subscription.events():
            yield eventstream.event("SubscribeToShardEvent", orjson.dumps(_event_json(event)))
    except KinesisError as error:
        yield eventstream.exception(error.code, orjson.dumps({"message": str(error)}))


def _event_json(event: SubscriptionEvent) -> Json:
    return {
        "Records": [record_json(record) for record in event.records],
        "ContinuationSequenceNumber": event.continuation,
        "MillisBehindLatest": event.behind_ms,
        **children_json(event.children),
    }


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MAX_BODY_BYTES:
            raise RequestTooLarge(
                f"The body has more than {_MAX_BODY_BYTES} bytes, which no valid request needs; "
                "send fewer records at a time."
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _response(body: bytes, status: int = 200) -> Response:
    return Response(body, status, _request_id(), MEDIA_TYPE)


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}


def _error(code: str, message: str, status: int) -> Response:
    return _response(orjson.dumps({"__type": code, "message": message}), status)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, KinesisError)
    return _error(error.code, str(error), error.status)


def _not_a_call(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: Kinesis is called by POST to /."
    return _error(UnknownOperation.code, message, error.status_code)


def _failed(request: Request, error: Exception) -> Response:
    message = f"{type(error).__name__}: {error}"
    _log.error("%s failed", request.headers.get("x-amz-target"), exc_info=error)
    return _error(KinesisError.code, message, 500)
