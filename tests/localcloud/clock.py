"""A clock that tests turn by hand, so that nothing waits for real time."""

from __future__ import annotations

import asyncio
import heapq
import math
from itertools import count

# Tuesday, 2 January 2024, 00:00 UTC: like real times, so that nothing works only near 1970.
START_MS = 1_704_153_600_000
# Turns of the loop that a task may take between one sleep and its next; chains are far shorter.
_TURNS = 50


class ManualClock:
    """Implements `localcloud.ports.Clock`; time stands still until a test moves it."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self._now_ms

    async def sleep(self, seconds: float) -> None:
        """Return when the clock has been moved on by `seconds`; at once for 0 or less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        # Never early: between two milliseconds, the later one (but 1.1 s are 1100 ms, not 1101).
        deadline_ms = self._now_ms + math.ceil(round(seconds * 1000, 6))
        heapq.heappush(self._sleepers, (deadline_ms, next(self._order), wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Move on in one step; the sleepers that are due wake in order once the loop turns."""
        self._move_to(self._now_ms + round(seconds * 1000))

    async def run(self, seconds: float) -> None:
        """Move on from sleeper to sleeper, letting tasks do what they do at each stop."""
        end_ms = self._now_ms + round(seconds * 1000)
        await settle()
        while (next_ms := self._next_deadline()) is not None and next_ms <= end_ms:
            self._move_to(next_ms)
            await settle()
        self._move_to(end_ms)
        await settle()

    @property
    def sleeping(self) -> int:
        """How many sleepers wait for this clock."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    def _next_deadline(self) -> int | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _move_to(self, now_ms: int) -> None:
        self._now_ms = max(self._now_ms, now_ms)
        while self._sleepers and self._sleepers[0][0] <= self._now_ms:
            wake = heapq.heappop(self._sleepers)[2]
            if not wake.done():
                wake.set_result(None)


async def settle() -> None:
    """Let every task run until it waits for the clock, for a future, or for I/O."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
