"""Workers for machines without the emulator: a Python process, and a line protocol.

We write `REQUEST_ID DEADLINE_MS SIZE\\n` and SIZE bytes of payload; the child answers
`ok SIZE\\n` or `error SIZE\\n` and SIZE bytes, after a `ready\\n` of its own once the handler is
imported. That goes over a socket, so that the handler has standard output for itself. Errors and
the handler's context look as under the real runtime client, whose tests these workers pass too.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path

from localcloud.functions import plain_child
from localcloud.functions.answers import Answer, exited, timed_out
from localcloud.functions.process import WorkerProcess
from localcloud.functions.spec import FunctionSpec
from localcloud.functions.worker import Launch

# What Lambda gives a function to import its handler.
_INIT_TIMEOUT_S = 10.0
_BUFFER_BYTES = 1024 * 1024


class PlainWorker:
    """A process that runs the handler, and our socket to it."""

    def __init__(
        self,
        spec: FunctionSpec,
        process: WorkerProcess,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.process = process
        self._spec = spec
        self._reader = reader
        self._writer = writer
        self._ready = False

    async def call(self, payload: bytes, request_id: str) -> Answer:
        """Invoke the handler; errors, time-outs and crashes are answers too."""
        try:
            if not self._ready:
                async with asyncio.timeout(_INIT_TIMEOUT_S):
                    await self._reader.readuntil(b"\n")
                self._ready = True
            async with asyncio.timeout(self._spec.timeout_s):
                return await self._exchange(payload, request_id)
        except TimeoutError:
            self.process.kill()
            return timed_out(request_id, self._spec.timeout_s)
        except (OSError, EOFError):
            self.process.kill()
            return exited(request_id)

    def close(self) -> None:
        """Let go of the socket."""
        self._writer.close()

    async def _exchange(self, payload: bytes, request_id: str) -> Answer:
        deadline_ms = int((time.time() + self._spec.timeout_s) * 1000)
        self._writer.write(f"{request_id} {deadline_ms} {len(payload)}\n".encode() + payload)
        await self._writer.drain()
        outcome, size = (await self._reader.readuntil(b"\n")).split()
        body = await self._reader.readexactly(int(size))
        return Answer(body, None if outcome == b"ok" else str(json.loads(body)["errorType"]))


async def start_plain_worker(spec: FunctionSpec, number: int, launch: Launch) -> PlainWorker:
    """Start a function's `number`-th worker."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await _start_child(spec, number, launch, theirs.fileno())
    except BaseException:
        ours.close()
        raise
    try:
        reader, writer = await asyncio.open_connection(sock=ours, limit=_BUFFER_BYTES)
    except BaseException:
        ours.close()
        await process.reap()
        raise
    return PlainWorker(spec, process, reader, writer)


async def _start_child(
    spec: FunctionSpec, number: int, launch: Launch, channel: int
) -> WorkerProcess:
    return await WorkerProcess.start(
        [str(spec.python), "-u", str(Path(plain_child.__file__)), str(channel), spec.handler],
        folder=spec.code,
        environment=launch.environment(spec, number),
        watchdog=launch.watchdog,
        log=launch.log(spec, number),
        pass_fds=[channel],
    )
