"""The views' text: the same in both databases, readable by every program, granted to a reader."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from millrace.anomaly import history_statements
from millrace.anomaly.desk import Desk
from millrace.anomaly.migrations import read_migrations
from millrace.anomaly.sqlite import SqliteDatabase
from sqlglot import exp

from tests.oci.stores import ROOT, STORES, Opened
from tests.oci.test_oracle_sql import RESERVED, tables
from tests.oci.watching import VIEWS, columns_of, fill

_BETWEEN = re.compile(
    r"EXTRACT\(DAY FROM \((\S+) - (\S+)\)\) \* 86400\s+"
    r"\+ EXTRACT\(HOUR FROM \(\1 - \2\)\) \* 3600\s+"
    r"\+ EXTRACT\(MINUTE FROM \(\1 - \2\)\) \* 60\s+"
    r"\+ EXTRACT\(SECOND FROM \(\1 - \2\)\)"
)


def translated(text: str) -> str:
    """Oracle's text in SQLite's words, with the functions that our connection has."""
    text = _BETWEEN.sub(r"(epoch_s(\1) - epoch_s(\2))", text)
    text = re.sub(
        r"SYS_EXTRACT_UTC\(SYSTIMESTAMP\) - INTERVAL '1' (DAY|HOUR)",
        r"strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 \1')",
        text,
    )
    text = text.replace("SYS_EXTRACT_UTC(SYSTIMESTAMP)", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
    text = text.replace("newest_ms / 1000", "newest_ms / 1000.0")
    text = text.replace("muted_until_ms / 1000", "muted_until_ms / 1000.0")
    return text.replace(
        "CAST(TRUNC(e.event_time, 'HH24') AS TIMESTAMP)",
        "strftime('%Y-%m-%dT%H:00:00.000Z', e.event_time)",
    )


@pytest.mark.parametrize("view", list(VIEWS))
def test_oracles_text_finds_the_same_rows(tmp_path: Path, view: str) -> None:
    opened = STORES["sqlite"](tmp_path)
    fill(opened)
    names = columns_of(view)
    theirs = opened.run(f"SELECT {', '.join(names)} FROM ({translated(VIEWS[view])})")
    ours = opened.run(f"SELECT {', '.join(names)} FROM {view}")
    assert len(ours) == len(theirs) > 0
    for one, other in zip(sorted(ours, key=repr), sorted(theirs, key=repr), strict=True):
        for name, a, b in zip(names, one, other, strict=True):
            if name == "behind_s" and a is not None:
                assert abs(a - b) < 60  # each looked at the clock for itself
            elif isinstance(a, float):
                assert math.isclose(a, b, rel_tol=1e-9, abs_tol=2e-3), name
            else:
                assert a == b, name


def test_both_databases_have_the_same_views_and_columns() -> None:
    connection = SqliteDatabase(":memory:").connection
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
    assert {name for (name,) in listed} - {"dual"} == VIEWS.keys()
    for view in VIEWS:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
        assert columns == columns_of(view)
        assert not {name for name in columns if name.upper() in RESERVED.split()}


@pytest.mark.parametrize("view", list(VIEWS))
def test_a_view_names_columns_that_are_there(view: str) -> None:
    tree = sqlglot.parse_one(VIEWS[view], dialect="oracle")
    made = tables()
    for scope in tree.find_all(exp.Select):
        for table in scope.find_all(exp.Table):
            assert table.name in made, table.name
            for column in scope.find_all(exp.Column):
                if column.table == table.alias_or_name:
                    assert column.name in made[table.name], f"{table.name}.{column.name}"


def test_every_program_can_read_the_views_of_a_file(tmp_path: Path) -> None:
    """Without any function of ours: a BI tool has none."""
    fill(STORES["sqlite"](tmp_path))
    plain = sqlite3.connect(f"file:{tmp_path / 'test.db'}?mode=ro", uri=True)
    for view in VIEWS:
        assert plain.execute(f"SELECT * FROM {view}").fetchall()
    plain.close()


def test_a_file_of_an_earlier_version_gets_columns_and_views(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    first = SqliteDatabase(path)
    for view in VIEWS:
        first.connection.execute(f"DROP VIEW {view}")
    first.connection.execute("CREATE VIEW v_points AS SELECT 1 AS one")
    for name in ("expected", "low_value", "high_value", "rate", "view_name"):
        first.connection.execute(f"ALTER TABLE raw_events DROP COLUMN {name}")
    first.connection.execute("ALTER TABLE quarantine DROP COLUMN source_key")
    first.close()
    again = SqliteDatabase(path)
    found = Opened(STORES["sqlite"](tmp_path).store, Desk(again), lambda text: [], again)
    assert found.desk.series() == []
    for view in VIEWS:
        again.connection.execute(f"SELECT * FROM {view}")
    version = again.connection.execute("PRAGMA schema_version").fetchone()
    third = SqliteDatabase(path)
    assert third.connection.execute("PRAGMA schema_version").fetchone() == version


# The reader.


def statements_of(name: str) -> Iterator[str]:
    text = (ROOT / "oci-fn/sql/admin" / name).read_text(encoding="utf-8")
    for statement in re.sub(r"^(--|ACCEPT|EXEC).*$", "", text, flags=re.M).split(";"):
        if statement.strip():
            yield " ".join(statement.split())


def test_the_reader_gets_every_view_and_nothing_else() -> None:
    granted = set()
    for statement in statements_of("create_reader.sql"):
        if match := re.fullmatch(r"GRANT READ ON millrace\.(\w+) TO millrace_reader", statement):
            granted.add(match[1])
        elif match := re.fullmatch(
            r"CREATE SYNONYM millrace_reader\.(\w+) FOR millrace\.(\w+)", statement
        ):
            assert match[1] == match[2]
            assert match[1] in granted
        else:
            assert statement in (
                'CREATE USER millrace_reader IDENTIFIED BY "&password"',
                "GRANT CREATE SESSION TO millrace_reader",
            )
    assert granted == VIEWS.keys()


def test_views_come_before_what_might_use_them() -> None:
    names = [one.name for one in read_migrations(ROOT / "oci-fn/sql")]
    assert names.index("R__10_functions") < names.index("R__15_views")


def plan_of(database: SqliteDatabase, sql: str, binds: dict[str, object]) -> str:
    """How SQLite would find the rows."""
    rows = database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", binds)
    return "\n".join(row[3] for row in rows)


def test_points_of_a_span_and_pages_of_history_are_found_by_an_index() -> None:
    database = SqliteDatabase(":memory:")
    span: dict[str, object] = {"series": "a", "after_time": "1", "after_id": "", "end_time": "2"}
    page = plan_of(database, history_statements.PAGE, span)
    assert "SEARCH raw_events USING INDEX raw_events_series (series=? AND event_time>?" in page
    points = plan_of(
        database,
        "SELECT judged_value FROM v_points WHERE series = :series AND event_time > :after_time",
        {"series": "a", "after_time": "1"},
    )
    assert "SEARCH e USING INDEX raw_events_series (series=? AND event_time>?)" in points
    assert "SCAN" not in points
