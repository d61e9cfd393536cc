"""A function under the real fdk, on a unix socket, as OCI Functions runs it in its container.

One process serves one call after the other, as fdk does with handlers that are not asynchronous.
fdk does not enforce a deadline: here the process is killed when the time of func.yaml is up, as the
platform ends a container, and the next call finds a new one; so it does where nobody called for
`idle_s`, for a container that is not used is let go. It ends with the local cloud, however that
ends (`localcloud.functions.watchdog`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from millrace.errors import StartupError

from localcloud.functions.logs import Log
from localcloud.functions.process import WorkerProcess
from localcloud.functions.watchdog import Watchdog

_START_TIMEOUT_S = 30
_GRACE_S = 5
_DEFAULT_TIMEOUT_S = 30
_DEFAULT_IDLE_S = 300
_MAX_BODY_BYTES = 6 * 1024 * 1024
_HTTP_HEADER = "fn-http-h-"
# As the platform answers: no time left, no answer from the container, a body that is too large.
_TIMED_OUT, _BROKEN, _TOO_LARGE = 504, 502, 413


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """What func.yaml says, and where its folder is."""

    name: str
    folder: Path
    file: str
    handler: str
    timeout_s: float
    idle_s: float = _DEFAULT_IDLE_S

    @property
    def id(self) -> str:
        """Its OCID."""
        return f"ocid1.fnfunc.oc1.local.{self.name}"

    @classmethod
    def of(cls, folder: Path) -> FunctionSpec:
        """Read a function's folder. Raises StartupError."""
        try:
            told: Any = yaml.safe_load((folder / "func.yaml").read_text(encoding="utf-8"))
            *_, file, handler = told["entrypoint"].split()
            timeout_s = float(told.get("timeout", _DEFAULT_TIMEOUT_S))
            idle_s = float(told.get("idle_timeout", _DEFAULT_IDLE_S))
            return cls(told["name"], folder, Path(file).name, handler, timeout_s, idle_s)
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise StartupError(
                f"{folder / 'func.yaml'} must name a function, with an entrypoint that ends in file"
                f" and handler: {type(error).__name__}: {error}"
            ) from None


@dataclass(frozen=True, slots=True)
class Place:
    """On what a function runs: the command `fdk`, the library, a folder for its log.

    `bytecode` is kept from process to process: the SDK is large, and without it each start would
    compile it, for the checkout must stay clean.
    """

    fdk: Path
    library: Path
    logs: Path
    bytecode: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets; `headers` are those that the function set for a caller over HTTP.

    `failed` where it is the platform's answer, or fdk's for a handler that raised, and not the
    function's own, whose status may be any.
    """

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()
    failed: bool = True


class FdkFunction:
    """A function and its process, which a call starts anew when it has died.

    `starts` counts cold starts; every other call of `calls` found the process hot.
    """

    def __init__(
        self, spec: FunctionSpec, place: Place, environ: Mapping[str, str], watchdog: Watchdog
    ) -> None:
        self.spec = spec
        self.starts = 0
        self.calls = 0
        self._place = place
        self._environ = environ
        self._watchdog = watchdog
        self._turn = asyncio.Lock()
        self._process: WorkerProcess | None = None
        self._client: httpx.AsyncClient | None = None
        self._used_s = time.monotonic()
        # A socket's path has about 100 characters at most: the system's own folder is short.
        self._folder = Path(tempfile.mkdtemp(prefix="fn-"))

    @property
    def log(self) -> Path:
        """Where what it writes is kept."""
        return self._place.logs / f"function-{self.spec.name}.log"

    async def call(self, body: bytes) -> int:
        """The status of an invocation; implements `connector.Target`."""
        return (await self.invoke(body)).status

    async def invoke(self, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Call the function. Its process may die of it; the caller gets an answer all the same."""
        if len(body) > _MAX_BODY_BYTES:
            return Answer(_TOO_LARGE, b"")
        async with self._turn:
            self.calls += 1
            try:
                client = await self._ready()
                sent = [*headers, *self._headers().items()]
                async with asyncio.timeout(self.spec.timeout_s):
                    answer = await client.post("/call", content=body, headers=sent)
            except TimeoutError:
                await self._end()
                return Answer(_TIMED_OUT, b"")
            except (httpx.HTTPError, StartupError):
                await self._end()
                return Answer(_BROKEN, b"")
            except asyncio.CancelledError:
                await self._end()  # nobody waits for the answer that it may be working on
                raise
            finally:
                self._used_s = time.monotonic()
            return _answer(answer)

    async def start(self) -> None:
        """Start its process. Raises StartupError, which a later start, in a call, does not."""
        async with self._turn:
            await self._ready()

    def kill(self) -> None:
        """Kill its process, in the middle of a call as it may be."""
        if self._process is not None:
            self._process.kill()

    async def close(self) -> None:
        """End it for good."""
        await self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _headers(self) -> dict[str, str]:
        deadline = datetime.now(UTC) + timedelta(seconds=self.spec.timeout_s)
        return {"Fn-Call-Id": uuid.uuid4().hex, "Fn-Deadline": deadline.isoformat()}

    async def _ready(self) -> httpx.AsyncClient:
        idle = time.monotonic() - self._used_s > self.spec.idle_s
        alive = self._process is not None and self._process.alive
        if alive and self._client is not None and not idle:
            return self._client
        await self._end()
        self.starts += 1
        socket = self._folder / f"{self.starts}.sock"
        log = Log(self.log, self.spec.name, self.starts, None)
        self._process = await WorkerProcess.start(
            [str(self._place.fdk), str(self.spec.folder / self.spec.file), self.spec.handler],
            folder=self.spec.folder,
            environment=self._environment(socket),
            watchdog=self._watchdog,
            log=log,
        )
        await self._listening(socket, self._process)
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)),
            base_url="http://fn",
            timeout=self.spec.timeout_s + _GRACE_S,  # the deadline comes first
        )
        return self._client

    def _environment(self, socket: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": f"{self.spec.folder}{os.pathsep}{self._place.library}",
            "PYTHONPYCACHEPREFIX": str(self._place.bytecode),
            "FN_FORMAT": "http-stream",
            "FN_LISTENER": f"unix:{socket}",
            "FN_APP_NAME": "local",
            "FN_FN_NAME": self.spec.name,
            "FN_FN_ID": self.spec.id,
            "FN_APP_ID": "ocid1.fnapp.oc1.local",
            **self._environ,
        }

    async def _listening(self, socket: Path, process: WorkerProcess) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_S):
                while process.alive:
                    if socket.exists():
                        return
                    await asyncio.sleep(0.01)
        await self._end()
        raise StartupError(f"{self.spec.name} did not come up under fdk; see {self.log}")

    async def _end(self) -> None:
        process, self._process = self._process, None
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        if process is not None:
            await process.reap()


def _answer(answer: httpx.Response) -> Answer:
    """fdk answers 200 on its socket; the real status and headers are in others."""
    status = int(answer.headers.get("fn-http-status", answer.status_code))
    told = [
        (name.removeprefix(_HTTP_HEADER), value)
        for name, value in answer.headers.multi_items()
        if name.startswith(_HTTP_HEADER) or name == "content-type"
    ]
    return Answer(status, answer.content, told, failed=answer.status_code != 200)


@contextlib.asynccontextmanager
async def function(
    spec: FunctionSpec, place: Place, environ: Mapping[str, str]
) -> AsyncIterator[FdkFunction]:
    """A function for as long as the block runs."""
    watchdog = Watchdog()
    try:
        made = FdkFunction(spec, place, environ, watchdog)
        try:
            await made.start()
            yield made
        finally:
            await made.close()
    finally:
        watchdog.close()
