"""Workers that are what Lambda's containers are: the runtime client under the interface emulator.

Each worker has an emulator of its own, because two calls at once kill one, and each emulator has
two ports of its own, one for us and one for its runtime client. It starts the runtime client for
the first call, and again after a time-out or a crash.

Known limits of the emulator: the first call's time-out covers the import of the handler as well
(Lambda gives that 10 s of its own), `context.invoked_function_arn` always names region us-east-1
and account 012345678912, and the durations and memory in its REPORT lines are no measurements.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import platform
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import StartupError

from localcloud.functions.answers import Answer, exited, from_emulator, timed_out
from localcloud.functions.exchange import post
from localcloud.functions.process import WorkerProcess
from localcloud.functions.spec import FunctionSpec
from localcloud.functions.worker import Launch

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_HOST = "127.0.0.1"
_START_TRIES = 3
_START_TIMEOUT_S = 10.0
_CONNECT_INTERVAL_S = 0.005
# The emulator ends late calls itself; this is for an emulator that does not.
_GRACE_S = 10.0
_BUFFER_BYTES = 1024 * 1024


def find_emulator(checkout: Path) -> Path | None:
    """The emulator that aws-sam-cli brings along, if both it and awslambdaric can run here."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if sys.platform != "linux" or importlib.util.find_spec("awslambdaric") is None:
        return None
    pattern = f"lib/python3.*/site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}"
    found = sorted((checkout / ".venv-sam").glob(pattern))
    return next((path for path in found if os.access(path, os.X_OK)), None)


@dataclass(frozen=True, slots=True)
class EmulatorWorkers:
    """Starts workers under the emulator at this path."""

    emulator: Path

    async def __call__(self, spec: FunctionSpec, number: int, launch: Launch) -> EmulatorWorker:
        """Start a worker on free ports; raises StartupError when none comes up."""
        for _ in range(_START_TRIES):
            port, runtime_port = _free_ports()
            process = await WorkerProcess.start(
                self._command(spec, port, runtime_port),
                folder=spec.code,
                environment=launch.environment(spec, number),
                watchdog=launch.watchdog,
                log=launch.log(spec, number),
            )
            try:
                connection = await _connect(process, port)
            except BaseException:
                await process.reap()
                raise
            if connection is not None:
                return EmulatorWorker(spec, process, port, *connection)
            await process.reap()
        raise StartupError(
            f"Function {spec.name}: the Lambda emulator did not come up in {_START_TRIES} tries; "
            f"{launch.log(spec, number).path} says why."
        )

    def _command(self, spec: FunctionSpec, port: int, runtime_port: int) -> list[str]:
        return [
            str(self.emulator),
            *("--log-level", "error"),
            *("--runtime-interface-emulator-address", f"{_HOST}:{port}"),
            *("--runtime-api-address", f"{_HOST}:{runtime_port}"),
            *(str(spec.python), "-m", "awslambdaric", spec.handler),
        ]


class EmulatorWorker:
    """An emulator, its runtime client, and our connection to it."""

    def __init__(
        self,
        spec: FunctionSpec,
        process: WorkerProcess,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.process = process
        self._spec = spec
        self._port = port
        self._reader = reader
        self._writer = writer

    async def call(self, payload: bytes, request_id: str) -> Answer:
        """Invoke the handler; errors, time-outs and crashes are answers too."""
        timeout_s = self._spec.timeout_s
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                status, body = await post(self._reader, self._writer, payload, request_id)
        except TimeoutError:
            self.process.kill()
            return timed_out(request_id, timeout_s)
        except (OSError, EOFError):
            self.process.kill()
            return exited(request_id)
        return from_emulator(status, body, request_id, timeout_s)

    def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()


async def _connect(
    process: WorkerProcess, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Connect as soon as the emulator listens; None if it ends or does not listen in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_TIMEOUT_S):
            while process.alive:
                with contextlib.suppress(ConnectionRefusedError):
                    return await asyncio.open_connection(_HOST, port, limit=_BUFFER_BYTES)
                await asyncio.sleep(_CONNECT_INTERVAL_S)
    return None


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((_HOST, 0))
        second.bind((_HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]
