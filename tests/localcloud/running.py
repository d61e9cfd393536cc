"""Running servers of the local cloud in a thread, for tests with blocking clients."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Running(Generic[T]):
    """What a context gave, and the loop in which it lives."""

    value: T
    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[None, None, R]) -> R:
        """Run a coroutine in the loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


@contextlib.contextmanager
def running(context: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[Running[T]]:
    """Keep an asynchronous context open in an event loop of its own, in a thread."""
    started: Future[Running[T]] = Future()
    stop = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        try:
            async with context() as value:
                started.set_result(Running(value, loop))
                await loop.run_in_executor(None, stop.wait)
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        yield started.result(90)
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive(), "the context did not close"
