"""The tutorial's anomaly pipeline on SQLite: its function, and its job's loop.

The function is as the tutorial has it, but for the driver, whose connection comes in as an
argument. The loop is the PL/SQL block statement by statement: mean and deviation of the whole table
for each new row, an update of each. SQLite has no STDDEV, so it comes from sums of the same scan.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

NAME = "the tutorial's function, an event a call, judging nothing"
LOOP = "the tutorial's loop"

TABLE = """
CREATE TABLE IF NOT EXISTS raw_events (
  event_id VARCHAR2(50), event_time TIMESTAMP, metric_value NUMBER, feature1 NUMBER,
  feature2 NUMBER, processed_flag CHAR(1) DEFAULT 'N', anomaly_flag CHAR(1) DEFAULT 'N',
  CONSTRAINT pk_raw_events PRIMARY KEY (event_id)
)"""
_INSERT = """
INSERT INTO raw_events(event_id, event_time, metric_value, feature1, feature2)
VALUES(?, ?, ?, ?, ?)"""
_MOMENTS = "SELECT AVG(feature1), SUM(feature1 * feature1), COUNT(feature1) FROM raw_events"

Connect = Callable[[], sqlite3.Connection]


def connecting(database: Path | str) -> Connect:
    """What opens a new connection to a database with the tutorial's table."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(TABLE)
    connection.commit()
    connection.close()
    return lambda: sqlite3.connect(database)


def handler(ctx: object, data: bytes, connect: Connect) -> str:
    """Its func.py."""
    event = json.loads(data.decode("utf-8"))
    evt_id, value = event["id"], event["metric"]
    evt_time = datetime.fromtimestamp(event["time"], UTC)
    conn = connect()
    cur = conn.cursor()
    cur.execute("SELECT metric_value FROM raw_events WHERE event_id=?", (evt_id,))
    prev = cur.fetchone()
    prev_val = prev[0] if prev else 1.0
    features = (value - prev_val, value / prev_val)
    cur.execute(_INSERT, (evt_id, evt_time.isoformat(), value, *features))
    conn.commit()
    cur.close()
    conn.close()
    return "ok"


def loop(connection: sqlite3.Connection) -> int:
    """Its job; how many rows it flagged."""
    flagged = 0
    rows = connection.execute(
        "SELECT event_id, feature1 FROM raw_events WHERE processed_flag = 'N'"
    ).fetchall()
    for event_id, feature1 in rows:
        ((mean, squares, count),) = connection.execute(_MOMENTS)
        spread = math.sqrt(max(0.0, squares - count * mean * mean) / max(1, count - 1))
        if spread and abs(feature1 - mean) / spread > 3:
            connection.execute(
                "UPDATE raw_events SET anomaly_flag='Y' WHERE event_id=?", (event_id,)
            )
            flagged += 1
        connection.execute("UPDATE raw_events SET processed_flag='Y' WHERE event_id=?", (event_id,))
    connection.commit()
    return flagged
