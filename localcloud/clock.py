"""Real time, as the rooms of the local cloud ask for it."""

from __future__ import annotations

import asyncio
import time


class RealClock:
    """The machine's own clock; implements `localcloud.ports.Clock`."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)
