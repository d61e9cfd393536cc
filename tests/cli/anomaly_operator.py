"""`millrace anomalies …` against a file of SQLite, and the pipeline beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.sql_store import SqlStore
from millrace.anomaly.sqlite import SqliteDatabase
from typer.testing import CliRunner

from cli.main import app
from cli.surroundings import Surroundings
from tests.cli.done import Done
from tests.oci.making import NOW_MS, payload


@dataclass(slots=True)
class Operator:
    """Runs `millrace anomalies …` against a file of SQLite, and the pipeline beside it."""

    folder: Path
    now_ms: int = NOW_MS
    attended: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "test.db"

    def __call__(self, *words: object, stdin: str | None = None, columns: int = 200) -> Done:
        around = Surroundings(
            environment={"MILLRACE_DATABASE": f"sqlite:///{self.path}", **self.environment},
            now_ms=lambda: self.now_ms,
            attended=lambda: self.attended,
        )
        args = ["anomalies", *(str(word) for word in words)]
        result = CliRunner().invoke(
            app, args, obj=around, input=stdin, env={"COLUMNS": str(columns)}
        )
        return Done(result.exit_code, result.stdout, result.stderr)

    def database(self) -> SqliteDatabase:
        return SqliteDatabase(self.path)

    def take(self, *records: dict[str, Any]) -> dict[str, object]:
        """The function takes a batch."""
        return Pipeline(SqlStore(self.database())).handle(payload(records), self.now_ms).answer()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.database().connection.execute(query).fetchall()


def pending(operator: Operator) -> set[str]:
    """The alerts that wait to be sent."""
    return {one.alert_id for one in SqlStore(operator.database()).pending()}
