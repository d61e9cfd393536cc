"""The database that anomaly commands work on: --database, or MILLRACE_DATABASE."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from millrace import database
from millrace.anomaly.desk import Desk
from millrace.anomaly.service import database_of
from millrace.anomaly.sql_store import Database
from millrace.errors import ConfigurationError

from cli.commands import surroundings

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="sqlite:///FILE or oracle://USER@DSN (MILLRACE_DATABASE; sqlite:///millrace.db by"
        " default). Its password has its own place: MILLRACE_DATABASE_PASSWORD, or the Vault.",
        rich_help_panel="Where",
    ),
]
WhoOption = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who says so; the name of this login by default."),
]


def environment(ctx: typer.Context, url: str | None) -> Mapping[str, str]:
    """The environment, with the database that the option names."""
    found = dict(surroundings(ctx).environment)
    if url is not None:
        found["MILLRACE_DATABASE"] = url
    return found


def place_name(environ: Mapping[str, str]) -> str:
    """The database in words; there is never a password in it."""
    target = database.named(environ)
    if isinstance(target, database.SqliteFile):
        return f"sqlite:///{target.path}"
    return f"oracle://{target.user}@{target.dsn}"


def opened(ctx: typer.Context, url: str | None, *, make: bool = False) -> Database:
    """The database; with `make`, a file that is not there yet is made.

    Raises ConfigurationError, Unavailable.
    """
    environ = environment(ctx, url)
    target = database.named(environ)
    if isinstance(target, database.SqliteFile) and not make and not Path(target.path).is_file():
        raise ConfigurationError(
            f"There is no database {target.path}: name one with --database sqlite:///FILE or"
            " oracle://USER@DSN, or set MILLRACE_DATABASE (scripts/demo --keep says how to read in"
            " its own; millrace anomalies backfill makes one)."
        )
    return database_of(environ)


def desk(ctx: typer.Context, url: str | None) -> Desk:
    """The operator's desk over the database."""
    return Desk(opened(ctx, url))


def who(given: str | None) -> str:
    """Who says something: as given, or the login."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user of that number
        return "operator"
