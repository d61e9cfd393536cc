"""Sending answers: errors in AWS shape, and watching the answers of others go by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.types import Message, Send

from localcloud.aws_protocol import ErrorAnswer

CAPACITY_HEADER = b"x-localcloud-capacity"

_CODE = re.compile(rb'"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"|<Code>([^<]+)</Code>')


async def send_whole(
    send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """Send an answer in one piece."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: ErrorAnswer) -> None:
    """Send an AWS error."""
    headers = [(name.encode(), value.encode()) for name, value in error.headers]
    headers.append((b"content-length", str(len(error.body)).encode()))
    await send_whole(send, error.status, headers, error.body)


@dataclass(slots=True)
class Watcher:
    """Stands between an application and the client and notes what the counters want to know.

    With `mute` nothing reaches the client. Capacity, which is a matter between moto_server and
    the gateway, is taken out of the headers.
    """

    send: Send
    mute: bool = False
    status: int = 0
    capacity: str = ""
    _code: str = field(default="")

    async def __call__(self, message: Message) -> None:
        """ASGI's send."""
        if message["type"] == "http.response.start":
            self._start(message)
        elif self.status >= 400 and not self._code:
            found = _CODE.search(message.get("body", b""))
            if found is not None:
                self._code = (found[1] or found[2]).decode("utf-8", "replace")
        if not self.mute:
            await self.send(message)

    @property
    def error(self) -> str | None:
        """The error code of the answer; its status where it has none; None for a success."""
        if self.status < 400:
            return None
        return self._code or str(self.status)

    def _start(self, message: Message) -> None:
        self.status = message["status"]
        kept = []
        for name, value in message["headers"]:
            if name == CAPACITY_HEADER:
                self.capacity = value.decode("latin-1")
                continue
            if name == b"x-amzn-errortype":
                self._code = value.decode("latin-1").partition(":")[0]
            kept.append((name, value))
        message["headers"] = kept
