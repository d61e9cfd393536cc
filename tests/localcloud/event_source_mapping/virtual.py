"""An event loop whose time passes only when nothing is left to do, and then at once."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# Tuesday, 2 January 2024, 00:00 UTC: like real times, so that nothing works only near 1970.
START_MS = 1_704_153_600_000


class _VirtualSelector(selectors.DefaultSelector):
    """Instead of waiting for a time-out, moves the time there."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("every task waits, and none of them for the clock")
        self.now_s += max(0.0, timeout)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


class VirtualClock:
    """Implements `localcloud.ports.Clock` inside `run_virtually`."""

    def now_ms(self) -> int:
        return START_MS + round(asyncio.get_running_loop().time() * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, condition: Callable[[], bool], *, within_s: float = 3600.0) -> None:
        """Let time pass until the condition holds; fails when it does not within that time."""
        end_ms = self.now_ms() + within_s * 1000
        while not condition():
            assert self.now_ms() < end_ms, f"not so within {within_s} s"
            await self.sleep(0.01)

    @property
    def elapsed_s(self) -> float:
        return (self.now_ms() - START_MS) / 1000


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; hours of its time take no time."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtually(test(*args, **kwargs))

    return run
