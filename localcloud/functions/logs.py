"""What workers write to standard output and error: into a file each, and line by line to a sink."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 64 * 1024
_LAST_OUTPUT_S = 2


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a worker's output, without its end. `worker` counts a function's workers from 1.

    Besides what the handler writes there are the platform's START, END and REPORT lines where the
    emulator runs.
    """

    function: str
    worker: int
    text: str


LineSink = Callable[[LogLine], None]


@dataclass(frozen=True, slots=True)
class Log:
    """Where one worker's output goes."""

    path: Path
    function: str
    worker: int
    sink: LineSink | None

    async def copy(self, output: asyncio.StreamReader) -> None:
        """Copy output until its end."""
        rest = b""
        with self.path.open("ab", buffering=0) as file:
            while chunk := await output.read(_CHUNK_BYTES):
                file.write(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                self._emit(lines)
        self._emit([rest] if rest else [])

    def _emit(self, lines: list[bytes]) -> None:
        if self.sink is not None:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip("\r")
                self.sink(LogLine(self.function, self.worker, text))


class Capture:
    """A pipe into a log: `end` is what a worker writes to, until we `release` it."""

    def __init__(
        self, end: int, transport: asyncio.BaseTransport, copying: asyncio.Task[None]
    ) -> None:
        self.end = end
        self._transport = transport
        self._copying = copying

    @classmethod
    async def into(cls, log: Log) -> Capture:
        """Begin to copy."""
        ours, theirs = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", buffering=0)
        )
        return cls(theirs, transport, asyncio.create_task(log.copy(reader)))

    def release(self) -> None:
        """Close our copy of `end`; the worker has its own."""
        os.close(self.end)

    async def finish(self) -> None:
        """Copy the rest; but what has left the worker's session does not keep us waiting."""
        await asyncio.wait({self._copying}, timeout=_LAST_OUTPUT_S)
        self._transport.close()
        self._copying.cancel()
        await asyncio.wait({self._copying})
