"""Code that was written for cx_Oracle runs unchanged in its database calls."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cx_Oracle
import oracledb
import pytest
from millrace.anomaly.sqlite import SqliteDatabase

from tests.oci.stores import ROOT, oracle_store

# The tutorials lie beside the checkout where they are had; they are not part of it.
TUTORIALS = ROOT.parent / "shared/tutorials"
NOWHERE = "127.0.0.1:1/PDB"

# The calls of the tutorial's function, in its own words.
FAITHFUL = '''
import cx_Oracle
import json
from datetime import datetime

def handler(ctx, data: bytes=None):
    event = json.loads(data.decode('utf-8'))
    evt_id, evt_time, value = event['id'], datetime.fromisoformat(event['time']), event['metric']
    conn = cx_Oracle.connect(user='USER', password='PWD', dsn='dsn')
    cur = conn.cursor()
    cur.execute("SELECT metric_value FROM raw_events WHERE event_id=:1", (evt_id,))
    prev = cur.fetchone()
    prev_val = prev[0] if prev else 1.0
    feature1 = value - prev_val
    feature2 = value / prev_val
    cur.execute("""
        INSERT INTO raw_events(event_id, event_time, metric_value, feature1, feature2)
        VALUES(:1, :2, :3, :4, :5)
    """, (evt_id, evt_time, value, feature1, feature2))
    conn.commit()
    cur.close()
    conn.close()
    return "ok"
'''


def in_tutorials() -> str | None:
    """The function's source as it stands in the tutorials."""
    for path in sorted(TUTORIALS.glob("*.txt")):
        found = re.search(
            r"^func\.py:\s*\n(.*?return \"ok\")$", path.read_text(encoding="utf-8"), re.S | re.M
        )
        if found:
            return found[1]
    return None


PROGRAM = """
import func, json, sys
for event in json.load(sys.stdin):
    print(func.handler(None, json.dumps(event).encode()))
"""

SOURCES = {"faithful": FAITHFUL}
if (_found := in_tutorials()) is not None:
    SOURCES["tutorial"] = _found


def test_the_tutorials_function_is_found_where_they_are() -> None:
    assert TUTORIALS.is_dir() == ("tutorial" in SOURCES)


def run(
    source: str, folder: Path, events: list[dict[str, Any]], program: str = PROGRAM
) -> tuple[list[str], list[dict[str, Any]]]:
    """Run a program in a process of its own over a recording driver: its words, and the calls."""
    known = [*inspect.signature(oracledb.connect).parameters]
    (folder / "signature.json").write_text(json.dumps(known))
    (folder / "func.py").write_text(source)
    # The function imports the SDK and uses nothing of it.
    (folder / "oci.py").touch()
    paths = [folder, ROOT / "tests/oci/recording", ROOT / "layers/core"]
    environ = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "RECORDING_FOLDER": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(events), env=environ, cwd=folder,
        text=True, capture_output=True, check=True,
    )  # fmt: skip
    lines = (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    return done.stdout.split(), [json.loads(line) for line in lines]


def test_a_connection_is_made_by_the_drivers_function_and_is_ours(tmp_path: Path) -> None:
    program = (
        "import cx_Oracle, oracledb\n"
        "made, oracledb.connect = oracledb.connect, lambda **given: made(**given, events=True)\n"
        "connection = cx_Oracle.connect('USER', 'PWD', 'dsn', encoding='UTF-8')\n"
        "print(isinstance(connection, cx_Oracle.Connection), connection.encoding)"
    )
    words, calls = run("", tmp_path, [], program)
    assert words == ["True", "UTF-8"]
    named = {"user": "USER", "password": "PWD", "dsn": "dsn", "events": True}
    assert calls == [{"call": "connect", "arguments": named}]


@pytest.mark.parametrize("name", list(SOURCES))
def test_the_tutorials_function_runs_and_the_sweep_takes_its_rows(
    name: str, tmp_path: Path
) -> None:
    database = SqliteDatabase(tmp_path / "recorded.db")
    events = [
        {"id": str(i), "time": f"2025-01-01T10:{i:02}:00", "metric": 500 if i == 40 else 58 + i % 3}
        for i in range(42)
    ]
    words, calls = run(SOURCES[name], tmp_path, events)
    assert words == ["ok"] * len(events)
    assert calls[0]["arguments"] == {"user": "USER", "password": "PWD", "dsn": "dsn"}
    one = [call["call"] for call in calls[: len(calls) // len(events)]]
    assert one == ["connect", "execute", "execute", "commit", "close cursor", "close"]
    assert calls[2]["binds"] == ["0", "2025-01-01 10:00:00", 58, 57.0, 58.0]
    assert database.sweep() == (42, 1, 1, True)
    rows = database.connection.execute("SELECT event_id FROM raw_events WHERE anomaly_flag = 'Y'")
    assert rows.fetchall() == [("40",)]


@pytest.mark.parametrize(
    ("positional", "named"),
    [
        (("USER", "PWD", NOWHERE), {}),
        ((), {"user": "USER", "password": "PWD", "dsn": NOWHERE}),
        ((f"USER/PWD@{NOWHERE}",), {}),
        (("USER", "PWD", NOWHERE), {"encoding": "UTF-8", "nencoding": "UTF-8", "threaded": True}),
        (("USER", "PWD"), {"dsn": NOWHERE, "events": True}),
        (("USER", "PWD", NOWHERE, cx_Oracle.SYSDBA), {}),
        (("USER", "PWD", NOWHERE, cx_Oracle.DEFAULT_AUTH, 0, None, True, False), {"tag": None}),
        ((f"USER/PWD@{NOWHERE}",), {"mode": cx_Oracle.SYSOPER}),
    ],
)
def test_every_way_to_connect_reaches_the_network(
    positional: tuple[str, ...], named: dict[str, Any]
) -> None:
    for connect in (cx_Oracle.connect, cx_Oracle.Connection):
        with pytest.raises(cx_Oracle.OperationalError, match="DPY-6005"):
            connect(*positional, **named)


def test_a_pool_of_cx_oracle_does_not_wait() -> None:
    pool = cx_Oracle.SessionPool(
        "USER", "PWD", NOWHERE, 0, 3, 1, threaded=True, encoding="UTF-8", waitTimeout=5
    )
    assert (pool.username, pool.max) == ("USER", 3)
    assert pool.getmode == cx_Oracle.SPOOL_ATTRVAL_NOWAIT
    with pytest.raises(cx_Oracle.DatabaseError):
        cx_Oracle.connect(pool=pool)
    pool.close()


def test_a_pool_takes_everything_by_position() -> None:
    wait = cx_Oracle.SPOOL_ATTRVAL_WAIT
    pool = cx_Oracle.SessionPool("USER", "PWD", NOWHERE, 0, 4, 2, cx_Oracle.Connection, True, wait)
    assert (pool.max, pool.increment, pool.getmode) == (4, 2, wait)
    pool.close()


def test_arguments_that_make_no_sense_are_refused() -> None:
    with pytest.raises(TypeError, match="by position and by name: user"):
        cx_Oracle.connect("USER", user="USER")
    with pytest.raises(TypeError, match="at most 17 arguments"):
        cx_Oracle.connect(*range(18))


def test_a_version_has_five_numbers() -> None:
    major, *more = cx_Oracle.clientversion()
    assert f"{major}." == oracledb.__version__[: len(f"{major}.")]
    assert len(more) == 4


NAMES = """
BFILE BINARY BLOB BOOLEAN CLOB CURSOR DATETIME FIXED_CHAR FIXED_NCHAR INTERVAL LOB LONG_BINARY
LONG_STRING NATIVE_FLOAT NATIVE_INT NCHAR NCLOB NUMBER OBJECT ROWID STRING TIMESTAMP DB_TYPE_NUMBER
SYSDBA SPOOL_ATTRVAL_WAIT Error Warning InterfaceError DatabaseError IntegrityError
OperationalError ProgrammingError NotSupportedError Date Timestamp Binary makedsn Cursor Var
DbObject ObjectType init_oracle_client clientversion version connect SessionPool Connection
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_its_names_are_there(name: str) -> None:
    assert getattr(cx_Oracle, name, None) is not None
    assert name in cx_Oracle.__all__


def test_what_was_never_there_is_not() -> None:
    with pytest.raises(AttributeError):
        _ = cx_Oracle.nothing


def test_the_client_libraries_are_not_asked_for() -> None:
    cx_Oracle.init_oracle_client(lib_dir="/nowhere")
    assert oracledb.is_thin_mode()


if "MILLRACE_ORACLE_DSN" in os.environ:

    @pytest.mark.parametrize("name", list(SOURCES))
    def test_the_tutorials_function_on_a_real_database(name: str, tmp_path: Path) -> None:
        """Only its credentials are replaced, which stand in its source."""
        opened = oracle_store(tmp_path)
        user, _, dsn = os.environ["MILLRACE_ORACLE_DSN"].partition("@")
        password = os.environ["MILLRACE_DATABASE_PASSWORD"]
        source = SOURCES[name]
        for word, real in (("'USER'", user), ("'PWD'", password), ("'dsn'", dsn)):
            source = source.replace(word, repr(real))
        (tmp_path / "func.py").write_text(source)
        (tmp_path / "oci.py").touch()
        event = {"id": "1", "time": "2025-01-01T10:00:00", "metric": 58}
        paths = os.pathsep.join((str(tmp_path), str(ROOT / "layers/core")))
        subprocess.run(
            [sys.executable, "-c", PROGRAM], input=json.dumps([event]), cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": paths}, text=True, check=True,
        )  # fmt: skip
        assert opened.run("SELECT event_id, feature1 FROM raw_events") == [("1", 57)]
        assert opened.store.sweep().rows == 1
