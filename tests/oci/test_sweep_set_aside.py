"""Rows that the sweep settles without judging them: no number, no time, or one far ahead."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from millrace.anomaly.history import Historian
from millrace.anomaly.instants import iso_ms
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.anomaly.sweep import NewRow

from tests.oci.making import START_S, Kept
from tests.oci.test_sweep import put, raised


@pytest.mark.parametrize("value", [None, 1e125, -1e308, math.inf, "high", "1e400", b"\0"])
def test_a_row_without_a_number_is_settled_and_does_no_harm(value: object) -> None:
    settled_among_others(value, "2026-01-01T00:50:00Z")


@pytest.mark.parametrize("time", [None, "soon", 17, "2026-01-02T00:50:01Z", "9999-12-31T23:59:59Z"])
def test_a_row_without_a_time_or_from_the_future_is_settled_and_does_no_harm(time: object) -> None:
    settled_among_others(1.0, time)


def settled_among_others(value: object, time: object) -> None:
    kept, start_s = Kept(), 1_767_225_600.0
    put(kept, [NewRow(f"{i:02}", start_s + 60 * i, 5.0 + i % 3) for i in range(50)])
    kept.database.connection.execute(
        "INSERT INTO raw_events (event_id, event_time, metric_value, received_time)"
        " VALUES ('odd', ?, ?, '2026-01-01T00:50:00Z')",
        (time, value),
    )
    assert kept.store.sweep() == (51, 0, 0, True)
    put(kept, [NewRow(f"{i:02}", start_s + 60 * i, 5.0 + i % 3) for i in range(51, 99)])
    assert kept.store.sweep() == (48, 0, 0, True)
    ((flag, reason),) = kept.rows(
        "SELECT processed_flag, reason FROM raw_events WHERE event_id = 'odd'"
    )
    assert (flag, reason.split(":")[0]) == ("Y", "not judged")
    assert kept.rows("SELECT COUNT(*) FROM raw_events WHERE score IS NULL") == [(31,)]


@pytest.mark.parametrize(
    ("future_s", "judged"), [(86400, False), (86401, True), (0, False), (1e9, True)]
)
def test_how_far_ahead_a_row_may_be_is_a_setting(future_s: float, judged: bool) -> None:
    kept = Kept()
    kept.database.connection.execute("UPDATE sweep_settings SET future_s = ?", (future_s,))
    kept.database.connection.execute(
        "INSERT INTO raw_events (event_id, event_time, metric_value, received_time)"
        " VALUES ('a', '2026-01-02T00:00:01Z', 1, '2026-01-01T00:00:00Z')"
    )
    assert kept.store.sweep().rows == 1
    ((reason,),) = kept.rows("SELECT reason FROM raw_events")
    wanted = "among the first values of the series" if judged else "its time is too far ahead"
    assert wanted in reason
    assert len(kept.rows("SELECT * FROM sweep_state")) == judged


def test_a_clock_that_is_wrong_for_one_row_blinds_nobody() -> None:
    """The anomaly behind it is found, and the row itself by backfill when its time has come."""
    kept = Kept()
    rows = [NewRow(f"{i:02}", START_S + 60.0 * i, 5.0 + i % 3) for i in range(60)]
    put(kept, rows[:40])
    kept.database.connection.execute(
        "INSERT INTO raw_events (event_id, event_time, metric_value, received_time)"
        " VALUES ('ahead', ?, 5, ?)",
        (iso_ms(round(START_S + 3e7) * 1000), iso_ms(round(rows[40].at_s) * 1000)),
    )
    kept.store.sweep()
    put(kept, [*rows[40:59], rows[59]._replace(value=90.0)])
    kept.store.sweep()
    assert raised(kept) == [("59", "sweep")]
    waiting, due = (
        Historian(kept.database).histories(round(1000 * (START_S + at_s)))[0].rows
        for at_s in (4000, 3e7)
    )
    assert (waiting, due) == (60, 61)


def test_a_file_of_before_sets_the_future_aside_too(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path / "old.db").close()
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("ALTER TABLE sweep_settings DROP COLUMN future_s")
        connection.executemany(
            "INSERT INTO sweep_state (series, centre, w, s1, s2, seen, last_s, last_value)"
            " VALUES (?, 0, 1, 0, 0, 1, ?, 0)",
            [("blinded", 32_000_000_000), ("seeing", 1_000_000_000)],
        )
        connection.execute(
            "INSERT INTO raw_events (event_id, event_time, metric_value) VALUES"
            " ('a', '2999-01-01T00:00:00Z', 1)"
        )
        connection.commit()
    opened = SqliteDatabase(tmp_path / "old.db")
    assert opened.sweep().rows == 1
    kept = opened.connection.execute("SELECT series FROM sweep_state").fetchall()
    assert kept == [("seeing",)]
    opened.close()


def test_a_row_that_nobody_can_judge_and_somebody_flagged_reaches_the_outbox() -> None:
    kept = Kept()
    kept.database.connection.execute(
        "INSERT INTO raw_events (event_id, event_time, anomaly_flag) VALUES ('a', NULL, 'Y')"
    )
    assert kept.store.sweep().rows == 1
    assert raised(kept) == [("a", "hand")]
    assert [one.alert_id for one in kept.store.pending()] == ["a"]
