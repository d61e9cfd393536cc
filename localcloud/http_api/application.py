"""The HTTP API as a Starlette application: route, limit, authorise, invoke, answer."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.http_api.answer import Answer, BadAnswer, problem, read_answer
from localcloud.http_api.authorization import Denied
from localcloud.http_api.cors import PREFIX, Cors
from localcloud.http_api.event import Api, Received, build_event
from localcloud.http_api.routes import Match, Route, RouteTable
from localcloud.http_api.throttling import Bucket, Rate
from localcloud.ports import Clock, Invocation, Invoker

MAX_BODY_BYTES = 10 * 1024 * 1024
# Lambda's own limit on a synchronous invocation, coding included
MAX_EVENT_BYTES = 6 * 1024 * 1024

_DENIED = {401: "Unauthorized", 403: "Forbidden"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A request that was answered, for metrics."""

    status: int
    latency_ms: float


def application(
    routes: Sequence[Route],
    invoker: Invoker,
    clock: Clock,
    *,
    api: Api | None = None,
    cors: Cors | None = None,
    rate: Rate | None = None,
    observe: Callable[[Served], None] = lambda served: None,
) -> Starlette:
    """An HTTP API with these routes in front of the functions that `invoker` runs.

    `rate` throttles each route that has no rate of its own; `observe` hears of every request.
    Raises UnsupportedResource for routes that cannot be served.
    """
    http_api = _HttpApi(RouteTable(routes), invoker, clock, api or Api(), cors, rate, observe)
    app = Starlette()
    # Not a Mount, whose pattern ends at a line break: a path may hold one.
    app.router.default = http_api.serve
    return app


@dataclass(slots=True)
class _HttpApi:
    routes: RouteTable
    invoker: Invoker
    clock: Clock
    api: Api
    cors: Cors | None
    rate: Rate | None
    observe: Callable[[Served], None]
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _running: set[asyncio.Task[Invocation]] = field(default_factory=set)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        request, began_s = Request(scope, receive), time.perf_counter()
        if self.cors is not None and self.cors.is_preflight(request.method, request.headers):
            allowed = self.cors.preflight_headers(request.headers["origin"])
            answer = Answer(204, tuple(allowed.items()), b"")
        else:
            answer = self._with_cors(await self._answer(request), request.headers.get("origin"))
        response = Response(answer.body, answer.status)
        for name, value in answer.headers:
            response.headers.append(name, value)
        response.headers["apigw-requestid"] = _request_id()
        self.observe(Served(answer.status, (time.perf_counter() - began_s) * 1000))
        await response(scope, receive, send)

    def _with_cors(self, answer: Answer, origin: str | None) -> Answer:
        if self.cors is None:
            return answer
        own = ((name, value) for name, value in answer.headers if not name.startswith(PREFIX))
        added = self.cors.answer_headers(origin) if origin else {}
        return replace(answer, headers=(*own, *added.items()))

    async def _answer(self, request: Request) -> Answer:
        match = self._match(request)
        if match is None:
            return problem(404, "Not Found")
        if not self._may_pass(match.route):
            return problem(429, "Too Many Requests")
        body = await _read(request)
        if body is None:
            return problem(413, "Request Entity Too Large")
        event = build_event(
            _received(request, body),
            match,
            self.api,
            now_ms=self.clock.now_ms(),
            request_id=_request_id(),
        )
        return await self._authorised(match.route, event)

    def _match(self, request: Request) -> Match | None:
        path = request.scope["path"]
        if self.api.stage != "$default":
            stage = f"/{self.api.stage}"
            if path != stage and not path.startswith(stage + "/"):
                return None
            path = path.removeprefix(stage) or "/"
        return self.routes.match(request.method, path)

    def _may_pass(self, route: Route) -> bool:
        rate = route.rate or self.rate
        if rate is None:
            return True
        bucket = self._buckets.setdefault(route.key, Bucket(rate))
        return bucket.take(self.clock.now_ms() / 1000)

    async def _authorised(self, route: Route, event: dict[str, Any]) -> Answer:
        if route.authorizer is not None:
            verdict = await route.authorizer.authorize(event)
            if isinstance(verdict, Denied):
                _log.info("%s was refused: %s", route.key, verdict.why)
                return _refused(verdict)
            event["requestContext"]["authorizer"] = dict(verdict.context)
        payload = orjson.dumps(event)
        if len(payload) > MAX_EVENT_BYTES:
            return problem(413, "Request Entity Too Large")
        return await self._invoke(route, payload)

    async def _invoke(self, route: Route, payload: bytes) -> Answer:
        task = asyncio.create_task(self.invoker.invoke(route.function, payload))
        # A function that is too slow runs on, as it does behind the real gateway.
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        timer = asyncio.create_task(self.clock.sleep(route.timeout_s))
        try:
            await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        if not task.done():
            _log.warning(
                "%s took more than %g s for %s", route.function, route.timeout_s, route.key
            )
            task.add_done_callback(_forget)
            return problem(503, "Service Unavailable")
        return _answer_of(task, route)


def _refused(verdict: Denied) -> Answer:
    answer = problem(verdict.status, _DENIED[verdict.status])
    if verdict.challenge is None:
        return answer
    return replace(answer, headers=(*answer.headers, ("www-authenticate", verdict.challenge)))


def _answer_of(task: asyncio.Task[Invocation], route: Route) -> Answer:
    error = task.exception()
    if error is not None:
        _log.error("%s could not be invoked for %s", route.function, route.key, exc_info=error)
        return problem(500, "Internal Server Error")
    invocation = task.result()
    if invocation.error is not None:
        _log.warning("%s failed for %s: %s", route.function, route.key, invocation.error)
        return problem(500, "Internal Server Error")
    try:
        return read_answer(invocation.payload)
    except BadAnswer as bad:
        _log.warning("%s answered %s with what cannot be sent: %s", route.function, route.key, bad)
        return problem(500, "Internal Server Error")


def _forget(task: asyncio.Task[Invocation]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("A call that had timed out failed in the end: %r", error)


async def _read(request: Request) -> bytes | None:
    """The body, or None when it is larger than an HTTP API takes; it is read to its end either
    way, so that the client can finish sending and reads the answer."""
    body: bytearray | None = bytearray()
    async for chunk in request.stream():
        if body is not None:
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                body = None
    return None if body is None else bytes(body)


def _received(request: Request, body: bytes) -> Received:
    scope: Mapping[str, Any] = request.scope
    client, server = scope.get("client"), scope.get("server")
    return Received(
        request.method,
        scope["path"],
        scope["query_string"].decode("latin-1"),
        request.headers.items(),
        body,
        client[0] if client else "127.0.0.1",
        server[1] if server else 80,
        f"HTTP/{scope['http_version']}",
    )


def _request_id() -> str:
    return base64.urlsafe_b64encode(os.urandom(11)).decode()
