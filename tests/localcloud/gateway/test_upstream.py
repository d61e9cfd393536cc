"""The link to moto: connections kept, bodies framed, failures told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from localcloud.gateway.answers import send_whole
from localcloud.gateway.application import Gateway
from localcloud.gateway.upstream import Body, Upstream, UpstreamError
from localcloud.serving import Address, listener, serving
from tests.localcloud.gateway.aws import client, serialised

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Echo:
    """Answers with the request's body and remembers from where requests came."""

    def __init__(self) -> None:
        self.peers: list[object] = []
        self.headers: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.peers.append(scope["client"])
        request = Request(scope, receive)
        body = await request.body()
        self.headers.append(dict(request.headers))
        fields = [(b"content-length", str(len(body)).encode()), (b"x-path", scope["raw_path"])]
        await send_whole(send, 200, fields, body)


@contextlib.asynccontextmanager
async def link(app: App) -> AsyncIterator[Upstream]:
    async with serving(app) as address:
        upstream = Upstream(address.host, address.port)
        yield upstream
        upstream.close()


async def read(body: Body) -> bytes:
    rest = [chunk async for chunk in body.rest] if body.rest is not None else []
    return body.first + b"".join(rest)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


HOST = [(b"host", b"127.0.0.1")]


@example([0, 5], False)
@example([5, 0, 5], False)
@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 600_000), min_size=1, max_size=4), st.booleans())
def test_any_body_comes_back_over_one_connection(sizes: list[int], known: bool) -> None:
    async def main() -> None:
        echo = Echo()
        parts = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
        async with link(echo) as upstream:
            for _ in range(2):
                rest = chunks(*parts[1:]) if len(parts) > 1 else None
                body = Body(parts[0], rest, sum(sizes) if known else None)
                answer = await upstream.exchange("POST", b"/a%20b?c=%C3%BC", HOST, body)
                assert await read(answer.body) == b"".join(parts)
                assert (b"x-path", b"/a%20b") in answer.headers
        assert len(set(echo.peers)) == 1

    asyncio.run(main())


def test_framing_and_connection_headers_stay_on_their_side() -> None:
    async def main() -> None:
        echo = Echo()
        headers = [*HOST, (b"expect", b"100-continue"), (b"connection", b"close"), (b"x-a", b"1")]
        async with link(echo) as upstream:
            answer = await upstream.exchange("PUT", b"/", [*headers, (b"te", b"x")], Body(b"abc"))
            assert await read(answer.body) == b"abc"
            assert not {b"date", b"connection"} & {name for name, _ in answer.headers}
        assert echo.headers == [{"host": "127.0.0.1", "x-a": "1", "content-length": "3"}]

    asyncio.run(main())


def test_concurrent_exchanges_do_not_share_a_connection() -> None:
    async def main() -> None:
        echo = Echo()
        async with link(echo) as upstream:
            answers = await asyncio.gather(
                *(upstream.exchange("POST", b"/", HOST, Body(b"%d" % n)) for n in range(20))
            )
            assert [await read(answer.body) for answer in answers] == [b"%d" % n for n in range(20)]
        assert len(set(echo.peers)) == 20

    asyncio.run(main())


def test_a_body_that_is_not_read_to_its_end_costs_its_connection() -> None:
    async def main() -> None:
        echo = Echo()
        async with link(echo) as upstream:
            answer = await upstream.exchange("POST", b"/", HOST, Body(bytes(2_000_000)))
            assert answer.body.rest is not None
            async with contextlib.aclosing(answer.body.rest) as rest:  # type: ignore[type-var]
                await anext(rest)
            again = await upstream.exchange("POST", b"/", HOST, Body(b"again"))
            assert await read(again.body) == b"again"
        assert len(set(echo.peers)) == 2

    asyncio.run(main())


def test_a_server_that_restarted_is_found_again() -> None:
    async def main() -> None:
        async with serving(Echo()) as address:
            upstream = Upstream(address.host, address.port)
            await upstream.exchange("GET", b"/", HOST, Body(b""))
        with pytest.raises(UpstreamError, match="does not answer"):
            await upstream.exchange("GET", b"/", HOST, Body(b""))
        async with serving(Echo(), sock=listener(address.port)):
            answer = await upstream.exchange("GET", b"/", HOST, Body(b"back"))
            assert await read(answer.body) == b"back"
            upstream.close()

    asyncio.run(main())


@contextlib.asynccontextmanager
async def speaking(raw: bytes) -> AsyncIterator[Address]:
    """A server that says `raw` to whoever asks, and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(speak, sock=listener())
    async with server:
        yield Address(*server.sockets[0].getsockname())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\nabc",
    ],
)
def test_an_answer_that_breaks_off_is_an_error(raw: bytes) -> None:
    async def main() -> None:
        async with speaking(raw) as address:
            upstream = Upstream(address.host, address.port)
            with pytest.raises(UpstreamError):
                await read((await upstream.exchange("GET", b"/", HOST, Body(b""))).body)

    asyncio.run(main())


def test_interim_answers_are_passed_over_and_no_body_is_awaited_where_none_comes() -> None:
    async def main() -> None:
        raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"
        async with speaking(raw) as address:
            upstream = Upstream(address.host, address.port)
            answer = await upstream.exchange("HEAD", b"/", HOST, Body(b""))
            assert (answer.status, answer.headers, answer.body) == (
                200,
                [(b"content-length", b"7")],
                Body(b""),
            )
            upstream.close()

    asyncio.run(main())


def test_a_client_that_goes_away_in_the_middle_of_its_request_is_not_served() -> None:
    async def main() -> None:
        echo = Echo()
        async with link(echo) as upstream:
            gateway = Gateway(upstream, {})
            async with serving(gateway) as address:
                _, writer = await asyncio.open_connection(address.host, address.port)
                head, _ = serialised("s3", "PutObject")
                lines = [f"{head.method} {head.path} HTTP/1.1", "host: x", "content-length: 10"]
                lines += [f"authorization: {head.headers['authorization']}", "", "half "]
                writer.write("\r\n".join(lines).encode())
                await writer.drain()
                writer.close()
                await writer.wait_closed()
                async with asyncio.timeout(20):
                    while not (counts := gateway.counters.snapshot()):
                        await asyncio.sleep(0)
        assert counts["s3", "PutObject"].unanswered == 1
        assert echo.headers == []

    asyncio.run(main())


def test_without_moto_every_service_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with listener() as nobody:
            port = nobody.getsockname()[1]
        async with serving(Gateway(Upstream("127.0.0.1", port), {})) as address:
            s3 = client("s3", address.url)
            with pytest.raises(s3.exceptions.ClientError, match=r"ServiceUnavailable.*The moto"):
                await asyncio.to_thread(s3.list_buckets)

    asyncio.run(main())
    assert "s3.ListBuckets" in caplog.text
