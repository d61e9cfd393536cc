"""The embedded server: free ports at once, clean ends, connections that can be dropped."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from localcloud.serving import Address, drop, listener, serving

T = TypeVar("T")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(b"hello " + body)(scope, receive, send)


async def dropping(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/drop":
        await drop(scope, receive)
    else:
        await hello(scope, receive, send)


async def ask(work: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await work(client)


def test_it_serves_on_a_free_loopback_port_and_is_gone_afterwards() -> None:
    async def main() -> Address:
        async with serving(hello) as one, serving(hello) as other:
            assert one.port != other.port
            assert one.url == f"http://127.0.0.1:{one.port}"
            answer = await ask(lambda client: client.post(one.url, content=b"you"))
            assert (answer.status_code, answer.text) == (200, "hello you")
        with pytest.raises(httpx.ConnectError):
            await ask(lambda client: client.get(one.url))
        return one

    address = asyncio.run(main())
    with listener(address.port) as again:  # the port is free again
        assert again.getsockname()[1] == address.port


def test_a_socket_takes_connections_before_the_server_runs() -> None:
    async def main() -> None:
        sock = listener()
        request = asyncio.create_task(
            ask(lambda client: client.get(f"http://127.0.0.1:{sock.getsockname()[1]}"))
        )
        async with serving(hello, sock=sock):
            assert (await request).text == "hello "

    asyncio.run(main())


def test_answers_do_not_wait_for_acknowledgements() -> None:
    nodelay: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope["extensions"]["millrace.transport"]["transport"]
        connection: socket.socket = transport.get_extra_info("socket")
        nodelay.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await hello(scope, receive, send)

    async def main() -> None:
        async with serving(app) as address:
            await ask(lambda client: client.get(address.url))

    asyncio.run(main())
    assert nodelay == [1]


def test_a_dropped_connection_gives_no_answer_and_the_server_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with serving(dropping) as address:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await ask(lambda client: client.post(address.url + "/drop", content=b"x" * 100))
            answer = await ask(lambda client: client.get(address.url))
            assert answer.text == "hello "

    asyncio.run(main())
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def test_a_request_that_never_ends_does_not_keep_the_server() -> None:
    arrived = asyncio.Event()

    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async def main() -> None:
        async with serving(hanging, grace_s=0) as address:
            request = asyncio.create_task(ask(lambda client: client.get(address.url)))
            await arrived.wait()
        answers = await asyncio.gather(request, return_exceptions=True)
        assert isinstance(answers[0], httpx.Response | httpx.TransportError)

    asyncio.run(main())


def test_a_stream_that_never_ends_is_ended_without_noise(caplog: pytest.LogCaptureFixture) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(endless())(scope, receive, send)

    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            async with serving(streaming, grace_s=0) as address:
                request = client.build_request("GET", address.url)
                answer = await client.send(request, stream=True)
                chunks = answer.aiter_raw()
                assert await anext(chunks) == b"first"
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await anext(chunks)
            await answer.aclose()

    asyncio.run(main())
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_client_that_goes_away_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    gone = asyncio.Event()

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await Request(scope, receive).body()
        finally:
            gone.set()

    async def main() -> None:
        async with serving(reading) as address:
            _, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf ")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            await gone.wait()

    asyncio.run(main())
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_server_that_cannot_start_says_so() -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", 0))
            async with serving(hello, sock=datagrams):
                pytest.fail("it cannot listen there")

    with pytest.raises(ValueError, match="Stream Socket was expected"):
        asyncio.run(main())
