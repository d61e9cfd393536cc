"""What workers write to standard output and error: into a file each, and line by line to a sink."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 64 * 1024


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
