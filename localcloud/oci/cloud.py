"""The anomaly pipeline on one machine: stream → connector → function → database → inbox.

`running` is for programs with an event loop, `start` for all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from localcloud.faults.injector import Injector
from localcloud.oci.connector import Connector
from localcloud.oci.function import FdkFunction, function
from localcloud.oci.kafka.requests import Node
from localcloud.oci.notifications import Inbox, Notice, Notifications
from localcloud.oci.partition import Message
from localcloud.oci.parts import FUNCTION as FUNCTION
from localcloud.oci.parts import FUNCTION_ID as FUNCTION_ID
from localcloud.oci.parts import KAFKA_USER, POOL_ID, Parts
from localcloud.oci.parts import STREAM as STREAM
from localcloud.oci.parts import Options as Options
from localcloud.oci.postman import Postman
from localcloud.oci.principal import Principal
from localcloud.oci.stream import MAX_PUT_BYTES, Stream
from localcloud.oci.streaming import Streaming
from localcloud.oci.striking import StruckFunction
from localcloud.oci.sweeper import Sweeper
from localcloud.oci.vault import Vault
from localcloud.serving import serving

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OciCloud:
    """What runs. A client with `principal`'s environment is pointed at `url`."""

    url: str
    principal: Principal
    stream: Stream
    connector: Connector
    function: FdkFunction
    inbox: Inbox
    database: Path
    streaming: Streaming
    notifications: Notifications
    postman: Postman
    vault: Vault
    sweeper: Sweeper
    injector: Injector
    kafka: Node
    kafka_token: str = field(repr=False)
    gateway_url: str | None = None

    def endpoints(self) -> dict[str, str]:
        """Where things are, by name, for those who come by the network or read the database."""
        return {
            "url": self.url,
            "stream_id": self.stream.id,
            "topic_id": self.inbox.topic_id,
            "function_id": self.function.spec.id,
            "kafka": f"{self.kafka.host}:{self.kafka.port}",
            **({} if self.gateway_url is None else {"gateway": self.gateway_url}),
            "database": f"sqlite:///{self.database}",
        }

    def environment(self) -> dict[str, str]:
        """The variables that point Millrace, its function and its command at this cloud."""
        return {
            **self.principal.environ,
            "MILLRACE_OCI_ENDPOINT": self.url,
            "MILLRACE_DATABASE": f"sqlite:///{self.database}",
            "MILLRACE_TOPIC_ID": self.inbox.topic_id,
            "MILLRACE_STREAM_ID": self.stream.id,
            "MILLRACE_STREAM_NAME": self.stream.name,
            "MILLRACE_STREAM_POOL_ID": POOL_ID,
            "MILLRACE_KAFKA_BOOTSTRAP": f"{self.kafka.host}:{self.kafka.port}",
            "MILLRACE_KAFKA_USER": KAFKA_USER,
            "MILLRACE_KAFKA_TOKEN": self.kafka_token,
        }

    def put(self, metrics: Sequence[tuple[str | None, bytes]]) -> list[Message]:
        """Put events on the stream, each under its series' name; as many as there are."""
        kept: list[Message] = []
        waiting: list[tuple[bytes | None, bytes]] = []
        size = 0
        for series, data in metrics:
            key = None if series is None else series.encode()
            its_size = len(key or b"") + len(data)
            if waiting and size + its_size > MAX_PUT_BYTES:
                kept += self.stream.put(waiting)
                waiting, size = [], 0
            waiting.append((key, data))
            size += its_size
        return kept + (self.stream.put(waiting) if waiting else [])

    @property
    def notices(self) -> Sequence[Notice]:
        """What came into the inbox."""
        return tuple(self.inbox.notices)

    async def caught_up(self) -> None:
        """Return when every message that the stream now holds was answered by the function."""
        await self.connector.caught_up()

    async def swept(self) -> None:
        """Run the database's job now, and until no digest is due."""
        digests = -1
        while digests != self.sweeper.done.digests:
            digests = self.sweeper.done.digests
            await self.sweeper.run()


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[OciCloud]:
    """The pipeline for as long as the block runs; then all that was started is stopped."""
    parts = await Parts.made(options)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(parts.postman.running())
        node = await stack.enter_async_context(parts.peer.running())
        app = parts.application(node)
        address = await stack.enter_async_context(serving(app, sock=parts.socket))
        stack.push_async_callback(parts.functions.close)
        started = await stack.enter_async_context(
            function(parts.spec, parts.place, parts.environ(address.url))
        )
        parts.functions.add(started.spec.id, started)
        parts.crash = started.kill
        struck = StruckFunction(started, parts.injector)
        gateway = None if options.gateway is None else parts.gateway(options.gateway, struck)
        door = None if gateway is None else await stack.enter_async_context(serving(gateway))
        connector = Connector(parts.stream, struck, parts.limits, options.repeats)
        await stack.enter_async_context(connector.running())
        await stack.enter_async_context(parts.sweeper.running())
        yield OciCloud(
            address.url,
            parts.principal,
            parts.stream,
            connector,
            started,
            parts.inbox,
            parts.database,
            parts.streaming,
            parts.notifications,
            parts.postman,
            parts.vault,
            parts.sweeper,
            parts.injector,
            node,
            parts.kafka_token,
            None if door is None else door.url,
        )


class Started:
    """A local cloud in a thread of its own, for programs without an event loop."""

    def __init__(self, options: Options) -> None:
        """Start it and wait until it is up. Raises StartupError, ConfigurationError."""
        self._up: Future[tuple[OciCloud, asyncio.AbstractEventLoop]] = Future()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(options,), daemon=True)
        self._thread.start()
        self.cloud, self._loop = self._up.result()

    def put(self, metrics: Sequence[tuple[str | None, bytes]]) -> list[Message]:
        """Put events on the stream, each under its series' name."""
        return self.do(self._put(metrics))

    def caught_up(self, timeout_s: float | None = None) -> None:
        """Wait until the function has answered all that the stream now holds."""
        self.do(self.cloud.caught_up(), timeout_s)

    def swept(self, timeout_s: float | None = None) -> None:
        """Run the database's job now."""
        self.do(self.cloud.swept(), timeout_s)

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run any work of the cloud in its loop. Raises TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def stop(self) -> None:
        """Stop all that was started; safe to repeat."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._done.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    async def _put(self, metrics: Sequence[tuple[str | None, bytes]]) -> list[Message]:
        return self.cloud.put(metrics)

    def _run(self, options: Options) -> None:
        try:
            asyncio.run(self._serve(options))
        except BaseException as error:  # whoever waits for the start must hear of it
            if self._up.done():
                raise
            self._up.set_exception(error)

    async def _serve(self, options: Options) -> None:
        async with running(options) as cloud:
            self._up.set_result((cloud, asyncio.get_running_loop()))
            await self._done.wait()


def start(options: Options) -> Started:
    """The pipeline, up: use it in a `with`, or stop it."""
    return Started(options)
