"""The database that the environment names: where it is, and Oracle's pool, once a process.

MILLRACE_DATABASE is ``sqlite:///path`` (``sqlite:////absolute/path``) or ``oracle://USER@DSN``,
where the DSN is a name of tnsnames.ora, ``host:port/service`` or a whole descriptor. A password
has no place in it. It comes from a secret of the Vault, MILLRACE_DATABASE_SECRET_ID, or from
MILLRACE_DATABASE_PASSWORD on a machine of one's own.

A wallet is a folder, MILLRACE_WALLET, or its zip in a secret, MILLRACE_WALLET_SECRET_ID; its
password is in the secret MILLRACE_WALLET_PASSWORD_SECRET_ID. Without one the connection is by TLS
alone, as the database is set.
"""

from __future__ import annotations

import atexit
import io
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from millrace import oci
from millrace.errors import ConfigurationError

DEFAULT = "sqlite:///millrace.db"
# Two at a time are enough: a function handles one invocation after the other.
_MOST_CONNECTIONS = 2
_CALL_TIMEOUT_MS = 20_000
_MOST_WALLET_BYTES = 10_000_000

IN_UTC = "ALTER SESSION SET TIME_ZONE = 'UTC'"

Secrets = Callable[[str], bytes]


class SqliteFile(NamedTuple):
    """A file of SQLite."""

    path: str


class OracleService(NamedTuple):
    """A user's schema in an Oracle Database."""

    user: str
    dsn: str


def named(environ: Mapping[str, str]) -> SqliteFile | OracleService:
    """What MILLRACE_DATABASE names. Raises ConfigurationError.

    >>> named({"MILLRACE_DATABASE": "sqlite:////var/lib/millrace.db"})
    SqliteFile(path='/var/lib/millrace.db')
    >>> named({"MILLRACE_DATABASE": "oracle://app@db.example.com:1521/FREEPDB1"})
    OracleService(user='app', dsn='db.example.com:1521/FREEPDB1')
    """
    url = environ.get("MILLRACE_DATABASE") or DEFAULT
    kind, _, rest = url.partition("://")
    if kind == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteFile(rest[1:])
    user, at, dsn = rest.partition("@")
    if kind == "oracle" and at and dsn and re.fullmatch(r"[^:/@]+", user):
        return OracleService(user, dsn)
    raise ConfigurationError(
        f"MILLRACE_DATABASE must be sqlite:///PATH or oracle://USER@DSN, without a password, but"
        f" begins with {kind[:20]!r}"
    )


def oracle_pool(
    service: OracleService, environ: Mapping[str, str], secrets: Secrets = oci.secret
) -> Any:  # noqa: ANN401  the driver's pool
    """A pool of connections. Raises ConfigurationError where there is no password, or no sense."""
    import oracledb

    options = wallet(environ, secrets)
    try:
        return oracledb.create_pool(
            user=service.user,
            password=_password(environ, secrets),
            dsn=service.dsn,
            min=0,
            max=_MOST_CONNECTIONS,
            increment=1,
            getmode=oracledb.POOL_GETMODE_TIMEDWAIT,
            wait_timeout=_CALL_TIMEOUT_MS,
            tcp_connect_timeout=5.0,
            retry_count=1,
            session_callback=_prepared,
            **options,
        )
    except oracledb.Error as error:
        # Nothing was connected yet: only what was given can be wrong. Its text may hold that.
        (detail,) = error.args[:1] or (None,)
        code = getattr(detail, "full_code", "") or type(error).__name__
        raise ConfigurationError(
            f"MILLRACE_DATABASE cannot be connected to as it is written: {code}; name"
            " host:port/service, a whole descriptor, or an alias of the wallet's tnsnames.ora"
        ) from None


def _prepared(connection: Any, _tag: object) -> None:  # noqa: ANN401
    """A new connection: no call hangs, and every time is UTC."""
    connection.call_timeout = _CALL_TIMEOUT_MS
    with connection.cursor() as cursor:
        cursor.execute(IN_UTC)


def _password(environ: Mapping[str, str], secrets: Secrets) -> str:
    secret_id = environ.get("MILLRACE_DATABASE_SECRET_ID")
    if secret_id:
        return secrets(secret_id).decode()
    password = environ.get("MILLRACE_DATABASE_PASSWORD")
    if password:
        return password
    raise ConfigurationError(
        "There is no password of the database: set MILLRACE_DATABASE_SECRET_ID to the OCID of a"
        " secret in the Vault, or MILLRACE_DATABASE_PASSWORD on a machine of your own"
    )


def wallet(environ: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """The driver's arguments for a wallet; none without one."""
    folder = environ.get("MILLRACE_WALLET")
    secret_id = environ.get("MILLRACE_WALLET_SECRET_ID")
    if secret_id:
        folder = _unpacked(secrets(secret_id))
    if not folder:
        return {}
    if not (Path(folder) / "tnsnames.ora").is_file():
        raise ConfigurationError(
            f"{folder} is no wallet: it holds no tnsnames.ora; unpack the database's wallet there"
        )
    arguments = {"config_dir": folder, "wallet_location": folder}
    password_id = environ.get("MILLRACE_WALLET_PASSWORD_SECRET_ID")
    if password_id:
        arguments["wallet_password"] = secrets(password_id).decode()
    return arguments


@cache
def _unpacked(content: bytes) -> str:
    """The files of a wallet, in a folder that only this process's user can read.

    The driver reads them again for each new connection, so they go when the process does; the same
    wallet, read again, has the same folder.
    """
    files = _files(content)
    folder = Path(tempfile.mkdtemp(prefix="wallet-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return str(folder)


def _files(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MOST_WALLET_BYTES:
                raise ConfigurationError("The wallet in the Vault is far too large to be one")
            # By their last names only, so that nothing is written elsewhere.
            return {
                name: archive.read(info)
                for info in archive.infolist()
                if (name := Path(info.filename).name)
            }
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # the last: it is encrypted
        raise ConfigurationError(
            "The secret MILLRACE_WALLET_SECRET_ID holds no zip that can be read: store the wallet"
            " as the console gives it, in base64"
        ) from error
