"""The pipeline's tables in a file of SQLite: the twin of the Oracle Database for one machine."""

from __future__ import annotations

import math
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from millrace.anomaly.instants import iso_ms, ms_of
from millrace.anomaly.session import PURGED_AT_ONCE, Binds
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.store import Swept
from millrace.anomaly.sweep_text import ALERTS, ROWS, SETTLE, STRANGE, steps
from millrace.errors import ConfigurationError, Unavailable, WriteConflict

_BUSY_S = 10.0
# Columns that came after the first version of the tables (V005 and V007 of oci-fn/sql).
_ADDED = (
    ("raw_events", "expected", "REAL"),
    ("raw_events", "low_value", "REAL"),
    ("raw_events", "high_value", "REAL"),
    ("raw_events", "rate", "REAL"),
    ("raw_events", "view_name", "TEXT"),
    ("quarantine", "source_key", "TEXT"),
    ("sweep_settings", "future_s", "REAL NOT NULL DEFAULT 86400 CHECK (future_s >= 0)"),
)
# With that of V007: series that a wrong clock had blinded begin anew.
_UNBLIND = "DELETE FROM sweep_state WHERE last_s > strftime('%s', 'now') + 86400"
_TAKEN = {"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"}
_MARKS = {
    "listed": "(SELECT value AS name FROM json_each(:listed))",
    "locked": "",
    "held": "",
    "some": f"LIMIT {PURGED_AT_ONCE}",
}


def store(path: Path | str) -> SqlStore:
    """The store in a file, which is made where there is none. Raises Unavailable."""
    return SqlStore(SqliteDatabase(path))


class SqliteDatabase:
    """One connection, which threads take in turns. A transaction begins with the write lock."""

    def __init__(self, path: Path | str) -> None:
        self._turn = threading.RLock()
        with _ours(str(path)):
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            for name, function in (
                ("epoch_s", _epoch_s),
                ("epoch_time", _epoch_time),
                ("shown_number", _shown_number),
                ("exp", math.exp),
                ("sqrt", math.sqrt),
            ):
                self._connection.create_function(name, 1, function, deterministic=True)
            schema = files("millrace.anomaly").joinpath("sql/sqlite.sql")
            self._connection.executescript(schema.read_text(encoding="utf-8"))
            _add_columns(self._connection)
            _renew_views(self._connection)
        self._path = str(path)

    @property
    def connection(self) -> sqlite3.Connection:
        """For those who read the tables themselves."""
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[SqliteSession]:
        """Committed at the end of the block, rolled back when it raises."""
        with self._turn, _ours(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteSession(self._connection)
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    @contextmanager
    def reading(self) -> Iterator[SqliteSession]:
        """A snapshot, beside whoever writes through another connection."""
        with self._turn, _ours(self._path):
            self._connection.execute("BEGIN")
            try:
                yield SqliteSession(self._connection)
            finally:
                self._connection.rollback()

    def sweep(self) -> Swept:
        """One transaction, which nobody else can be in: passes until one finds nothing."""
        total: Counter[str] = Counter()
        with self.transaction() as session:
            while True:
                done = Counter[str]()
                for step in steps():
                    done[step.label] += session.run(step.text, {})
                total += done
                if not done[ROWS]:
                    break
            found = (total[ROWS] + total[SETTLE], total[STRANGE], total[ALERTS])
            session.run(
                "INSERT INTO sweep_runs (rows_judged, strange, alerts, outcome)"
                " VALUES (:found, :strange, :alerts, 'done')",
                dict(zip(("found", "strange", "alerts"), found, strict=True)),
            )
        return Swept(*found)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class SqliteSession:
    """The connection in a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, binds: Binds) -> int:
        """Run a statement; how many rows it changed."""
        return self._connection.execute(_filled(statement), dict(binds)).rowcount

    def many(self, statement: str, binds: Sequence[Binds]) -> None:
        """Run a statement once for each set of binds."""
        if binds:
            self._connection.executemany(_filled(statement), binds)

    def rows(self, statement: str, binds: Binds, most: int | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query, or the first ones."""
        cursor = self._connection.execute(_filled(statement), dict(binds))
        return cursor.fetchall() if most is None else cursor.fetchmany(most)

    def moment(self, time_ms: int | None) -> str | None:
        """ISO 8601, which sorts by time."""
        return None if time_ms is None else iso_ms(time_ms)

    def ms(self, moment: str | None) -> int | None:
        """Milliseconds since the epoch; None for a text that is no time."""
        seconds = _epoch_s(moment)
        return None if seconds is None else round(seconds * 1000)


def _add_columns(connection: sqlite3.Connection) -> None:
    """What a file of an earlier version lacks."""
    for table, column, kind in _ADDED:
        if column not in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
            if column == "future_s":
                connection.execute(_UNBLIND)


def _renew_views(connection: sqlite3.Connection) -> None:
    """The views as they stand in views.sql. A file that has them is not written to."""
    text = files("millrace.anomaly").joinpath("sql/views.sql").read_text(encoding="utf-8")
    wanted = {one.split()[2]: one for one in re.findall(r"^CREATE VIEW [^;]+", text, re.M)}
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
    stale = [name for name, sql in wanted.items() if made.get(name) != sql]
    if stale:
        renewed = [f"DROP VIEW IF EXISTS {name}; {wanted[name]};" for name in stale]
        connection.executescript("\n".join(["BEGIN IMMEDIATE;", *renewed, "COMMIT;"]))


def _filled(statement: str) -> str:
    return Template(statement).substitute(_MARKS) if "$" in statement else statement


@contextmanager
def _ours(path: str) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorname not in _TAKEN:
            raise ConfigurationError(f"The tables of {path} do not take a row: {error}") from error
        raise WriteConflict(
            f"Somebody else wrote to {path} what we were about to: {error}"
        ) from error
    except sqlite3.OperationalError as error:
        if "no such" in str(error) or "unable to open" in str(error):
            message = f"{path} cannot be used as a database: {error}; name another file"
            raise ConfigurationError(message) from error
        raise Unavailable(f"Cannot use the database {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        message = f"{path} cannot be read as a database: {error}; name another file"
        raise ConfigurationError(message) from error


def _epoch_s(moment: object) -> float | None:
    try:
        return ms_of(datetime.fromisoformat(moment)) / 1000  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _epoch_time(seconds: float | None) -> str | None:
    return None if seconds is None else iso_ms(round(seconds * 1000))


def _shown_number(number: float | None) -> str | None:
    return None if number is None else f"{number:.4g}"
