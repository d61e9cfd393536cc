"""The HTTP of the emulator, and what its answers mean."""

from __future__ import annotations

import asyncio
import json

import pytest

from localcloud.functions.answers import from_emulator
from localcloud.functions.exchange import post

REQUEST_ID = "7b7d9e9a-31a6-4f4e-9df5-1f0a3e1b2c3d"
UNHANDLED = {
    "errorMessage": "no",
    "errorType": "ValueError",
    "requestId": REQUEST_ID,
    "stackTrace": [],
}


def exchange(answer: bytes, payload: bytes = b"1") -> tuple[bytes, tuple[int, bytes]]:
    """What the server got, and what we made of its answer."""

    async def main() -> tuple[bytes, tuple[int, bytes]]:
        got = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(len(payload))
            for n in range(0, len(answer), 7):  # in small pieces, as a network may
                writer.write(answer[n : n + 7])
                await writer.drain()
                await asyncio.sleep(0)
            writer.close()
            got.set_result(head + body)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                result = await post(reader, writer, payload, REQUEST_ID)
            finally:
                writer.close()
            return await got, result

    return asyncio.run(main())


def test_the_request_carries_its_id_and_length() -> None:
    request, _ = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b'{"a":1}')
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /2015-03-31/functions/function/invocations HTTP/1.1"
    assert b"X-Amzn-RequestId: " + REQUEST_ID.encode() in lines
    assert b"Content-Length: 7" in lines
    assert body == b'{"a":1}'


def test_answers_of_known_length() -> None:
    _, result = exchange(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length:  5\r\nX: y\r\n\r\nhello")
    assert result == (502, b"hello")
    assert exchange(b"HTTP/1.1 200 OK\r\n\r\n")[1] == (200, b"")


def test_answers_in_chunks() -> None:
    body = b"5\r\nhello\r\nA;note=1\r\n, world..!\r\n0\r\n\r\n"
    _, result = exchange(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + body)
    assert result == (200, b"hello, world..!")


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
def test_a_connection_that_breaks_is_an_error(cut: bytes) -> None:
    with pytest.raises((EOFError, OSError)):
        exchange(cut)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b'{"batchItemFailures": []}', None),
        (200, b'"Task timed out after 3.00 seconds"', None),
        (200, b"Task timed out after 3.00 seconds", "Sandbox.Timedout"),
        (200, json.dumps(UNHANDLED).encode(), "ValueError"),
        (200, json.dumps(UNHANDLED | {"requestId": "another"}).encode(), None),
        (200, b'{"errorMessage": "cut', None),
        (502, b'{"errorType":"Runtime.ExitError","errorMessage":"x"}', "Runtime.ExitError"),
        (502, b'{"errorMessage": "m", "errorType": "Runtime.ImportModuleError"}', None),
        (502, b"", "Runtime.ExitError"),
        (502, b"<html>", "Runtime.ExitError"),
    ],
)
def test_what_the_emulator_says(status: int, body: bytes, error: str | None) -> None:
    answer = from_emulator(status, body, REQUEST_ID, 3)
    if status == 502 and error is None:
        error = json.loads(body)["errorType"]
    assert answer.error == error
    if error is not None:
        assert json.loads(answer.payload)["errorType"] == error
