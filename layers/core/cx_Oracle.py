"""cx_Oracle's names and calls, over python-oracledb in its thin mode.

cx_Oracle is no longer maintained and needs Oracle's client libraries; code that was written for it
runs here unchanged in its database calls. What is mapped: positional user, password and dsn;
arguments that no longer mean anything (threaded, encoding, nencoding, handle); camel case
names; a pool that does not wait, as cx_Oracle's did not. Every other name is python-oracledb's own.
"""

from __future__ import annotations

from typing import Any

import oracledb

version = __version__ = "8.3.0"
apilevel, threadsafety, paramstyle = "2.0", 2, "named"
# What this is to those who look; the driver's own version is oracledb.__version__.
buildtime = "python-oracledb"

_DEAD = {"threaded", "encoding", "nencoding", "handle"}
_RENAMED = {
    "sessionCallback": "session_callback",
    "waitTimeout": "wait_timeout",
    "maxLifetimeSession": "max_lifetime_session",
    "maxSessionsPerShard": "max_sessions_per_shard",
    "externalAuth": "externalauth",
}


class Connection(oracledb.Connection):
    """A connection, made from cx_Oracle's arguments."""

    def __init__(
        self, user: str | None = None, password: str | None = None, dsn: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:  # fmt: skip
        super().__init__(**_arguments(user, password, dsn, options))

    @property
    def encoding(self) -> str:
        """Of texts in the database's character set; always this one."""
        return "UTF-8"

    nencoding = encoding

    @property
    def callTimeout(self) -> int:  # cx_Oracle's older name
        """Milliseconds that one call may take."""
        return int(self.call_timeout)

    @callTimeout.setter
    def callTimeout(self, timeout_ms: int) -> None:
        self.call_timeout = timeout_ms


def connect(
    user: str | None = None, password: str | None = None, dsn: str | None = None,
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401  # fmt: skip
    """A connection. One text by itself is a whole connect string, ``user/password@dsn``."""
    pool = options.pop("pool", None)
    if pool is not None:
        return pool.acquire()
    return Connection(user, password, dsn, **options)


def SessionPool(
    user: str | None = None, password: str | None = None, dsn: str | None = None,
    min: int = 1, max: int = 2, increment: int = 1,  # noqa: A002  cx_Oracle's names
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401  # fmt: skip
    """A pool. Unless told otherwise it does not wait for a connection when all are taken."""
    options.setdefault("getmode", oracledb.POOL_GETMODE_NOWAIT)
    options.setdefault("connectiontype", Connection)
    sizes = {"min": min, "max": max, "increment": increment}
    return oracledb.create_pool(**_arguments(user, password, dsn, options), **sizes)


def init_oracle_client(*_: object, **__: object) -> None:
    """Nothing: the thin mode needs no client libraries."""


def _arguments(
    user: str | None, password: str | None, dsn: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    named = {"user": user, "password": password, "dsn": dsn}
    if user is not None and password is None and dsn is None and "/" in user:
        named = {"dsn": user}
    alive = {
        _RENAMED.get(name, name): value for name, value in options.items() if name not in _DEAD
    }
    return {name: value for name, value in (named | alive).items() if value is not None}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Every type, constant and error of the driver, under its own name."""
    return getattr(oracledb, name)


__all__ = sorted({name for name in (*dir(oracledb), *globals()) if not name.startswith("_")})
