"""A peer of the Kafka protocol on loopback, with SASL/PLAIN as Streaming asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from localcloud.faults.injector import Injector
from localcloud.faults.plan import When
from localcloud.oci.kafka import codes
from localcloud.oci.kafka.requests import Node, Requests
from localcloud.oci.kafka.wire import Malformed, Reader, Writer
from localcloud.oci.streaming import Streaming
from localcloud.serving import HOST, listener

_LARGEST_REQUEST = 8 << 20
_OPEN = {codes.API_VERSIONS, codes.SASL_HANDSHAKE, codes.SASL_AUTHENTICATE}
_MECHANISM = "PLAIN"
# Of the loop, from a connection to what serves it.
_TURNS = 10


class _Cut(Exception):
    """A fault: the connection ends without an answer."""


@dataclass(slots=True)
class Peer:
    """`users` have a token each; a name is ``tenancy/user/stream pool``."""

    streaming: Streaming
    users: Mapping[str, str] = field(repr=False)
    injector: Injector = field(default_factory=Injector)
    requests: Requests = field(init=False)

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Node]:
        """Serve on loopback for as long as the block runs."""
        sock = listener(port)
        node = Node(HOST, sock.getsockname()[1])
        self.requests = Requests(self.streaming, node)
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await _Connection(self, reader, writer).serve()
            finally:
                tasks.discard(task)

        server = await asyncio.start_server(serve, sock=sock)
        try:
            yield node
        finally:
            # A client that was just let in gets its task first, to be ended: else it would be lost.
            asyncio.get_running_loop().remove_reader(sock)
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            server.close()
            for task in tuple(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    def known(self, content: bytes) -> bool:
        """Whether the bytes of a sign-in name a user and its token."""
        _, _, told = content.partition(b"\0")
        user, _, token = told.partition(b"\0")
        wanted = self.users.get(user.decode(errors="replace"))
        return wanted is not None and hmac.compare_digest(wanted.encode(), token)


@dataclass(slots=True)
class _Connection:
    """One client. Requests are answered in their order."""

    peer: Peer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    mechanism: str | None = None
    signed_in: bool = False

    async def serve(self) -> None:
        """Until the client goes, or sends what is none of Kafka's."""
        try:
            while True:
                size = int.from_bytes(await self.reader.readexactly(4), "big", signed=True)
                if not 0 < size <= _LARGEST_REQUEST:
                    return
                await self._answer(Reader(await self.reader.readexactly(size)))
        except (OSError, EOFError, Malformed, _Cut, asyncio.CancelledError):
            return  # nobody is left to be answered, or nothing can be said
        finally:
            self.writer.transport.abort()
            with contextlib.suppress(OSError):
                await self.writer.wait_closed()

    async def _answer(self, request: Reader) -> None:
        api, version, correlation = request.int16(), request.int16(), request.int32()
        request.text()  # the client's name for itself
        if api not in codes.VERSIONS or not (self.signed_in or api in _OPEN):
            raise Malformed(f"operation {api} is not for this client")
        lowest, highest = codes.VERSIONS[api]
        if not lowest <= version <= highest:
            if api != codes.API_VERSIONS:
                raise Malformed(f"operation {api} has no version {version} here")
            await self._send(correlation, _versions(0, codes.UNSUPPORTED_VERSION))
            return
        body = await self._struck(api, version, request)
        if body is not None:
            await self._send(correlation, body)
        if api == codes.SASL_AUTHENTICATE and not self.signed_in:
            raise Malformed("a sign-in has failed")

    async def _struck(self, api: int, version: int, request: Reader) -> Writer | None:
        """The answer, unless a fault strikes. An error of a plan is no answer in time."""
        decision = self.peer.injector.next("kafka", codes.NAMES[api])
        await asyncio.sleep(decision.delay_s)
        if decision.effect is not None and decision.when is When.BEFORE:
            raise _Cut
        body = self._body(api, version, request)
        if decision.effect is not None:
            raise _Cut
        return body

    def _body(self, api: int, version: int, request: Reader) -> Writer | None:
        match api:
            case codes.API_VERSIONS:
                return _versions(version, codes.NONE)
            case codes.SASL_HANDSHAKE:
                return self._handshake(request)
            case codes.SASL_AUTHENTICATE:
                return self._authenticate(version, request)
            case _:
                return self.peer.requests.answer(api, version, request)

    def _handshake(self, request: Reader) -> Writer:
        self.mechanism = request.text()
        known = self.mechanism == _MECHANISM
        code = codes.NONE if known else codes.UNSUPPORTED_SASL_MECHANISM
        return Writer().int16(code).array([_MECHANISM], Writer.text)

    def _authenticate(self, version: int, request: Reader) -> Writer:
        content = request.blob() or b""
        code, problem = codes.NONE, None
        if self.mechanism != _MECHANISM:
            code, problem = codes.ILLEGAL_SASL_STATE, "a handshake for PLAIN comes first"
        elif not self.peer.known(content):
            code, problem = codes.SASL_AUTHENTICATION_FAILED, "user or token is wrong"
        self.signed_in = code == codes.NONE
        told = Writer().int16(code).text(problem).blob(b"")
        return told.int64(0) if version >= 1 else told

    async def _send(self, correlation: int, body: Writer) -> None:
        answer = Writer().int32(correlation).raw(bytes(body.data))
        self.writer.write(bytes(Writer().blob(bytes(answer.data)).data))
        await self.writer.drain()


def _versions(version: int, code: int) -> Writer:
    """What the peer speaks. The header of this answer is of the oldest form, whatever is asked."""
    told = Writer().int16(code)
    if version < 3:
        told.array(codes.VERSIONS.items(), _version)
        return told.int32(0) if version >= 1 else told
    told.uvarint(len(codes.VERSIONS) + 1)
    for item in codes.VERSIONS.items():
        _version(told, item)
        told.uvarint(0)
    return told.int32(0).uvarint(0)


def _version(writer: Writer, item: tuple[int, tuple[int, int]]) -> None:
    api, (lowest, highest) = item
    writer.int16(api).int16(lowest).int16(highest)
