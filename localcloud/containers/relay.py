"""A relay of TCP connections, from an address that containers reach to one on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from millrace.errors import StartupError

_CHUNK_BYTES = 65_536


@contextlib.asynccontextmanager
async def relaying(host: str, port: int, to_host: str, to_port: int) -> AsyncIterator[None]:
    """Hand on what comes to (`host`, `port`) for as long as the block runs.

    Raises StartupError where that address is taken, or is none of this machine's.
    """
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _hand_on(reader, writer, to_host, to_port)
        except OSError:
            pass  # one side went away: the other is told by its own end of the connection
        finally:
            writer.close()
            connections.discard(task)

    try:
        server = await asyncio.start_server(serve, host, port)
    except OSError as error:
        raise StartupError(f"Nothing can listen at {host}:{port}: {error.strerror}.") from error
    try:
        yield
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _hand_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    there, here = await asyncio.open_connection(host, port)
    try:
        await asyncio.gather(_copy(reader, here), _copy(there, writer))
    finally:
        here.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK_BYTES):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
