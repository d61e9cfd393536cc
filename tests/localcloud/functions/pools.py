"""Opening pools of the contract function, and waiting for what they do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from localcloud.functions.pool import FunctionPool, Kind
from localcloud.functions.spec import FunctionSpec
from localcloud.ports import Invocation

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CODE = HERE / "handlers"
LAYER = HERE / "layer"
_DEADLINE_S = 20.0


def contract_function(**changes: Any) -> FunctionSpec:
    """The function of handlers/contract.py."""
    values: dict[str, Any] = {
        "name": "contract",
        "handler": "contract.handler",
        "code": CODE,
        "timeout_s": 10,
    }
    return FunctionSpec(**(values | changes))


def pool_of(folder: Path, kind: Kind, *specs: FunctionSpec, **options: Any) -> FunctionPool:
    """A pool with these functions, or the contract function."""
    functions = specs or (contract_function(),)
    return FunctionPool(functions, log_folder=folder / "logs", kind=kind, **options)


async def call(pool: FunctionPool, event: Any, function: str = "contract") -> Invocation:
    return await pool.invoke(function, json.dumps(event).encode())


async def answer(pool: FunctionPool, event: Any, function: str = "contract") -> Any:
    """The answer of a call that succeeds."""
    invocation = await call(pool, event, function)
    assert invocation.error is None, invocation
    return json.loads(invocation.payload)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come about."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.005)


def busy(pool: FunctionPool) -> int:
    return sum(health.busy for health in pool.health())


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that these have (Linux)."""
    children: dict[int, list[int]] = {}
    for process, parent in _processes():
        children.setdefault(parent, []).append(process)
    found: set[int] = set()
    open_ends = [pid]
    while open_ends:
        following = children.get(open_ends.pop(), [])
        found.update(following)
        open_ends += following
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that have not ended."""
    return pids & {process for process, _ in _processes()}


def check_that_nothing_outlives(
    module: str, *arguments: str, how: signal.Signals, processes: int, **environ: str
) -> None:
    """Run a module until it says "ready", end it by a signal, and look for what it had started."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers/core")])
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            started = descendants(process.pid)
            assert len(started) == processes
            process.send_signal(how)
            assert process.wait(20) != 0
            asyncio.run(until(lambda: not alive(started)))
        finally:
            process.kill()


def _processes() -> Iterator[tuple[int, int]]:
    """Process and parent, without those that only wait to be collected."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state not in "ZX":
                yield int(entry.name), int(parent)
