"""A production variant at work: its server is started, replaced when it ends, and asked."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from millrace.errors import StartupError

from localcloud.functions.logs import LineSink, Log
from localcloud.functions.watchdog import Watchdog
from localcloud.sagemaker import errors
from localcloud.sagemaker.container import Answer, Container
from localcloud.sagemaker.package import unpack
from localcloud.sagemaker.spec import Program, VariantSpec

# Largest request and answer: the bound in botocore's model of the service, and "4 MB" for
# serverless endpoints (developer guide).
MAX_BYTES = 6 * 1024 * 1024
SERVERLESS_MAX_BYTES = 4 * 1024 * 1024

_RESTART_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_LONG_LIFE_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all variants of all endpoints share."""

    program: Program
    folder: Path
    log_folder: Path
    watchdog: Watchdog
    sink: LineSink | None
    account_id: str
    region: str
    environment: Mapping[str, str]
    invocation_timeout_s: float
    startup_timeout_s: float


class Variant:
    """Keeps one model server running. `started` counts its servers; it is `in_service` once the
    first was ready."""

    def __init__(self, endpoint: str, spec: VariantSpec, surroundings: Surroundings) -> None:
        self.spec = spec
        self._with = surroundings
        self._label = f"{endpoint}/{spec.name}"
        name = re.sub(r"[^\w-]", "-", self._label)
        self._model_folder = surroundings.folder / name
        log = surroundings.log_folder / f"endpoint-{name}.log"
        self._logs = Log(log, self._label, 1, surroundings.sink)
        self.origin = errors.Origin(endpoint, surroundings.account_id, surroundings.region, log)
        self.started = 0
        self.in_service = False
        self._running = 0
        self._container: Container | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def serverless(self) -> bool:
        """Whether SageMaker would provision it on demand."""
        return self.spec.max_concurrency is not None

    @property
    def pid(self) -> int | None:
        """The server's process, while there is one that is ready."""
        container = self._container
        return container.process.pid if container and container.process.alive else None

    async def start(self) -> None:
        """Unpack the model and start its server. Raises ConfigurationError or StartupError."""
        if self.spec.package is None:
            shutil.rmtree(self._model_folder, ignore_errors=True)
            self._model_folder.mkdir(parents=True)
        else:
            await asyncio.to_thread(unpack, self.spec.package, self._model_folder)
        self._container = await self._new_container()
        self.in_service = True
        self._keeping = asyncio.create_task(self._keep(), name=f"endpoint {self._label}")

    async def stop(self) -> None:
        """End the server."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        if self._container is not None:
            await self._container.end()

    def kill(self) -> int | None:
        """Kill the server at once, in mid-call as it may be; its process id, None if none is."""
        pid = self.pid
        if pid is not None:
            assert self._container is not None
            self._container.process.kill()
        return pid

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Ask the model. Raises EndpointError, as SageMaker does."""
        self._check_size(body)
        limit = self.spec.max_concurrency
        if limit is not None and self._running >= limit:
            raise errors.throttled()
        container = self._container
        if container is None or not container.process.alive:
            raise self._away()
        self._running += 1
        try:
            async with asyncio.timeout(self._with.invocation_timeout_s):
                answer = await container.invoke(headers, body)
        except TimeoutError:
            raise errors.timed_out(self.origin) from None
        except httpx.ConnectError as error:
            raise self._away() from error
        except httpx.HTTPError as error:
            _log.warning("endpoint %s did not answer: %r", self._label, error)
            raise errors.no_response(self.origin) from error
        finally:
            self._running -= 1
        if not 200 <= answer.status < 300:
            raise errors.answered(answer.status, answer.body, self.origin)
        if len(answer.body) > self._max_bytes:
            raise errors.answer_too_large(len(answer.body), self._max_bytes, self.origin)
        return answer

    def _away(self) -> errors.EndpointError:
        """The error while there is no server: a serverless one is provisioned on demand."""
        if self.serverless:
            return errors.not_ready(self.spec.name)
        return errors.no_response(self.origin)

    @property
    def _max_bytes(self) -> int:
        return SERVERLESS_MAX_BYTES if self.serverless else MAX_BYTES

    def _check_size(self, body: bytes) -> None:
        if len(body) > self._max_bytes:
            rule = f"Member must have length less than or equal to {self._max_bytes}"
            raise errors.broken_rule(f"of {len(body)} bytes", "body", rule)

    async def _new_container(self) -> Container:
        self.started += 1
        surroundings = self._with
        return await Container.start(
            surroundings.program,
            {**surroundings.environment, **self.spec.environment},
            self._model_folder,
            watchdog=surroundings.watchdog,
            log=self._logs,
            timeout_s=surroundings.startup_timeout_s,
        )

    async def _keep(self) -> None:
        """Replace the server whenever it ends, the more slowly the sooner it does so again."""
        quick_deaths = 0
        while True:
            assert self._container is not None
            since_s = time.monotonic()
            await self._container.process.ended()
            _log.warning("the model server of %s ended; it is started again", self._label)
            await self._container.end()
            quick_deaths = 0 if time.monotonic() - since_s > _LONG_LIFE_S else quick_deaths + 1
            self._container = await self._replacement(quick_deaths - 1)

    async def _replacement(self, deaths: int) -> Container:
        while True:
            await asyncio.sleep(_RESTART_S[min(max(deaths, 0), len(_RESTART_S) - 1)])
            try:
                return await self._new_container()
            except StartupError as error:
                _log.error("%s", error)
                deaths += 1
