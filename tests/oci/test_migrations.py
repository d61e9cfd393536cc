"""Migrations: each statement once, on from where it stopped, what is there is taken as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import oracledb
import pytest
from millrace.anomaly.migrations import APPLIED, FORGET, NOTE, Migration, migrate, read_migrations
from millrace.errors import ConfigurationError

from tests.oci.oracle_driver import error


class Schema:
    """A connection that keeps the ledger, and fails where it is told to."""

    def __init__(self) -> None:
        self.ledger: dict[str, dict[int, str]] = {}
        self.ran: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.rows: list[tuple[Any, ...]] = []

    def cursor(self) -> Schema:
        return self

    def __enter__(self) -> Schema:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def commit(self) -> None:
        return

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def execute(self, statement: str, binds: Mapping[str, Any] | None = None) -> None:
        if binds is None:
            if statement in self.failing:
                raise self.failing[statement]
            self.ran.append(statement.strip().split("\n")[0])
            return
        known = self.ledger.setdefault(binds["migration"], {})
        if statement == APPLIED:
            self.rows = list(known.items())
        elif statement == NOTE:
            known[binds["place"]] = binds["checksum"]
        else:
            assert statement == FORGET
            known.clear()


FIRST = Migration("V001__a", ("one", "two", "three"))
PACKAGE = Migration("R__p", ("package",))
LEDGER = "CREATE TABLE schema_migrations ("


def test_each_statement_runs_once() -> None:
    schema = Schema()
    assert migrate(schema, [FIRST, PACKAGE]) == ["V001__a", "R__p"]
    assert migrate(schema, [FIRST, PACKAGE]) == []
    assert schema.ran == [LEDGER, "one", "two", "three", "package", LEDGER]


def test_it_goes_on_where_it_stopped() -> None:
    schema = Schema()
    schema.failing["two"] = error(1536, oracledb.DatabaseError)  # no space
    with pytest.raises(oracledb.DatabaseError):
        migrate(schema, [FIRST])
    schema.failing.clear()
    migrate(schema, [FIRST])
    assert schema.ran == [LEDGER, "one", LEDGER, "two", "three"]


@pytest.mark.parametrize("code", [955, 1430, 1408, 1, 27477])
def test_what_is_there_is_taken_as_it_is(code: int) -> None:
    schema = Schema()
    schema.failing["two"] = error(code)
    assert migrate(schema, [FIRST]) == ["V001__a"]
    assert migrate(schema, [FIRST]) == []


def test_a_repeatable_one_runs_when_it_changes() -> None:
    schema = Schema()
    migrate(schema, [PACKAGE])
    assert migrate(schema, [Migration("R__p", ("package", "body"))]) == ["R__p"]
    assert migrate(schema, [Migration("R__p", ("package",))]) == ["R__p"]


def test_a_numbered_one_must_not_change() -> None:
    schema = Schema()
    migrate(schema, [FIRST])
    with pytest.raises(ConfigurationError, match="write a new migration"):
        migrate(schema, [Migration("V001__a", ("one", "other", "three"))])


def test_a_file_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("")
    with pytest.raises(ConfigurationError, match="is no migration"):
        read_migrations(tmp_path)
    with pytest.raises(ConfigurationError, match="holds no migrations"):
        read_migrations(tmp_path / "nowhere")
