"""The parts of a demo, side by side: each plays its piece, and stays until the curtain falls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

# What a part shows at its end; it hears when it may take down what it set up.
Part = Callable[["Cue[T]"], Coroutine[object, object, None]]


class Cue(Generic[T]):
    """Between a part and the stage."""

    def __init__(self) -> None:
        self.shown: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._curtain = asyncio.Event()

    async def show(self, result: T) -> None:
        """Hand over what came of it, and return when it is no longer needed."""
        self.shown.set_result(result)
        await self._curtain.wait()

    def drop(self) -> None:
        """Let the part go."""
        self._curtain.set()


@contextlib.asynccontextmanager
async def playing(parts: Sequence[Part[T]]) -> AsyncIterator[list[T]]:
    """What the parts show, in their order; they stay up while the block runs.

    Where one fails the others are stopped, and its error is raised as it is.
    """
    cues = [Cue[T]() for _ in parts]
    try:
        async with asyncio.TaskGroup() as group:
            for part, cue in zip(parts, cues, strict=True):
                group.create_task(part(cue))
            yield [await cue.shown for cue in cues]
            for cue in cues:
                cue.drop()
    except BaseExceptionGroup as raised:
        raise raised.exceptions[0] from None
