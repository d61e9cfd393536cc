"""The jobs of the database: a sweep and a delivery every so often, and a purge once a day.

DBMS_SCHEDULER runs them in Oracle; SQLite has no scheduler, so this is one. Rows that came in by
other ways than the function are judged, the next digest of the outbox goes to the topic, whoever
put its alerts there, and what came in more than 90 days ago is deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from millrace.anomaly import purging
from millrace.anomaly.delivery import deliver
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.errors import MillraceError

from localcloud.oci.notifications import Notifications
from localcloud.ports import Clock

_log = logging.getLogger(__name__)
_DAY_MS = 86_400_000


@dataclass(slots=True)
class Swept:
    """What the job did. `failures` are runs that a problem has ended; the next one tries again."""

    runs: int = 0
    rows: int = 0
    alerts: int = 0
    digests: int = 0
    purged: int = 0
    failures: int = 0


@dataclass(slots=True)
class Sweeper:
    """The job on one database; `every_s` is two minutes in the cloud."""

    database: Path
    notifications: Notifications
    topic_id: str
    clock: Clock
    every_s: float = 120.0
    done: Swept = field(default_factory=Swept)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _purge_ms: int = 0  # when the next purge is due

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Sweeper]:
        """Run the job by the clock for as long as the block runs; a bug of it ends the block."""
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self._for_ever())
                try:
                    yield self
                finally:
                    task.cancel()
        except BaseExceptionGroup as raised:
            if len(raised.exceptions) > 1:
                raise
            raise raised.exceptions[0] from None

    async def run(self) -> None:
        """Run the job once, now. Raises Unavailable where the database does not answer."""
        async with self._turn:
            topic = _Topic(self.notifications, self.topic_id, asyncio.get_running_loop())
            work = asyncio.ensure_future(asyncio.to_thread(self._job, topic))
            try:
                await asyncio.shield(work)
            finally:
                await asyncio.wait({work})  # whoever stops us must not leave the thread behind
                self.done.runs += 1

    async def _for_ever(self) -> None:
        while True:
            await self.clock.sleep(self.every_s)
            try:
                await self.run()
            except MillraceError as error:
                self.done.failures += 1
                _log.warning("The sweep ended early: %s", error)

    def _job(self, topic: _Topic) -> None:
        database = SqliteDatabase(self.database)
        try:
            store = SqlStore(database)
            swept = store.sweep()
            self.done.rows += swept.rows
            self.done.alerts += swept.alerts
            delivery = deliver(store, topic, self.clock.now_ms())
            self.done.digests += delivery is not None and delivery.problem is None
            self._purge(store)
        finally:
            database.close()

    def _purge(self, store: SqlStore) -> None:
        now_ms = self.clock.now_ms()
        if now_ms >= self._purge_ms:
            self.done.purged += store.purge(purging.before_ms(purging.KEEP_DAYS, now_ms)).events
            self._purge_ms = now_ms + _DAY_MS


@dataclass(frozen=True, slots=True)
class _Topic:
    """A topic for a thread beside the event loop; implements `delivery.Topic`."""

    notifications: Notifications
    topic_id: str
    loop: asyncio.AbstractEventLoop

    def publish(self, title: str, body: str) -> str:
        """The message's id. Raises OciError, which is a MillraceError, where it was refused."""
        return asyncio.run_coroutine_threadsafe(self._publish(title, body), self.loop).result()

    async def _publish(self, title: str, body: str) -> str:
        return self.notifications.publish(self.topic_id, title, body).message_id
