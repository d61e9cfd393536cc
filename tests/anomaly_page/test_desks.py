"""The page over an Oracle Database: the same questions, one pool, opened when it can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly.oracle import OracleDatabase
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.sql_store import SqlStore
from millrace.database import OracleService
from millrace.errors import ConfigurationError

from cli.anomaly_page.charts import Charts
from cli.anomaly_page.desks import OracleDesks, SqliteDesks, desks_of
from cli.anomaly_page.overview import Overview, page_of
from tests.anomaly_page.making import NOW_MS
from tests.oci.making import history, payload
from tests.oci.oracle_driver import Pool

SERVICE = OracleService("app", "db.example.com:1521/FREEPDB1")


def test_the_page_reads_an_oracle_database(tmp_path: Path) -> None:
    pool = Pool(str(tmp_path / "oracle.db"))
    Pipeline(SqlStore(OracleDatabase(pool))).handle(payload(history(400, spikes=[350])), NOW_MS)
    desks = OracleDesks(SERVICE, lambda: pool)
    desk = desks.desk()
    look = Overview().look(desk)
    chart = Charts().chart(desk, desk.known_series("cpu"), "all")
    assert page_of(look)["found"] == 1
    assert look.open_of["cpu"] >= 1
    assert chart["points"] == 400
    assert desks.name == "Oracle · app"  # and not where it is


def test_a_pool_that_cannot_be_opened_is_opened_later(tmp_path: Path) -> None:
    made: list[Pool] = []

    def open_pool() -> Any:
        made.append(Pool(str(tmp_path / "oracle.db")))
        if len(made) == 1:
            raise ConfigurationError("There is no password of the database")
        return made[-1]

    desks = OracleDesks(SERVICE, open_pool)
    with pytest.raises(ConfigurationError, match="no password"):
        desks.desk()
    assert desks.desk() is desks.desk()
    assert len(made) == 2


def test_the_environment_names_it() -> None:
    assert isinstance(desks_of({"MILLRACE_DATABASE": "sqlite:///x.db"}), SqliteDesks)
    assert isinstance(desks_of({"MILLRACE_DATABASE": "oracle://app@dsn"}), OracleDesks)
    with pytest.raises(ConfigurationError, match="MILLRACE_DATABASE must be"):
        desks_of({"MILLRACE_DATABASE": "app/secret@dsn"})
