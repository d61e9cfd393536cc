"""The workers of one function: started on demand, kept warm, one call at a time each."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, replace

from millrace.errors import Unavailable

from localcloud.functions.answers import EXITED, TIMED_OUT, Answer
from localcloud.functions.spec import FunctionSpec
from localcloud.functions.worker import Launch, StartWorker, Worker
from localcloud.ports import Invocation


@dataclass(slots=True)
class FunctionHealth:
    """A function's workers and calls; `errors` are those that are no time-outs or crashes.

    `started` counts workers since the pool was opened, `killed` those that were killed on request;
    `pids` are the processes of the workers there are now, each with a session of its own.
    """

    function: str
    workers: int = 0
    busy: int = 0
    started: int = 0
    invocations: int = 0
    errors: int = 0
    timeouts: int = 0
    crashes: int = 0
    throttled: int = 0
    killed: int = 0
    pids: tuple[int, ...] = ()


class FunctionWorkers:
    """Runs one function. Calls beyond the number of workers wait in order of arrival."""

    def __init__(self, spec: FunctionSpec, start: StartWorker, launch: Launch) -> None:
        self.spec = spec
        self._start = start
        self._launch = launch
        self._slots = asyncio.Semaphore(spec.max_workers)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._reaping: set[asyncio.Task[None]] = set()
        self._in_progress = 0
        self._closing = False
        self._health = FunctionHealth(spec.name)

    @property
    def busy(self) -> list[Worker]:
        """The workers in mid-call, by process id."""
        return sorted(self._busy, key=lambda worker: worker.process.pid)

    def health(self) -> FunctionHealth:
        """The numbers as they are now; idle workers that have died do not count."""
        workers = [*self.busy, *(worker for worker in self._idle if worker.process.alive)]
        pids = tuple(worker.process.pid for worker in workers)
        return replace(self._health, workers=len(workers), busy=len(self._busy), pids=pids)

    async def invoke(self, payload: bytes) -> Invocation:
        """Call the handler; raises Unavailable when the reserved concurrency is used up."""
        reserved = self.spec.reserved_concurrency
        if reserved is not None and self._in_progress >= reserved:
            self._health.throttled += 1
            raise Unavailable(
                f"Rate exceeded: {self._in_progress} invocations of {self.spec.name} are in "
                f"progress and its reserved concurrency is {reserved}; try again later."
            )
        self._in_progress += 1
        try:
            async with self._slots:
                return await self._call(await self._warm_worker(), payload)
        finally:
            self._in_progress -= 1

    def kill(self, worker: Worker) -> None:
        """Kill a worker at once, in mid-call as it may be."""
        self._health.killed += 1
        worker.process.kill()

    async def stop(self) -> None:
        """End all workers; calls in progress end as crashes, and waiting ones are refused."""
        self._closing = True
        for worker in self._busy:
            worker.process.kill()
        for worker in self._idle:
            self._retire(worker)
        self._idle.clear()
        for _ in range(self.spec.max_workers):
            await self._slots.acquire()
        while self._reaping:
            await asyncio.wait(self._reaping)

    async def _warm_worker(self) -> Worker:
        self._require_open()
        # The latest first, as in Lambda, so that those not needed stay idle.
        while self._idle:
            worker = self._idle.pop()
            if worker.process.alive:
                return worker
            self._retire(worker)
        self._health.started += 1
        worker = await self._start(self.spec, self._health.started, self._launch)
        if self._closing:
            self._retire(worker)
        self._require_open()
        return worker

    def _require_open(self) -> None:
        if self._closing:
            raise Unavailable(f"Function {self.spec.name} is being stopped with its pool.")

    async def _call(self, worker: Worker, payload: bytes) -> Invocation:
        self._busy.add(worker)
        started = time.perf_counter()
        usable = False
        try:
            answer = await worker.call(payload, str(uuid.uuid4()))
            usable = worker.process.alive
        finally:
            # Also when we are cancelled: the call goes on over there, so nobody else may use it.
            self._busy.discard(worker)
            if usable:
                self._idle.append(worker)
            else:
                self._retire(worker)
        self._count(answer)
        return Invocation(answer.payload, answer.error, (time.perf_counter() - started) * 1000)

    def _count(self, answer: Answer) -> None:
        self._health.invocations += 1
        self._health.timeouts += answer.error == TIMED_OUT
        self._health.crashes += answer.error == EXITED
        self._health.errors += answer.error not in (None, TIMED_OUT, EXITED)

    def _retire(self, worker: Worker) -> None:
        worker.process.kill()
        worker.close()
        task = asyncio.create_task(worker.process.reap())
        self._reaping.add(task)
        task.add_done_callback(self._reaping.discard)
