"""Waiting for an event or for time to pass, whichever comes first."""

from __future__ import annotations

import asyncio

from localcloud.ports import Clock


async def wait_for(event: asyncio.Event, clock: Clock, seconds: float | None) -> None:
    """Return when `event` is set, or after `seconds` of the clock (None: never); clear `event`."""
    if seconds is None:
        await event.wait()
    elif not event.is_set():
        either = {
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)
    event.clear()
