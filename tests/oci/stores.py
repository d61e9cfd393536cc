"""The stores that the contract test is held against.

SQLite, and Oracle's edge over a recording driver. Where MILLRACE_ORACLE_DSN names a database
(``USER@DSN``, its password in MILLRACE_DATABASE_PASSWORD), Oracle's edge over that as well: its
schema gets the migrations, and its tables are emptied before each test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from millrace import database
from millrace.anomaly.desk import Desk
from millrace.anomaly.migrations import migrate, read_migrations
from millrace.anomaly.oracle import OracleDatabase
from millrace.anomaly.sql_store import Database, SqlStore
from millrace.anomaly.sqlite import SqliteDatabase

from tests.oci.oracle_driver import Pool

ROOT = Path(__file__).parents[2]
TABLES = (
    "raw_events", "series_state", "series_settings", "alerts", "episodes", "outbox", "digests",
    "quarantine", "sweep_state", "sweep_runs", "redrives", "backfills",
)  # fmt: skip


class Opened(NamedTuple):
    """A store and its desk, and a way to run a statement beside them."""

    store: SqlStore
    desk: Desk
    run: Callable[[str], list[tuple[Any, ...]]]
    database: Database


def sqlite_store(folder: Path) -> Opened:
    """In a file."""
    kept = SqliteDatabase(folder / "test.db")
    return Opened(
        SqlStore(kept), Desk(kept), lambda text: kept.connection.execute(text).fetchall(), kept
    )


def recorded_store(folder: Path) -> Opened:
    """Oracle's edge over the recording driver."""
    pool = Pool(str(folder / "test.db"))
    connection = pool.database.connection
    database = OracleDatabase(pool)
    return Opened(
        SqlStore(database),
        Desk(database),
        lambda text: connection.execute(text).fetchall(),
        database,
    )


def oracle_store(folder: Path) -> Opened:
    """Oracle's edge over a real database."""
    named = {"MILLRACE_DATABASE": f"oracle://{os.environ['MILLRACE_ORACLE_DSN']}"}
    target = database.named(named)
    assert isinstance(target, database.OracleService)
    pool = database.oracle_pool(target, os.environ)
    with pool.acquire() as connection:
        migrate(connection, read_migrations(ROOT / "oci-fn/sql"))
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"DELETE FROM {table}")
        connection.commit()

    def run(text: str) -> list[tuple[Any, ...]]:
        with pool.acquire() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
            return list(rows)

    opened = OracleDatabase(pool)
    return Opened(SqlStore(opened), Desk(opened), run, opened)


STORES: dict[str, Callable[[Path], Opened]] = {
    "sqlite": sqlite_store,
    "recorded": recorded_store,
}
if "MILLRACE_ORACLE_DSN" in os.environ:
    STORES["oracle"] = oracle_store
