"""Serving ASGI applications inside the local cloud's own event loop.

uvicorn brings the HTTP; what is added here is what an embedded server needs: a free loopback port
that is known at once, a stop that leaves no connection behind, no signal handlers, and a way for
an application to drop the connection it is answering on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HOST = "127.0.0.1"
_EXTENSION = "millrace.transport"
# AWS clients keep connections for a minute; closing first would race with their next request.
_KEEP_ALIVE_S = 120


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{self.host}:{self.port}"


def listener(port: int = 0) -> socket.socket:
    """A listening loopback socket; port 0 is any free one. Clients may connect right away."""
    # asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it each answer,
    # which is written in two pieces, waits 40 ms for the client's acknowledgement.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
        sock.listen(512)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, *, sock: socket.socket | None = None, grace_s: int = 2
) -> AsyncIterator[Address]:
    """Serve `app` on `sock` (or any free loopback port) for as long as the block runs.

    On leaving, requests under way get `grace_s` seconds; then their connections are dropped, and
    an application that does not notice that within a second is cancelled.
    Lifespan events are not sent: the state of an application belongs to whoever made it.
    """
    sock = sock or listener()
    host, port = sock.getsockname()[:2]
    server = _Server(
        uvicorn.Config(
            app,
            http=_DroppableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=grace_s + 1,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[sock]))
    task.add_done_callback(lambda _: server.ready.set())  # a failed start must not wait for ever
    try:
        await server.ready.wait()
        if not task.done():
            yield Address(host, port)
    finally:
        server.should_exit = True
        dropping = asyncio.get_running_loop().call_later(grace_s, server.drop_connections)
        await task
        dropping.cancel()


async def drop(scope: Scope, receive: Receive) -> None:
    """Cut the connection of a request, so that its client sees no (further) answer at all."""
    transport = scope["extensions"][_EXTENSION]["transport"]
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass  # body that had arrived already


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens and leaves signals to its process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def drop_connections(self) -> None:
        """Cut every connection, as a client that goes away does."""
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.Transport):
                transport.abort()


class _DroppableProtocol(H11Protocol):
    """HTTP/1.1 whose requests carry their transport, for `drop`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_EXTENSION] = {"transport": transport}
            with contextlib.suppress(ClientDisconnect):  # nobody is left to be answered
                await inner(scope, receive, send)

        self.app = app
