"""The pipeline's tables in an Oracle Database, through python-oracledb in its thin mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from string import Template
from typing import Any

import oracledb

from millrace.anomaly.instants import moment_of, ms_of
from millrace.anomaly.session import PURGED_AT_ONCE, Binds
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.store import Swept
from millrace.errors import ConfigurationError, MillraceError, Unavailable, WriteConflict

MARKS = {
    "listed": "JSON_TABLE(:listed, '$[*]' COLUMNS (name VARCHAR2(1024) PATH '$')) j",
    "locked": "FOR UPDATE OF s.series WAIT 15",
    "held": "FOR UPDATE WAIT 15",
    "some": f"FETCH FIRST {PURGED_AT_ONCE} ROWS ONLY",
}
READ_ONLY = "SET TRANSACTION READ ONLY"
SWEEP = "BEGIN millrace_anomaly.sweep(:found, :strange, :alerts, :ran); END;"

# What the driver would guess from the first row's value, and get wrong where that is null, where
# a time has a fraction, or where a text is long.
_DOUBLE = (
    "sensitivity",
    "score",
    "expected",
    "low_value",
    "high_value",
    "peak_score",
    "peak_value",
    "last_value",
    "rate",
)
_TIME = (
    *("event_time", "now_time", "before_time", "after_time"),
    *("start_time", "end_time", "peak_time"),
)
_NUMBER = ("metric_value", "feature1", "feature2", "source_offset", "newest_ms", "muted_until_ms")
BIND_TYPES: dict[str, Any] = {
    **dict.fromkeys(_DOUBLE, oracledb.DB_TYPE_BINARY_DOUBLE),
    **dict.fromkeys(_TIME, oracledb.DB_TYPE_TIMESTAMP),
    **dict.fromkeys(_NUMBER, oracledb.DB_TYPE_NUMBER),
    **dict.fromkeys(("listed", "payload", "body"), oracledb.DB_TYPE_CLOB),
    "detector": oracledb.DB_TYPE_BLOB,
}

_MOST_A_TRIP = 2000

_CONFLICTS = {1}
# The tables are not there, or not ours, or the user is not let in: a person must look.
_HOPELESS = {900, 904, 942, 1017, 1031, 2290, 4043, 6550, 28000, 28001}


def store(pool: Any) -> SqlStore:  # noqa: ANN401  the driver's pool, or one like it
    """The store over a pool of connections."""
    return SqlStore(OracleDatabase(pool))


class OracleDatabase:
    """A schema that has the tables of oci-fn/sql."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401
        self._pool = pool

    @contextmanager
    def transaction(self) -> Iterator[OracleSession]:
        """Committed at the end of the block, rolled back when it raises."""
        with _ours(), self._pool.acquire() as connection:
            try:
                yield OracleSession(connection)
            except BaseException:
                _rolled_back(connection)
                raise
            connection.commit()

    @contextmanager
    def reading(self) -> Iterator[OracleSession]:
        """Reads of one moment."""
        with _ours(), self._pool.acquire() as connection:
            with connection.cursor() as cursor:
                cursor.execute(READ_ONLY)
            try:
                yield OracleSession(connection)
            finally:
                _rolled_back(connection)

    def sweep(self) -> Swept:
        """Run the package's sweep, which commits by itself."""
        with _ours(), self._pool.acquire() as connection, connection.cursor() as cursor:
            out = {name: cursor.var(int) for name in ("found", "strange", "alerts", "ran")}
            cursor.execute(SWEEP, out)
            found, strange, alerts, ran = (int(var.getvalue()) for var in out.values())
        return Swept(found, strange, alerts, bool(ran))


class OracleSession:
    """A connection in a transaction."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401
        self._connection = connection

    def run(self, statement: str, binds: Binds) -> int:
        """Run a statement; how many rows it changed."""
        with self._connection.cursor() as cursor:
            _typed(cursor, binds)
            cursor.execute(filled(statement), dict(binds))
            return int(cursor.rowcount)

    def many(self, statement: str, binds: Sequence[Binds]) -> None:
        """Run a statement once for each set of binds, in one call."""
        if binds:
            with self._connection.cursor() as cursor:
                _typed(cursor, binds[0])
                cursor.executemany(filled(statement), [dict(one) for one in binds])

    def rows(self, statement: str, binds: Binds, most: int | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query, or the first ones."""
        with self._connection.cursor() as cursor:
            cursor.outputtypehandler = _whole_lobs
            # The driver asks for 100 rows at a time; a chart has a hundred thousand.
            cursor.arraysize = min(max(most or 0, cursor.arraysize), _MOST_A_TRIP)
            _typed(cursor, binds)
            cursor.execute(filled(statement), dict(binds))
            return list(cursor.fetchall() if most is None else cursor.fetchmany(most))

    def moment(self, time_ms: int | None) -> datetime | None:
        """A datetime in UTC, without a zone as the columns are."""
        return None if time_ms is None else moment_of(time_ms)

    def ms(self, moment: datetime | None) -> int | None:
        """Milliseconds since the epoch."""
        return None if moment is None else ms_of(moment)


def filled(statement: str) -> str:
    """The statement in Oracle's words."""
    return Template(statement).substitute(MARKS) if "$" in statement else statement


def _typed(cursor: Any, binds: Binds) -> None:  # noqa: ANN401
    types = {name: BIND_TYPES[name] for name in binds if name in BIND_TYPES}
    if types:
        cursor.setinputsizes(**types)


def _whole_lobs(cursor: Any, metadata: Any) -> Any:  # noqa: ANN401
    """Large objects come with their row: a state has a few KB."""
    whole = {
        oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW,
        oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG,
    }.get(metadata.type_code)
    return None if whole is None else cursor.var(whole, arraysize=cursor.arraysize)


def _rolled_back(connection: Any) -> None:  # noqa: ANN401
    try:
        connection.rollback()
    except oracledb.Error:
        # The connection is gone, and its transaction with it. What went wrong before counts.
        return


@contextmanager
def _ours() -> Iterator[None]:
    """The driver's errors as ours. Their own texts can hold values and addresses: codes only."""
    try:
        yield
    except oracledb.Error as error:
        raise problem(error) from None
    except OSError as error:  # a name that is not resolved, a handshake that fails: not wrapped
        message = f"The database cannot be reached: {type(error).__name__} {error.errno}"
        raise Unavailable(message) from None


def problem(error: Exception) -> MillraceError:
    """What an error of the driver means for a batch."""
    (detail,) = error.args[:1] or (None,)
    number = getattr(detail, "code", 0)
    name = getattr(detail, "full_code", "") or type(error).__name__
    if number in _CONFLICTS:
        return WriteConflict(f"Somebody else wrote to the database what we were about to: {name}")
    if number in _HOPELESS:
        return ConfigurationError(
            f"The database refuses: {name}; run the migrations of oci-fn/sql with this user, and"
            " look at its grants and password"
        )
    return Unavailable(f"The database does not do it for now: {name}")
