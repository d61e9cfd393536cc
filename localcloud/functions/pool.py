"""The functions of a stack, ready to be invoked by name. Implements `localcloud.ports.Invoker`."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from millrace.errors import LocalCloudError

from localcloud.functions.answers import PAYLOAD_LIMIT_BYTES, too_large
from localcloud.functions.emulator import EmulatorWorkers, find_emulator
from localcloud.functions.function_workers import FunctionHealth, FunctionWorkers
from localcloud.functions.logs import LineSink
from localcloud.functions.plain import start_plain_worker
from localcloud.functions.spec import FunctionSpec
from localcloud.functions.watchdog import Watchdog
from localcloud.functions.worker import Launch, StartWorker
from localcloud.ports import Invocation

_CHECKOUT = Path(__file__).parents[2]


class Kind(StrEnum):
    """What runs the handlers."""

    EMULATOR = "emulator"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Killed:
    """A worker that was killed in mid-call."""

    function: str
    pid: int


class FunctionPool:
    """Runs functions; an asynchronous context, in which alone it can be used.

    Workers write to `<log_folder>/<function>-<n>.log`, and line by line to `on_line`. Without
    `kind` the real runtime under the emulator is taken where it can run. `seed` decides whom
    `kill_random` kills. Raises LocalCloudError when the emulator is asked for and not there.
    """

    def __init__(
        self,
        functions: Iterable[FunctionSpec],
        *,
        log_folder: Path,
        region: str = "us-east-1",
        kind: Kind | None = None,
        on_line: LineSink | None = None,
        seed: int = 0,
    ) -> None:
        self._specs = {spec.name: spec for spec in functions}
        self._log_folder = log_folder
        self._region = region
        self._on_line = on_line
        self._random = random.Random(seed)  # noqa: S311  whom to kill is no secret
        self._watchdog: Watchdog | None = None
        self._workers: dict[str, FunctionWorkers] = {}
        self.kind, self._start = _starter(kind)

    async def __aenter__(self) -> FunctionPool:
        """Be ready for calls; workers start with the first call of each function."""
        self._log_folder.mkdir(parents=True, exist_ok=True)
        self._watchdog = Watchdog()
        launch = Launch(
            watchdog=self._watchdog,
            log_folder=self._log_folder,
            region=self._region,
            outer=dict(os.environ),
            sink=self._on_line,
        )
        self._workers = {
            name: FunctionWorkers(spec, self._start, launch) for name, spec in self._specs.items()
        }
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every worker and wait until none is left; calls in progress end as crashes."""
        workers, self._workers = self._workers, {}
        try:
            await asyncio.gather(*(function.stop() for function in workers.values()))
        finally:
            if self._watchdog is not None:
                self._watchdog.close()

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        """Call a function with a JSON payload and wait for its answer.

        Unhandled errors, time-outs, crashes and payloads beyond 6 MB are answers with `error` set.
        Raises Unavailable when its reserved concurrency is used up, LocalCloudError for a function
        that there is not, StartupError when no worker of it comes up.
        """
        workers = self._of(function)
        if len(payload) > PAYLOAD_LIMIT_BYTES:
            answer = too_large(len(payload))
            return Invocation(answer.payload, answer.error, 0.0)
        return await workers.invoke(payload)

    def kill(self, function: str) -> Killed | None:
        """Kill a worker of `function` in mid-call; None if none is."""
        return self._kill_one_of([self._of(function)])

    def kill_random(self) -> Killed | None:
        """Kill any worker that is in mid-call; None if none is."""
        return self._kill_one_of(list(self._workers.values()))

    def health(self) -> list[FunctionHealth]:
        """How each function is doing."""
        return [workers.health() for workers in self._workers.values()]

    def _kill_one_of(self, functions: list[FunctionWorkers]) -> Killed | None:
        busy = [(workers, worker) for workers in functions for worker in workers.busy]
        if not busy:
            return None
        workers, worker = self._random.choice(busy)
        workers.kill(worker)
        return Killed(workers.spec.name, worker.process.pid)

    def _of(self, function: str) -> FunctionWorkers:
        workers = self._workers.get(function)
        if workers is None:
            known = ", ".join(sorted(self._workers)) or "none: the pool is not open"
            raise LocalCloudError(f"There is no function {function!r} here; there are {known}.")
        return workers


def _starter(kind: Kind | None) -> tuple[Kind, StartWorker]:
    emulator = None if kind is Kind.PROCESS else find_emulator(_CHECKOUT)
    if emulator is not None:
        return Kind.EMULATOR, EmulatorWorkers(emulator)
    if kind is Kind.EMULATOR:
        raise LocalCloudError(
            "The Lambda emulator cannot run here: it needs Linux, awslambdaric, and .venv-sam as "
            f"scripts/setup makes it in {_CHECKOUT}. Leave out `kind` to do without."
        )
    return Kind.PROCESS, start_plain_worker
