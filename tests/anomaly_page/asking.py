"""The application behind real HTTP, on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import httpx
from starlette.types import ASGIApp

from localcloud.serving import serving


@contextmanager
def asking(app: ASGIApp) -> Iterator[httpx.Client]:
    """A client of the application, which runs in a thread of its own."""
    url: Future[str] = Future()
    done = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with serving(app) as address:
            url.set_result(address.url)
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        with httpx.Client(base_url=url.result(30), trust_env=False, timeout=30) as client:
            yield client
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
