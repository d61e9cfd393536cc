"""The link to moto: HTTP/1.1 over kept-alive connections, bodies streamed both ways.

The server at the other end is our own and always says how long its answers are, so this client
needs no more of HTTP than that; a general one costs ten times its processor time for each call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

Headers = list[tuple[bytes, bytes]]

_CHUNK = 256 * 1024
# Well below the time after which the server closes an idle connection.
_IDLE_S = 60.0
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NO_BODY = frozenset({204, 304})


class UpstreamError(Exception):
    """The other end could not be reached, or broke off; the request may have been executed."""


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since_s: float = 0.0

    def usable(self, now_s: float) -> bool:
        return not self.reader.at_eof() and now_s - self.idle_since_s < _IDLE_S

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Body:
    """A body: its first chunk, the rest as it comes, and its length when known."""

    first: bytes
    rest: AsyncIterator[bytes] | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """An answer. What of its body did not come at once must be read to its end, or closed."""

    status: int
    headers: Headers
    body: Body


@dataclass(slots=True)
class Upstream:
    """A pool of connections to one server."""

    host: str
    port: int
    _idle: list[_Connection] = field(default_factory=list)

    async def exchange(
        self, method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], body: Body
    ) -> UpstreamAnswer:
        """Send a request and give its answer.

        Raises UpstreamError when the server cannot be reached or breaks off.
        """
        connection = await self._connect()
        try:
            await _send(connection.writer, method, target, headers, body)
            status, fields = await _head(connection.reader)
            length = _body_length(method, status, fields)
            if length > _CHUNK:
                return UpstreamAnswer(status, fields, Body(b"", self._rest(connection, length)))
            content = await connection.reader.readexactly(length)
        except (OSError, EOFError, ValueError, LookupError) as error:
            connection.close()
            raise UpstreamError(f"{self.host}:{self.port} broke off: {error!r}") from error
        except BaseException:
            connection.close()  # cancelled in the middle of an exchange
            raise
        self._release(connection)
        return UpstreamAnswer(status, fields, Body(content))

    async def _rest(self, connection: _Connection, length: int) -> AsyncIterator[bytes]:
        complete = False
        try:
            while length > 0:
                chunk = await connection.reader.read(min(length, _CHUNK))
                if not chunk:
                    raise UpstreamError(f"{length} bytes of the answer are missing")
                length -= len(chunk)
                yield chunk
            complete = True
        finally:
            if complete:
                self._release(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    async def _connect(self) -> _Connection:
        now_s = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable(now_s):
                return connection
            connection.close()
        try:
            return _Connection(
                *await asyncio.open_connection(self.host, self.port, limit=4 * _CHUNK)
            )
        except OSError as error:
            raise UpstreamError(f"{self.host}:{self.port} does not answer: {error}") from error

    def _release(self, connection: _Connection) -> None:
        connection.idle_since_s = time.monotonic()
        self._idle.append(connection)


async def _send(
    writer: asyncio.StreamWriter,
    method: str,
    target: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    body: Body,
) -> None:
    length = len(body.first) if body.rest is None else body.length
    framing = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target)]
    lines += [b"%b: %b" % each for each in headers if each[0] not in _HOP_BY_HOP]
    head = b"\r\n".join((*lines, framing, b"", b""))
    writer.write(head + _framed(body.first, length))
    if body.rest is not None:
        async for chunk in body.rest:
            writer.write(_framed(chunk, length))
            await writer.drain()
        if length is None:
            writer.write(b"0\r\n\r\n")
    await writer.drain()


def _framed(chunk: bytes, length: int | None) -> bytes:
    return chunk if length is not None or not chunk else b"%x\r\n%b\r\n" % (len(chunk), chunk)


async def _head(reader: asyncio.StreamReader) -> tuple[int, Headers]:
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        status = int(lines[0].split(b" ", 2)[1])
        if status >= 200:  # not an interim answer
            parts = (line.partition(b":") for line in lines[1:])
            fields = [(name.lower(), value.strip()) for name, _, value in parts]
            return status, _end_to_end(fields)


def _body_length(method: str, status: int, fields: Headers) -> int:
    if method == "HEAD" or status in _NO_BODY:
        return 0
    for name, value in fields:
        if name == b"content-length":
            return int(value)
    raise ValueError(f"the answer does not say how long it is: {fields!r}")


def _end_to_end(fields: Headers) -> Headers:
    """The answer's own headers: with its length, but without framing and without the date,
    which whoever answers last sets."""
    return [
        (name, value)
        for name, value in fields
        if name == b"content-length" or (name not in _HOP_BY_HOP and name != b"date")
    ]
