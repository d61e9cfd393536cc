"""The relay by which containers reach the local cloud."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from millrace.errors import StartupError

from localcloud.containers.relay import relaying


@contextlib.asynccontextmanager
async def shouting() -> AsyncIterator[int]:
    """A server that answers in capitals once it has read everything; yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def say(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    writer.write_eof()
    heard = await reader.read()
    writer.close()
    return heard


def test_connections_are_handed_on_in_both_directions() -> None:
    async def main() -> None:
        port, long = free_port(), b"long " * 100_000
        async with shouting() as target, relaying("127.0.0.1", port, "127.0.0.1", target):
            answers = await asyncio.gather(*(say(port, words) for words in (b"one", b"", long)))
        assert answers == [b"ONE", b"", long.upper()]

    asyncio.run(main())


def test_nothing_listens_afterwards_and_no_connection_stays() -> None:
    async def main() -> None:
        port = free_port()
        async with shouting() as target, relaying("127.0.0.1", port, "127.0.0.1", target):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        with pytest.raises(OSError, match=r"refused|Connect"):
            await say(port, b"hello")

    asyncio.run(main())


def test_a_cloud_that_is_gone_is_seen_as_a_closed_connection() -> None:
    async def main() -> None:
        port, nobody = free_port(), free_port()
        async with relaying("127.0.0.1", port, "127.0.0.1", nobody):
            with contextlib.suppress(ConnectionError):
                assert await say(port, b"") == b""

    asyncio.run(main())


def test_an_address_that_is_taken_is_named() -> None:
    async def main() -> None:
        async with shouting() as target:
            with pytest.raises(StartupError, match=f"Nothing can listen at 127.0.0.1:{target}"):
                async with relaying("127.0.0.1", target, "127.0.0.1", target):
                    pass

    asyncio.run(main())
