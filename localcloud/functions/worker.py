"""What every kind of worker offers, and what it is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localcloud.functions.answers import Answer
from localcloud.functions.environment import worker_environment
from localcloud.functions.logs import LineSink, Log
from localcloud.functions.process import WorkerProcess
from localcloud.functions.spec import FunctionSpec
from localcloud.functions.watchdog import Watchdog


class Worker(Protocol):
    """One warm copy of a function. One call at a time."""

    @property
    def process(self) -> WorkerProcess:
        """Its processes."""
        ...

    async def call(self, payload: bytes, request_id: str) -> Answer:
        """Invoke the handler; errors, time-outs and crashes are answers too.

        After a crash or time-out `process` may have ended, and the worker is of no more use.
        """
        ...

    def close(self) -> None:
        """Let go of the connection to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What workers of all functions are started with. `outer` is this process's environment."""

    watchdog: Watchdog
    log_folder: Path
    region: str
    outer: Mapping[str, str]
    sink: LineSink | None

    def log(self, spec: FunctionSpec, number: int) -> Log:
        """The log of a function's `number`-th worker."""
        path = self.log_folder / f"{spec.name}-{number}.log"
        return Log(path, spec.name, number, self.sink)

    def environment(self, spec: FunctionSpec, number: int) -> dict[str, str]:
        """The variables of a function's `number`-th worker."""
        return worker_environment(
            spec, region=self.region, log_stream=f"{spec.name}-{number}", outer=self.outer
        )


class StartWorker(Protocol):
    """Starts workers of one kind."""

    async def __call__(self, spec: FunctionSpec, number: int, launch: Launch) -> Worker:
        """Start a function's `number`-th worker; raises StartupError when it does not come up."""
        ...
