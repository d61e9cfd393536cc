"""The schema's migrations: numbered files, each statement run once, safe to run again.

A file ``V001__what.sql`` holds statements as SQL*Plus and SQLcl read them: plain ones end with a
semicolon at the end of a line, blocks of PL/SQL with a line ``/``. Each statement that was run is
noted in `schema_migrations`, so that a migration which failed goes on where it stopped. Something
that is there already, by hand or by the tutorial, is taken as it is. Files named ``R__`` are
repeatable (packages, triggers): they run again whenever their text changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from millrace.errors import ConfigurationError

_BLOCK = re.compile(
    r"(CREATE\s+(OR\s+REPLACE\s+)?(PACKAGE|TRIGGER|FUNCTION|PROCEDURE|TYPE)|DECLARE|BEGIN)\b", re.I
)
_NAME = re.compile(r"(V\d{3}|R)__(\w+)\.sql")
# Name in use, column there, index there, constraint there, key there, row there, job there; and
# an index that is to go is gone.
_THERE = {955, 1430, 1408, 2264, 2260, 2275, 1, 27477, 1418}

LEDGER = """
CREATE TABLE schema_migrations (
  migration VARCHAR2(200) NOT NULL,
  place NUMBER(5) NOT NULL,
  checksum VARCHAR2(64) NOT NULL,
  applied_time TIMESTAMP DEFAULT SYS_EXTRACT_UTC(SYSTIMESTAMP) NOT NULL,
  CONSTRAINT pk_schema_migrations PRIMARY KEY (migration, place)
)"""
APPLIED = "SELECT place, checksum FROM schema_migrations WHERE migration = :migration"
NOTE = """
INSERT INTO schema_migrations (migration, place, checksum) VALUES (:migration, :place, :checksum)"""
FORGET = "DELETE FROM schema_migrations WHERE migration = :migration"

# Where the database sends alerts by itself.
SET_TOPIC = """
MERGE INTO pipeline_settings s
USING (SELECT 'topic_ocid' AS name, :topic AS value FROM dual) g ON (s.name = g.name)
WHEN MATCHED THEN UPDATE SET s.value = g.value
WHEN NOT MATCHED THEN INSERT (name, value) VALUES (g.name, g.value)"""


class Migration(NamedTuple):
    """A file and its statements."""

    name: str
    statements: tuple[str, ...]

    @property
    def repeatable(self) -> bool:
        """Whether it runs again when it changes."""
        return self.name.startswith("R__")


def read_migrations(folder: Path) -> list[Migration]:
    """The migrations in a folder, numbered ones first. Raises ConfigurationError."""
    paths = sorted(folder.glob("*.sql"), key=lambda path: (path.name.startswith("R"), path.name))
    for path in paths:
        if not _NAME.fullmatch(path.name):
            raise ConfigurationError(
                f"{path} is no migration: name it V001__what.sql, or R__what.sql to run on changes"
            )
    if not paths:
        raise ConfigurationError(f"{folder} holds no migrations")
    return [Migration(p.stem, tuple(split(p.read_text(encoding="utf-8")))) for p in paths]


def split(text: str) -> Iterator[str]:
    """The statements of a script, without what ends them.

    >>> list(split("CREATE TABLE a (b NUMBER);\\nBEGIN\\n  c;\\nEND;\\n/\\n"))
    ['CREATE TABLE a (b NUMBER)', 'BEGIN\\n  c;\\nEND;']
    """
    lines: list[str] = []
    for line in text.splitlines():
        if not lines and (not line.strip() or line.startswith("--")):
            continue
        block = bool(lines) and _BLOCK.match(lines[0]) is not None
        if line.strip() == "/" and block:
            yield "\n".join(lines)
            lines = []
            continue
        lines.append(line)
        if not _BLOCK.match(lines[0]) and line.rstrip().endswith(";"):
            yield "\n".join(lines).rstrip().rstrip(";")
            lines = []
    if lines:
        raise ConfigurationError(f"a script ends within a statement: {lines[0]!r:.80}")


def migrate(connection: Any, migrations: Sequence[Migration]) -> list[str]:  # noqa: ANN401
    """Bring a schema up to date; which migrations did something. The driver's errors come through.

    `connection` is one of python-oracledb. DDL commits by itself, so each statement is noted at
    once.
    """
    with connection.cursor() as cursor:
        _run(cursor, LEDGER)
        done = [one.name for one in migrations if _applied(cursor, one, connection)]
        connection.commit()
    return done


def _applied(cursor: Any, migration: Migration, connection: Any) -> bool:  # noqa: ANN401
    cursor.execute(APPLIED, {"migration": migration.name})
    known = {int(place): checksum for place, checksum in cursor.fetchall()}
    wanted = {place: _checksum(text) for place, text in enumerate(migration.statements)}
    if migration.repeatable and known != wanted:
        cursor.execute(FORGET, {"migration": migration.name})
        known = {}
    for place, text in enumerate(migration.statements):
        if place in known:
            if known[place] != wanted[place]:
                raise ConfigurationError(
                    f"{migration.name} was changed after it had run: write a new migration"
                )
            continue
        _run(cursor, text)
        binds = {"migration": migration.name, "place": place, "checksum": wanted[place]}
        cursor.execute(NOTE, binds)
        connection.commit()
    return known != wanted


def _run(cursor: Any, statement: str) -> None:  # noqa: ANN401
    try:
        cursor.execute(statement)
    except Exception as error:  # any driver's error: what is there already is as it should be
        (detail,) = error.args[:1] or (None,)
        if getattr(detail, "code", None) not in _THERE:
            raise


def _checksum(text: str) -> str:
    return sha256(text.encode()).hexdigest()
