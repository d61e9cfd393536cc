"""Oracle's services over HTTP, as the SDK's clients speak to them; loopback only.

Which request is which operation, whether a signature must cover the body, and what requests and
answers hold, is taken from the installed SDK. A fault plan strikes operations by the SDK's names
for service and operation.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.faults.injector import Decision, Injector
from localcloud.faults.plan import Crash, Fail, When
from localcloud.oci.admin import PREFIX, Admin
from localcloud.oci.calls import Answer, Call, Handlers
from localcloud.oci.documents import Body
from localcloud.oci.errors import NotFound, NotMade, OciError, TooLarge, WrongMethod
from localcloud.oci.sdk.catalogue import Operation
from localcloud.oci.sdk.checking import Checker
from localcloud.oci.signing import verify
from localcloud.serving import drop

# 6 MB for a function; 1 MB of messages in base64, with keys and punctuation, is less.
_MAX_BODY_BYTES = 6 << 20
# Who follows a link out of a message has no key.
_OPEN = {("ons", "get_confirm_subscription"), ("ons", "get_unsubscription")}
_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True, slots=True)
class Application:
    """An ASGI application; every request must be signed with one of the keys, by its keyId.

    `crash` kills whoever calls, where a fault plan wants that.
    """

    handlers: Handlers
    keys: Mapping[str, rsa.RSAPublicKey]
    checker: Checker
    injector: Injector = field(default_factory=Injector)
    admin: Admin | None = None
    crash: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        if self.admin is not None and request.url.path.startswith(PREFIX):
            await (await self.admin.answer(request))(scope, receive, send)
            return
        try:
            response = await self._struck(request)
        except OciError as refusal:
            response = _refused(refusal.status, refusal.code, str(refusal))
        if response is None:
            await drop(scope, receive)
        else:
            await response(scope, receive, send)

    async def _struck(self, request: Request) -> Response | None:
        """The answer, unless a fault strikes; None is none, and the connection is cut."""
        operation, path = self._recognised(request)
        decision = self.injector.next(operation.service, operation.name)
        await asyncio.sleep(decision.delay_s)
        if decision.effect is not None and decision.when is When.BEFORE:
            await request.body()  # a client that is still sending would not see the answer
            return self._effect(decision)
        response = await self._answered(request, operation, path)
        return response if decision.effect is None else self._effect(decision)

    def _effect(self, decision: Decision) -> Response | None:
        match decision.effect:
            case Fail(code, status, message):
                return _refused(status, code, message)
            case Crash():
                self.crash()
        return None

    def _recognised(self, request: Request) -> tuple[Operation, dict[str, str]]:
        raw: bytes = request.scope["raw_path"]
        target = raw.decode("latin-1")
        catalogue = self.checker.catalogue
        found = catalogue.find(request.method, target)
        if found is not None:
            return found
        if catalogue.methods(target):
            raise WrongMethod(f"{target:.200} is not called by {request.method}")
        raise NotFound(f"The local cloud has no {request.method} {target:.200}")

    async def _answered(
        self, request: Request, operation: Operation, path: dict[str, str]
    ) -> Response:
        content = await _content(request)
        name = operation.service, operation.name
        if name not in _OPEN:
            verify(
                *(self.keys, request.method, _target(request), request.headers, content),
                now_s=time.time(),
                body_signed=operation.body_signed and request.method in _WITH_BODY,
            )
        handler = self.handlers.get(name)
        if handler is None:
            raise NotMade(f"The local cloud has no {operation.service}.{operation.name}")
        query = dict(request.query_params)
        self.checker.query(operation, query)
        body = self._body(operation, content)
        url = str(request.base_url).rstrip("/")
        call = Call(operation, url, path, query, request.headers, content, body)
        answer = await handler(call)
        if answer.status < 300:
            self.checker.answer(operation, answer.document)
        return _response(answer)

    def _body(self, operation: Operation, content: bytes) -> Body:
        if operation.body in (None, "stream"):
            return Body({})
        body = Body.of(content)
        self.checker.request(operation, body.fields)
        return body


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


def _response(answer: Answer) -> Response:
    document = answer.document
    if isinstance(document, bytes):
        content, kind = document, "application/octet-stream"
    else:
        content, kind = b"" if document is None else orjson.dumps(document), "application/json"
    sent = {"opc-request-id": uuid.uuid4().hex, **answer.headers}
    return Response(content, answer.status, sent, media_type=kind)


def _refused(status: int, code: str, message: str) -> Response:
    return _response(Answer({"code": code, "message": message}, status))
