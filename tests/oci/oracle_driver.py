"""A stand-in for python-oracledb's pool: strict about binds, recording, and running on SQLite.

It takes what the driver takes and refuses what the driver and the database would refuse about
binds: a missing one, one too many, a datetime, text or bytes under a type that is not theirs.
The statements are run by SQLite, with Oracle's words for the few differences replaced. What Oracle
itself would say of a statement is not tried here, but by its parsers and a real database.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import oracledb
from millrace.anomaly.oracle import BIND_TYPES, MARKS, READ_ONLY, SWEEP
from millrace.anomaly.session import PURGED_AT_ONCE
from millrace.anomaly.sqlite import SqliteDatabase

_NAME = re.compile(r"(?<!['\w]):(\w+)")
_KINDS: dict[Any, tuple[type, ...]] = {
    oracledb.DB_TYPE_BINARY_DOUBLE: (float, int),
    oracledb.DB_TYPE_NUMBER: (float, int),
    oracledb.DB_TYPE_TIMESTAMP: (datetime,),
    oracledb.DB_TYPE_CLOB: (str,),
    oracledb.DB_TYPE_BLOB: (bytes,),
}


class Detail:
    """What the driver's errors hold."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.full_code = f"ORA-{code:05}"
        self.message = f"{self.full_code}: password=hunter2 at 10.0.0.1"


def error(code: int, kind: type[Exception] = oracledb.DatabaseError) -> Exception:
    """An error as the driver raises it; its text holds what no log may."""
    return kind(Detail(code))


class Pool:
    """One connection, again and again. `failures` raises before the statements that it matches."""

    def __init__(self, path: str) -> None:
        self.database = SqliteDatabase(path)
        self.statements: list[tuple[str, object]] = []
        self.failures: list[tuple[str, Exception]] = []
        self.acquired = 0

    def acquire(self) -> Connection:
        self.acquired += 1
        self.fail("acquire")
        return Connection(self)

    def fail(self, statement: str) -> None:
        """Raise what is due at a statement, once."""
        for number, (part, problem) in enumerate(self.failures):
            if part in statement:
                del self.failures[number]
                raise problem


class Connection:
    """A connection: a transaction begins with its first statement."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.sqlite = pool.database.connection

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        # Back to the pool, which rolls back what is left open.
        if self.sqlite.in_transaction:
            self.sqlite.rollback()

    def cursor(self) -> Cursor:
        return Cursor(self)

    def commit(self) -> None:
        self.pool.fail("commit")
        self.sqlite.commit()
        self.pool.fail("answer of the commit")

    def rollback(self) -> None:
        self.pool.fail("rollback")
        self.sqlite.rollback()


class Cursor:
    """What the store uses of a cursor."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.types: dict[str, Any] = {}
        self.outputtypehandler: object = None
        self.arraysize = 100
        self._cursor = connection.sqlite.cursor()

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self._cursor.close()

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def setinputsizes(self, **types: object) -> None:
        self.types = types

    def var(self, kind: object, **_: object) -> Var:
        return Var()

    def execute(self, statement: str, binds: Mapping[str, Any] | None = None) -> None:
        pool = self.connection.pool
        if statement == READ_ONLY:
            self.connection.sqlite.execute("BEGIN")
            return
        assert binds is not None
        pool.statements.append((statement, binds))
        pool.fail(statement)
        if statement == SWEEP:
            _sweep(pool, binds)
            return
        self._run(statement, [self._checked(statement, binds)])

    def executemany(self, statement: str, binds: Sequence[Mapping[str, Any]]) -> None:
        pool = self.connection.pool
        pool.statements.append((statement, binds))
        pool.fail(statement)
        self._run(statement, [self._checked(statement, one) for one in binds])

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [self._row(row) for row in self._cursor.fetchall()]

    def fetchmany(self, most: int) -> list[tuple[Any, ...]]:
        return [self._row(row) for row in self._cursor.fetchmany(most)]

    def _run(self, statement: str, binds: list[dict[str, Any]]) -> None:
        if not self.connection.sqlite.in_transaction:
            self.connection.sqlite.execute("BEGIN IMMEDIATE")
        try:
            for one in binds:
                self._cursor.execute(_translated(statement), one)
        except sqlite3.IntegrityError as problem:
            raise error(1, oracledb.IntegrityError) from problem

    def _checked(self, statement: str, binds: Mapping[str, Any]) -> dict[str, Any]:
        named = set(_NAME.findall(statement))
        assert named == set(binds), f"binds {set(binds) ^ named} of {statement}"
        assert set(self.types) <= named, f"types of no bind: {set(self.types) - named}"
        for name, value in binds.items():
            if name in BIND_TYPES:
                kinds = _KINDS[self.types[name]]
                assert value is None or isinstance(value, kinds), f"{name} is {value!r}"
            else:
                assert value is None or isinstance(value, str | int), f"{name} is {value!r}"
        return {name: _stored(value) for name, value in binds.items()}

    def _row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        columns = [column[0] for column in self._cursor.description]
        return tuple(
            datetime.fromisoformat(value).replace(tzinfo=None)
            if column.endswith("_time") and value is not None
            else value
            for column, value in zip(columns, row, strict=True)
        )


class Var:
    """An out bind."""

    def __init__(self) -> None:
        self.value: object = None

    def getvalue(self) -> object:
        return self.value


def _sweep(pool: Pool, out: Mapping[str, Var]) -> None:
    swept = pool.database.sweep()
    names = ("found", "strange", "alerts", "ran")
    for name, value in zip(names, swept, strict=True):
        out[name].value = int(value)


def _translated(statement: str) -> str:
    table = "(SELECT value AS name FROM json_each(:listed)) j"
    limit = f"LIMIT {PURGED_AT_ONCE}"
    for words, ours in (
        *((MARKS["listed"], table), (MARKS["some"], limit)),
        *((MARKS["locked"], ""), (MARKS["held"], "")),
    ):
        statement = statement.replace(words, ours)
    assert "JSON_TABLE" not in statement
    return statement


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        assert value.tzinfo is None, "a TIMESTAMP column has no zone"
        return value.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
