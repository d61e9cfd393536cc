"""What a program imports as `oracledb` when its calls are to be recorded, and answered by SQLite.

It stands first on the path of a process of its own. `Connection` takes keywords only, and only
those that the real driver knows, which `signature.json` beside the database lists.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

_FOLDER = Path(os.environ["RECORDING_FOLDER"])
_KNOWN = set(json.loads((_FOLDER / "signature.json").read_text(encoding="utf-8")))
POOL_GETMODE_NOWAIT = 1


class Error(Exception):
    pass


class DatabaseError(Error):
    pass


def _told(**call: object) -> None:
    with (_FOLDER / "calls.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(call, default=str) + "\n")


class Connection:
    def __init__(self, **arguments: Any) -> None:
        unknown = set(arguments) - _KNOWN
        if unknown:
            raise TypeError(f"the driver knows no {unknown}")
        _told(call="connect", arguments=arguments)
        self._sqlite = sqlite3.connect(_FOLDER / "recorded.db")

    def cursor(self) -> Cursor:
        return Cursor(self._sqlite)

    def commit(self) -> None:
        _told(call="commit")
        self._sqlite.commit()

    def close(self) -> None:
        _told(call="close")
        self._sqlite.close()


def connect(**arguments: Any) -> Connection:
    return Connection(**arguments)


class Cursor:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._cursor = connection.cursor()

    def execute(self, statement: str, parameters: tuple[Any, ...] = ()) -> None:
        places = re.findall(r":\d+", statement)
        if len(places) != len(parameters):
            raise DatabaseError(f"{len(places)} places, {len(parameters)} values")
        _told(call="execute", statement=" ".join(statement.split()), binds=parameters)
        values = [v.isoformat() if isinstance(v, datetime) else v for v in parameters]
        self._cursor.execute(re.sub(r":(\d+)", r"?\1", statement), values)

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def close(self) -> None:
        _told(call="close cursor")
