"""How readers hear at once that a shard has changed, without polling it."""

from __future__ import annotations

import asyncio

from localcloud.ports import Clock


class Bell:
    """Rung when something may have changed; who waits then looks again.

    For one event loop: ringing and waiting happen in its thread.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    def ring(self) -> None:
        """Wake everybody who waits now."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def wait(self, clock: Clock, timeout_s: float) -> bool:
        """Wait for the next ring; False when `timeout_s` of the clock's time passed without."""
        ring = asyncio.get_running_loop().create_future()
        self._waiting.add(ring)
        timer = asyncio.ensure_future(clock.sleep(timeout_s))
        try:
            await asyncio.wait({ring, timer}, return_when=asyncio.FIRST_COMPLETED)
            return ring.done()
        finally:
            timer.cancel()
            self._waiting.discard(ring)
