"""The gateway's ASGI application: recognise, inject faults, dispatch, count."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.aws_protocol import error_answer, protocol_of
from localcloud.faults.injector import Decision, Injector
from localcloud.faults.plan import Crash, Fail, When
from localcloud.gateway.admin import PREFIX, Admin
from localcloud.gateway.answers import Watcher, send_error
from localcloud.gateway.counters import Counters
from localcloud.gateway.recognition import Call, Head, recognise
from localcloud.gateway.upstream import Body, Upstream, UpstreamError
from localcloud.serving import drop

_FORM_LIMIT = 1024 * 1024

_log = logging.getLogger(__name__)


class _ClientGone(Exception):
    """The client went away before its request was complete; nothing was executed."""


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """Where a crash was planned: before or after call number `call` of an operation was executed.

    `app_id` (its AWS_SDK_UA_APP_ID) and `access_key` tell who is calling.
    """

    service: str
    operation: str
    call: int
    when: When
    access_key: str
    app_id: str


class CrashHook(Protocol):
    """What makes a planned crash happen, for example by killing the calling worker."""

    async def __call__(self, point: CrashPoint) -> None:
        """Make the caller at `point` crash; its connection is dropped afterwards."""
        ...


class Observer(Protocol):
    """What hears of every answer that is an error, injected ones included."""

    def __call__(self, call: Call, error: str, status: int, body: bytes) -> None:
        """`body` is the beginning of the request's body, as far as it was read."""
        ...


async def no_crash(point: CrashPoint) -> None:
    """The hook where nobody can be killed: the connection is dropped all the same."""
    _log.warning("A crash was planned at %s, but no crash hook is set", point)


def _nobody(call: Call, error: str, status: int, body: bytes) -> None:
    """The observer where nobody wants to know."""


@dataclass(slots=True)
class _Body:
    """A request's body on its way to a service; its first piece is remembered."""

    receive: Receive
    first: bytes | None = None

    async def __call__(self) -> Message:
        """ASGI's receive."""
        message = await self.receive()
        if self.first is None:
            self.first = message.get("body", b"")
        return message


@dataclass(slots=True)
class Gateway:
    """The endpoint. `apps` serve the services of their names; `upstream` (moto) serves the rest."""

    upstream: Upstream
    apps: Mapping[str, ASGIApp]
    injector: Injector = field(default_factory=Injector)
    counters: Counters = field(default_factory=Counters)
    crash_hook: CrashHook = no_crash
    observer: Observer = _nobody
    _admin: Admin = field(init=False)

    def __post_init__(self) -> None:
        self._admin = Admin(self.upstream, self.injector, self.counters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        assert scope["type"] == "http", f"only HTTP is served here, not {scope['type']}"
        if scope["path"].startswith(PREFIX):
            await self._admin(scope, receive, send)
            return
        head = _head(scope)
        form = b""
        if head.needs_body:
            form, receive = await _peek(receive)
        call = recognise(head, form)
        if call is None:
            await _drain(receive)
            await _unrecognised(send, head)
            return
        await self._serve(
            call, self.injector.next(call.service, call.operation), scope, receive, send
        )

    async def _serve(
        self, call: Call, decision: Decision, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if decision.delay_s:
            await asyncio.sleep(decision.delay_s)
        after = decision.effect is not None and decision.when is When.AFTER
        watcher, body = Watcher(send, mute=after), _Body(receive)
        if decision.effect is None or after:
            await self._dispatch(call, scope, body, watcher)
        else:
            await _drain(body)
        if decision.effect is None:
            self._count(call, watcher, body)
        elif isinstance(decision.effect, Fail):
            self.observer(call, decision.effect.code, decision.effect.status, body.first or b"")
            await self._fail(call, decision.effect, scope, send, watcher.capacity)
        else:
            if isinstance(decision.effect, Crash):
                await self.crash_hook(_crash_point(call, decision))
            self.counters.count_unanswered(call.service, call.operation)
            await drop(scope, receive)

    def _count(self, call: Call, watcher: Watcher, body: _Body) -> None:
        if watcher.status == 0:  # the client went away in the middle of its request
            self.counters.count_unanswered(call.service, call.operation)
            return
        self.counters.count(call.service, call.operation, watcher.error, watcher.capacity)
        if watcher.error is not None:
            self.observer(call, watcher.error, watcher.status, body.first or b"")

    async def _fail(self, call: Call, fail: Fail, scope: Scope, send: Send, capacity: str) -> None:
        self.counters.count(call.service, call.operation, fail.code, capacity)
        head = scope["method"] == "HEAD"
        await send_error(
            send, error_answer(call.protocol, fail.status, fail.code, fail.message, head=head)
        )

    async def _dispatch(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.apps.get(call.service)
        if app is not None:
            await app(scope, receive, send)
            return
        try:
            await self._forward(scope, receive, send)
        except _ClientGone:
            return
        except UpstreamError as error:
            text = f"The moto server behind this endpoint failed: {error}"
            _log.error("%s in %s.%s", text, call.service, call.operation)
            await send_error(send, error_answer(call.protocol, 503, "ServiceUnavailable", text))

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        body = await _body(scope, receive)
        answer = await self.upstream.exchange(scope["method"], target, scope["headers"], body)
        start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await send(start)
        if answer.body.rest is not None:
            async for chunk in answer.body.rest:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": answer.body.first})


def _head(scope: Scope) -> Head:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Head(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        headers,
    )


def _crash_point(call: Call, decision: Decision) -> CrashPoint:
    return CrashPoint(
        call.service, call.operation, decision.call, decision.when, call.access_key, call.app_id
    )


async def _unrecognised(send: Send, head: Head) -> None:
    text = (
        f"Cannot tell which AWS service {head.method} {head.path} is for: the request is not "
        "signed, has no X-Amz-Target, and its path is no service's. Sign it with any credentials."
    )
    protocol = protocol_of(None, head.headers)
    error = error_answer(protocol, 403, "MissingAuthenticationToken", text)
    await send_error(send, error)


async def _drain(receive: Receive) -> None:
    """Read a request to its end, as a service does before it answers."""
    while (message := await receive())["type"] == "http.request":
        if not message.get("more_body", False):
            return


async def _peek(receive: Receive) -> tuple[bytes, Receive]:
    """The beginning of a body (a form is short), and a receive that gives all of it again."""
    messages: list[Message] = []
    size, more = 0, True
    while more and size < _FORM_LIMIT:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    form = b"".join(message.get("body", b"") for message in messages)

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return form, again


async def _body(scope: Scope, receive: Receive) -> Body:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _ClientGone
    first = message.get("body", b"")
    if not message.get("more_body", False):
        return Body(first)
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return Body(first, _rest(receive), int(lengths[0]) if lengths else None)


async def _rest(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        yield message.get("body", b"")
        more = message.get("more_body", False)
