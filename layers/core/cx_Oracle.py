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

# The order of the arguments, which cx_Oracle took by position as well.
_CONNECT = (
    "user", "password", "dsn", "mode", "handle", "pool", "threaded", "events", "cclass", "purity",
    "newpassword", "encoding", "nencoding", "edition", "appcontext", "tag", "matchanytag",
)  # fmt: skip
_POOL = (
    "user", "password", "dsn", "min", "max", "increment", "connectiontype", "threaded", "getmode",
    "events", "homogeneous", "externalauth", "encoding", "nencoding", "edition", "timeout",
    "waitTimeout", "maxLifetimeSession", "sessionCallback", "maxSessionsPerShard",
)  # fmt: skip
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

    def __init__(self, *positional: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**_arguments(_CONNECT, positional, options))

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


def connect(*positional: Any, **options: Any) -> Any:  # noqa: ANN401
    """A connection. One text by itself is a whole connect string, ``user/password@dsn``."""
    named = _arguments(_CONNECT, positional, options)
    pool = named.pop("pool", None)
    if pool is not None:
        return pool.acquire()
    # By the driver's own function, as whoever replaces or records that one expects.
    made = oracledb.connect(**named)
    if type(made) is oracledb.Connection:
        made.__class__ = Connection
    return made


def SessionPool(*positional: Any, **options: Any) -> Any:  # noqa: ANN401  cx_Oracle's name
    """A pool. Unless told otherwise it does not wait for a connection when all are taken."""
    usual = {"getmode": oracledb.POOL_GETMODE_NOWAIT, "connectiontype": Connection}
    return oracledb.create_pool(**(usual | _arguments(_POOL, positional, options)))


def clientversion() -> tuple[int, ...]:
    """The driver's own version, for there is no client: five numbers, as Oracle's has."""
    numbers = [int(part) for part in oracledb.__version__.split(".") if part.isdigit()]
    return (*numbers, 0, 0, 0, 0, 0)[:5]


def init_oracle_client(*_: object, **__: object) -> None:
    """Nothing: the thin mode needs no client libraries."""


def _arguments(
    order: tuple[str, ...], positional: tuple[Any, ...], options: dict[str, Any]
) -> dict[str, Any]:
    if len(positional) > len(order):
        raise TypeError(f"at most {len(order)} arguments are taken by position: {', '.join(order)}")
    named = dict(zip(order, positional, strict=False))
    if twice := named.keys() & options.keys():
        raise TypeError(f"given by position and by name: {', '.join(sorted(twice))}")
    named |= options
    user = named.get("user")
    if isinstance(user, str) and "/" in user and not (named.keys() & {"password", "dsn"}):
        named["dsn"] = named.pop("user")
    return {
        _RENAMED.get(name, name): value
        for name, value in named.items()
        if name not in _DEAD and value is not None
    }


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Every type, constant and error of the driver, under its own name."""
    return getattr(oracledb, name)


__all__ = sorted({name for name in (*dir(oracledb), *globals()) if not name.startswith("_")})
