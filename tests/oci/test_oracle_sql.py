"""All Oracle SQL is parsed on every run, for no Oracle Database runs where the tests do.

Statements with named binds by sqlglot, PL/SQL and DDL by sqlfluff; the sweep's statements stand in
the package word for word as SQLite runs them. What a parser accepts can still be refused by a
database: the contract tests run against one where MILLRACE_ORACLE_DSN names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
import sqlglot
from millrace import database
from millrace.anomaly import (
    history_statements,
    migrations,
    oracle,
    purge_statements,
    statements,
)
from millrace.anomaly.migrations import read_migrations, split
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.anomaly.sweep_text import steps
from millrace.errors import ConfigurationError
from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.linter.common import ParsedString
from sqlglot import exp

from tests.oci.stores import ROOT

MIGRATIONS = read_migrations(ROOT / "oci-fn/sql")
LINTER = Linter(config=FluffConfig(overrides={"dialect": "oracle"}))
# Valid in Oracle, and taken by sqlglot, but not by sqlfluff.
_TUPLE_UPDATE = re.compile(r"^\s*UPDATE \w+\s+SET \(", re.M)
_EXPRESSION_INDEX = re.compile(r"CREATE INDEX \w+ ON \w+ \((CASE .* END)\)")


def edge_statements() -> Iterator[tuple[str, str]]:
    """Every statement of the edge, in Oracle's words."""
    for module in (statements, history_statements, purge_statements, migrations):
        for name, value in vars(module).items():
            texts = value if isinstance(value, tuple) else (value,)
            for number, text in enumerate(texts):
                if name.isupper() and isinstance(text, str):
                    yield f"{name}-{number}", oracle.filled(text).strip()


EDGE = dict(edge_statements())
DDL = [(m.name, text) for m in MIGRATIONS for text in m.statements]


@cache
def tree_of(text: str) -> ParsedString:
    """What sqlfluff makes of a statement; the package takes it seconds."""
    end = "\n/\n" if text.rstrip().endswith(";") else ";\n"
    return LINTER.parse_string(text + end)


def parsed(text: str) -> list[str]:
    """What sqlfluff finds wrong."""
    return [violation.desc() for violation in tree_of(text).violations]


def for_update(text: str) -> str:
    """Without the wait of FOR UPDATE, which sqlglot takes only in part."""
    return re.sub(r"FOR UPDATE( OF [\w.]+)? WAIT \d+$", "FOR UPDATE", text)


def test_there_is_something_to_parse() -> None:
    assert len(EDGE) > 25
    assert len(DDL) > 45


@pytest.mark.parametrize("name", list(EDGE))
def test_a_statement_of_the_edge_is_oracles(name: str) -> None:
    text = EDGE[name]
    assert sqlglot.parse(for_update(text), dialect="oracle")
    assert "$" not in text.replace("'$", "'")
    # Positions are for the driver's convenience only: every bind has a name.
    assert not re.search(r":\d", text)
    assert parsed(text) == []


def tables() -> dict[str, set[str]]:
    """The columns of each table that the migrations make, SQLite's twin beside them."""
    found: dict[str, set[str]] = {}
    for _, text in DDL:
        made = re.match(r"CREATE (?:GLOBAL TEMPORARY )?TABLE (\w+) \((.*)\)", text, re.S)
        added = re.match(r"ALTER TABLE (\w+) ADD \((\w+)", text)
        if made:
            lines = [line.split() for line in made[2].strip().splitlines()]
            found[made[1]] = {words[0] for words in lines if words[0] != "CONSTRAINT"}
        elif added:
            found[added[1]].add(added[2])
    return found


def test_both_databases_have_the_same_tables_and_columns() -> None:
    twin = SqliteDatabase(":memory:").connection
    names = [
        name
        for (name,) in twin.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            " UNION SELECT name FROM sqlite_temp_master WHERE type = 'table'"
        )
    ]
    columns = {
        name: {row[1] for row in twin.execute(f"PRAGMA table_info({name})")} for name in names
    }
    made = tables()
    del made["pipeline_settings"]  # the package's own
    assert made == columns


@pytest.mark.parametrize("name", [name for name in EDGE if not name.startswith("LEDGER")])
def test_a_statement_of_the_edge_names_columns_that_are_there(name: str) -> None:
    made = tables() | {
        "dual": set(),
        "schema_migrations": {"migration", "place", "checksum", "applied_time"},
    }
    tree = sqlglot.parse_one(for_update(EDGE[name]), dialect="oracle")
    used = {table.name: made.get(table.name) for table in tree.find_all(exp.Table) if table.name}
    unknown = [table for table, columns in used.items() if columns is None]
    assert unknown in ([], ["JSON_TABLE"])
    known = {column for columns in used.values() for column in columns or ()} | {"name"}
    named = {column.name for column in tree.find_all(exp.Column)}
    # The columns of an INSERT.
    named |= {one.name for schema in tree.find_all(exp.Schema) for one in schema.expressions}
    assert named <= known


@pytest.mark.parametrize(
    ("name", "text"), DDL, ids=[f"{name}-{i}" for i, (name, _) in enumerate(DDL)]
)
def test_a_statement_of_the_migrations_is_oracles(name: str, text: str) -> None:
    expression = _EXPRESSION_INDEX.fullmatch(text)
    if expression:
        assert sqlglot.parse_one(expression[1], dialect="oracle").find(exp.Case)
        return
    for step in steps():
        if _TUPLE_UPDATE.match(step.text):
            text = without(text, step.text)
    assert parsed(text) == []


def the_package() -> str:
    (package,) = [text for _, text in DDL if text.startswith("CREATE OR REPLACE PACKAGE BODY")]
    for step in steps():
        if _TUPLE_UPDATE.match(step.text):
            package = without(package, step.text)
    return package


def test_sql_calls_nothing_that_only_the_package_knows() -> None:
    """PLS-00231: a function of the body, or of no schema, cannot be used in SQL."""
    package = the_package()
    own = set(re.findall(r"FUNCTION (\w+)", package))
    assert own >= {"now_ms", "title_of", "entry_of"}
    tree = tree_of(package).tree
    assert tree is not None
    kinds = ("insert_statement", "update_statement", "delete_statement", "select_statement")
    sql = [segment.raw for segment in tree.recursive_crawl(*kinds)]
    assert len(sql) > 30
    for text in sql:
        assert not own & set(re.findall(r"\w+", text)), text


RESERVED = """
ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COMMENT COMPRESS
CONNECT CREATE CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE EXCLUSIVE EXISTS FILE
FLOAT FOR FROM GRANT GROUP HAVING IDENTIFIED IMMEDIATE IN INCREMENT INDEX INITIAL INSERT INTEGER
INTERSECT INTO IS LEVEL LIKE LOCK LONG MAXEXTENTS MINUS MLSLABEL MODE MODIFY NOAUDIT NOCOMPRESS
NOT NOWAIT NULL NUMBER OF OFFLINE ON ONLINE OPTION OR ORDER PCTFREE PRIOR PUBLIC RAW RENAME
RESOURCE REVOKE ROW ROWID ROWNUM ROWS SELECT SESSION SET SHARE SIZE SMALLINT START SUCCESSFUL
SYNONYM SYSDATE TABLE THEN TO TRIGGER UID UNION UNIQUE UPDATE USER VALIDATE VALUES VARCHAR
VARCHAR2 VIEW WHENEVER WHERE WITH
"""


def test_no_bind_table_or_column_is_a_reserved_word() -> None:
    """ORA-01745, ORA-00904: the parsers do not mind, the database does."""
    names = {name for text in EDGE.values() for name in re.findall(r"(?<!\w):(\w+)", text)}
    for table, columns in tables().items():
        names |= {table} | columns
    for step in steps():
        names |= set(re.findall(r"\bAS (\w+)", step.text))
    assert not {name for name in names if name.upper() in RESERVED.split()}


def without(text: str, statement: str) -> str:
    """A block without one statement, whatever its indentation."""
    words = r"\s+".join(re.escape(word) for word in statement.split())
    return re.sub(f"{words};", "NULL;", text)


@pytest.mark.parametrize("step", steps(), ids=[f"{s.label}-{i}" for i, s in enumerate(steps())])
def test_the_package_sweeps_word_for_word_as_sqlite_does(step: tuple[str, str]) -> None:
    text = step[1]
    assert sqlglot.parse_one(text, dialect="oracle")
    if not _TUPLE_UPDATE.match(text):
        assert parsed(f"BEGIN\n{text};\nEND;") == []
    body = one_pass()
    assert body.count(" ".join(text.split()) + ";") == 1 or step[0] == "clear"


def one_pass() -> str:
    (package,) = [text for _, text in DDL if text.startswith("CREATE OR REPLACE PACKAGE BODY")]
    start, end = package.index("PROCEDURE one_pass"), package.index("END one_pass")
    return " ".join(package[start:end].split())


def test_a_pass_of_the_package_is_the_statements_and_their_counts() -> None:
    body = one_pass().partition("BEGIN ")[2]
    for step in steps():
        text = " ".join(step.text.split()) + ";"
        assert body.startswith(text), f"out of order: {text[:60]}"
        body = body[len(text) :].lstrip()
        counted = re.match(r"p_(\w+) := SQL%ROWCOUNT; ?", body)
        name = {"settle": "settled", "rows": "found"}.get(step.label, step.label)
        assert (counted[1] if counted else None) == (
            None if step.label in ("clear", "pass") else name
        )
        body = body[counted.end() :] if counted else body
    assert body == ""


# SET TRANSACTION, which neither parser takes, is the one that is not parsed.
@pytest.mark.parametrize("text", [oracle.SWEEP, database.IN_UTC])
def test_what_the_edge_runs_beside_statements(text: str) -> None:
    assert parsed(text) == []


def test_what_is_run_by_name_is_plsql_too() -> None:
    (package,) = [text for _, text in DDL if text.startswith("CREATE OR REPLACE PACKAGE BODY")]
    (block,) = re.findall(r"EXECUTE IMMEDIATE\s+'((?:[^']|'')*)'", package)
    assert parsed(block.replace("''", "'")) == []


@pytest.mark.parametrize(
    "broken",
    [
        "CREATE OR REPLACE PROCEDURE p IS\nBEGIN\n  UPDATE t SET WHERE a = 1;\nEND;",
        "CREATE OR REPLACE PROCEDURE p IS\nBEGIN\n  LOOP\n    NULL;\nEND;",
        "CREATE TABLE t (a NUMBER,, b NUMBER)",
    ],
)
def test_broken_sql_is_found(broken: str) -> None:
    assert parsed(broken)


class TestMigrations:
    def test_numbers_rise_without_a_gap_and_repeatables_come_last(self) -> None:
        names = [one.name for one in MIGRATIONS]
        numbers = [int(name[1:4]) for name in names if name.startswith("V")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [one.repeatable for one in MIGRATIONS] == sorted(
            one.repeatable for one in MIGRATIONS
        )

    def test_the_tutorials_columns_are_kept(self) -> None:
        assert {
            "event_id", "event_time", "metric_value", "feature1", "feature2", "processed_flag",
            "anomaly_flag",
        } <= tables()["raw_events"]  # fmt: skip

    def test_every_statement_ends(self) -> None:
        with pytest.raises(ConfigurationError, match="within a statement"):
            list(split("CREATE TABLE a (b NUMBER)\n"))

    def test_repeatable_ones_can_be_run_again(self) -> None:
        for one in MIGRATIONS:
            if one.repeatable:
                for text in one.statements:
                    assert text.startswith(("CREATE OR REPLACE", "BEGIN", "DECLARE"))
