"""One HTTP/1.1 request and its answer over an open connection, for calls many times a second.

An HTTP client would take eight times the CPU of the call itself; the emulator at the other end is
always the same one, on loopback, and answers one request at a time.
"""

from __future__ import annotations

import asyncio

_TARGET = b"/2015-03-31/functions/function/invocations"


async def post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, payload: bytes, request_id: str
) -> tuple[int, bytes]:
    """Invoke; the answer's status and body. Raises EOFError or OSError if the connection breaks."""
    writer.write(
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nX-Amzn-RequestId: %b\r\n"
        b"Content-Length: %d\r\n\r\n" % (_TARGET, request_id.encode("ascii"), len(payload))
    )
    writer.write(payload)
    await writer.drain()
    status_line, *fields = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    headers = dict(_field(field) for field in fields)
    return int(status_line.split(b" ", 2)[1]), await _body(reader, headers)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip().lower()


async def _body(reader: asyncio.StreamReader, headers: dict[bytes, bytes]) -> bytes:
    if headers.get(b"transfer-encoding") != b"chunked":
        return await reader.readexactly(int(headers.get(b"content-length", b"0")))
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(chunks)
