"""The database behind the page: a desk a thread, opened when it is first needed and again when its
file was replaced."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from millrace import database
from millrace.anomaly.desk import Desk
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.errors import NotDeployed

T = TypeVar("T")
# One that waits for a lock, or for a slow query, holds up nobody else.
THREADS = 2


class SqliteDesks:
    """A file of SQLite, which need not be there yet: it is not made here."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._opened = threading.local()

    @property
    def name(self) -> str:
        """What the page calls it."""
        return f"SQLite · {self._path.name}"

    def desk(self) -> Desk:
        """This thread's desk. Raises NotDeployed while there is no file."""
        try:
            status = self._path.stat()
        except OSError as error:
            message = f"There is no database at {self._path} yet: {error.strerror}"
            raise NotDeployed("no-database", message) from error
        identity = (status.st_dev, status.st_ino)
        if getattr(self._opened, "identity", None) != identity:
            self._reopen()
            self._opened.identity = identity
        desk: Desk = self._opened.desk
        return desk

    def _reopen(self) -> None:
        before: SqliteDatabase | None = getattr(self._opened, "database", None)
        self._opened.identity = None
        if before is not None:
            before.close()
        self._opened.database = SqliteDatabase(self._path)
        self._opened.desk = Desk(self._opened.database)


class OracleDesks:
    """A schema in an Oracle Database: one desk over its pool serves all threads."""

    def __init__(self, service: database.OracleService, open_pool: Callable[[], Any]) -> None:
        self._service = service
        self._open_pool = open_pool
        self._desk: Desk | None = None
        self._opening = threading.Lock()

    @property
    def name(self) -> str:
        """What the page calls it; where it is stands on no page."""
        return f"Oracle · {self._service.user}"

    def desk(self) -> Desk:
        """The desk. Raises ConfigurationError, Unavailable."""
        with self._opening:
            if self._desk is None:
                from millrace.anomaly.oracle import OracleDatabase

                self._desk = Desk(OracleDatabase(self._open_pool()))
            return self._desk


class Clerks:
    """Threads that ask the desk, beside the loop that serves the page."""

    def __init__(self, desks: SqliteDesks | OracleDesks) -> None:
        self.name = desks.name
        self._desks = desks
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")

    async def ask(self, work: Callable[[Desk], T]) -> T:
        """What the work finds at the desk."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(self._desks.desk()))

    def close(self) -> None:
        """Wait for what is under way, and take no more."""
        self._threads.shutdown()


def desks_of(environ: Mapping[str, str]) -> SqliteDesks | OracleDesks:
    """What MILLRACE_DATABASE names; nothing is opened yet. Raises ConfigurationError."""
    target = database.named(environ)
    if isinstance(target, database.SqliteFile):
        return SqliteDesks(target.path)
    return OracleDesks(target, lambda: database.oracle_pool(target, environ))
