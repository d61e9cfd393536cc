"""The ASGI application: Lambda's operations here, all other services by moto, faults before both.

Nothing awaits between reading a request and answering it, so every call is atomic; only a fault's
latency comes before.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.aws_protocol import Protocol, error_answer
from localcloud.faults.injector import Decision, Injector
from localcloud.faults.plan import Crash, Drop, Fail, When
from localcloud.lambda_control import DEFAULT_ACCOUNT
from localcloud.lambda_control.beside import SERVICES, Beside
from localcloud.lambda_control.elsewhere import Elsewhere
from localcloud.lambda_control.errors import LambdaError, UnknownOperation, UnknownRegion
from localcloud.lambda_control.names import LayerName, Where, require_region
from localcloud.lambda_control.operations import HANDLERS, operation
from localcloud.lambda_control.state import World
from localcloud.serving import drop

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_CONTENT = re.compile(r"/content/([a-z0-9-]+)/(\d{12})/([\w-]+)/(\d+)")
_JSON = (b"content-type", b"application/json")
_LOCATION = b'"Location":"/content/'

_log = logging.getLogger(__name__)
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
# Does one operation for a caller: status and body of the answer.
Run = Callable[[Where], tuple[int, bytes]]


@dataclass(slots=True)
class Control:
    """The emulated cloud: what there is, which faults strike, and who is told of a crash."""

    world: World = field(default_factory=World)
    faults: Injector = field(default_factory=Injector)
    on_crash: Callable[[], None] = lambda: None
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    beside: Beside = field(default_factory=Beside)

    def __post_init__(self) -> None:
        self.world.read_object = self.elsewhere.object


def application(control: Control) -> ASGIApp:
    """An ASGI application for one emulated cloud."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", f"only HTTP is served here, not {scope['type']}"
        body = await _body(receive)
        if body is None:
            return
        answer = await _Request(control, scope, body).answer()
        if answer is None:
            await drop(scope, receive)
            return
        status, headers, content = answer
        if not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


class _Request:
    def __init__(self, control: Control, scope: Scope, body: bytes) -> None:
        self._control = control
        self._scope = scope
        self._body = body
        self._headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        self._method: str = scope["method"]
        self._path: str = scope["raw_path"].decode("latin-1")
        self._query: str = scope["query_string"].decode("latin-1")
        self._protocol = Protocol.REST_JSON

    async def answer(self) -> Answer | None:
        """The answer; None where the connection is cut."""
        signed = _SCOPE.search(dict(self._headers).get("authorization", ""))
        if signed is None:
            return self._unsigned()
        account = signed[1] if re.fullmatch(r"\d{12}", signed[1]) else DEFAULT_ACCOUNT
        if signed[3] in SERVICES:
            return await self._called(Where(account, signed[2]), signed[3])
        if signed[3] != "lambda":
            target = self._path + (f"?{self._query}" if self._query else "")
            return self._control.elsewhere.call(
                account, self._method, target, self._headers, self._body
            )
        return await self._called(Where(account, signed[2]), "lambda")

    async def _called(self, caller: Where, service: str) -> Answer | None:
        self._protocol = Protocol.JSON if service in SERVICES else Protocol.REST_JSON
        try:
            require_region(caller.region)
            name, run = self._lambda() if service == "lambda" else self._beside()
        except (UnknownOperation, UnknownRegion) as error:
            return self._refusal(error)
        decision = self._control.faults.next(service, name)
        if decision.delay_s:
            await asyncio.sleep(decision.delay_s)
        if decision.effect is not None and decision.when is When.BEFORE:
            return self._struck(decision)
        try:
            self._control.world.require_allowed(caller, name)
            status, body = run(caller)
            answer: Answer = status, [_JSON], body
        except LambdaError as error:
            if error.status >= 500:
                _log.error("%s: %s", name, error)
            answer = self._refusal(error)
        return answer if decision.effect is None else self._struck(decision)

    def _refusal(self, error: LambdaError) -> Answer:
        """The answer for what is refused."""
        return _error(error.status, error.code, str(error), self._protocol)

    def _lambda(self) -> tuple[str, Run]:
        """The operation of Lambda that is asked for. Raises UnknownOperation."""
        found = operation(self._method, self._path, self._query)
        name = found.model.name

        def run(caller: Where) -> tuple[int, bytes]:
            members = found.members(self._path, self._query, self._body)
            body = found.body(HANDLERS[name](self._control.world, caller, members))
            return found.status, self._located(body)

        return name, run

    def _beside(self) -> tuple[str, Run]:
        """The operation of a service beside it. Raises UnknownOperation."""
        target = dict(self._headers).get("x-amz-target", "")
        name, handler = self._control.beside.operation(target)

        def run(caller: Where) -> tuple[int, bytes]:
            return 200, orjson.dumps(handler(self._control.world, caller, orjson.loads(self._body)))

        return name, run

    def _struck(self, decision: Decision) -> Answer | None:
        match decision.effect:
            case Fail(code, status, message):
                return _error(status, code, message, self._protocol)
            case Crash():
                self._control.on_crash()
                return None
            case Drop() | None:
                return None

    def _unsigned(self) -> Answer:
        """Content, whose address is known to those only who were told it."""
        found = _CONTENT.fullmatch(self._path)
        if self._method == "GET" and found is not None:
            where = Where(found[2], found[1])
            try:
                version = self._control.world.layer_version(
                    LayerName(where, found[3]), where, int(found[4])
                )
            except LambdaError as error:
                return self._refusal(error)
            return 200, [(b"content-type", b"application/zip")], version.content
        return _error(403, "MissingAuthenticationTokenException", "The request is not signed.")

    def _located(self, body: bytes) -> bytes:
        host = dict(self._headers).get("host", "127.0.0.1")
        return body.replace(_LOCATION, b'"Location":"http://' + host.encode() + b"/content/")


def _error(status: int, code: str, message: str, protocol: Protocol = Protocol.REST_JSON) -> Answer:
    made = error_answer(protocol, status, code, message)
    return made.status, [(n.encode(), v.encode()) for n, v in made.headers], made.body


async def _body(receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)
