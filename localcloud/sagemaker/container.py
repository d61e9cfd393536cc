"""A model server's process: started, pinged until it is ready, asked, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from millrace.errors import StartupError

from localcloud.functions.logs import Log
from localcloud.functions.process import WorkerProcess
from localcloud.functions.watchdog import Watchdog
from localcloud.sagemaker.spec import Program

_HOST = "127.0.0.1"
# "The container must respond to ping requests within 2 seconds."
_PING_TIMEOUT_S = 2.0
_PING_INTERVAL_S = 0.05
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")
# Connections that a server closes after some idle seconds must not be used at that moment.
_IDLE_S = 1.0
_LAST_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Container:
    """A running model server and the connections to it."""

    def __init__(self, process: WorkerProcess, client: httpx.AsyncClient) -> None:
        self.process = process
        self._client = client
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        program: Program,
        environment: Mapping[str, str],
        model_folder: Path,
        *,
        watchdog: Watchdog,
        log: Log,
        timeout_s: float,
    ) -> Container:
        """Start the server and wait until it answers /ping with 200.

        Raises StartupError, with the server's last words, when it ends before or takes longer.
        """
        port = _free_port()
        process = await WorkerProcess.start(
            program.command,
            folder=program.folder,
            environment={
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                "PYTHONUNBUFFERED": "1",
                **program.environment,
                **environment,
                "MODEL_DIR": str(model_folder),
                "HOST": _HOST,
                "PORT": str(port),
            },
            watchdog=watchdog,
            log=log,
        )
        container = cls(process, _client(port))
        try:
            await container._wait_until_ready(log, timeout_s)
        except BaseException:
            await container.end()
            raise
        return container

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Ask the model. Raises httpx.HTTPError when the server is not there or hangs up."""
        answer = await self._client.post("/invocations", headers=dict(headers), content=body)
        return Answer(answer.status_code, answer.headers, answer.content)

    async def end(self) -> None:
        """End the server with all that it started, and wait until it is gone."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        # It goes on when we are cancelled, and whoever asks again waits for the same end.
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        await self.process.reap()
        await self._client.aclose()

    async def _wait_until_ready(self, log: Log, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.process.alive:
                    if await self._ping():
                        return
                    await asyncio.sleep(_PING_INTERVAL_S)
        what = "ended before it" if not self.process.alive else f"within {timeout_s:.0f} s never"
        await self.process.reap()  # so that its last words are in the log
        raise StartupError(
            f"The model server of {log.function} {what} answered GET /ping with 200. Its log, "
            f"{log.path}, ends with: {_end_of(log.path)}"
        )

    async def _ping(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            answer = await self._client.get("/ping", timeout=_PING_TIMEOUT_S)
            return answer.status_code == 200
        return False


def _client(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://{_HOST}:{port}",
        # Only what SageMaker passes on reaches a model.
        headers={"user-agent": "AHC/2.0", "accept-encoding": "identity"},
        timeout=None,  # noqa: S113  the runtime has a time-out over the whole of a call
        limits=httpx.Limits(max_connections=None, keepalive_expiry=_IDLE_S),
        trust_env=False,
    )


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((_HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _end_of(path: Path) -> str:
    try:
        return path.read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace").strip() or "(nothing)"
    except OSError:
        return "(nothing)"
