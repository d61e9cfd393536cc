"""Flags from elsewhere reach the outbox, and retention takes what is done; in every store."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.purging import Purged
from millrace.anomaly.scoring import Scored
from millrace.anomaly.session import PURGED_AT_ONCE

from tests.oci.making import NOW_MS, event, history, payload, record
from tests.oci.stores import STORES, Opened
from tests.oci.written import alert, episode, put_alerts, row, write


@pytest.fixture(params=list(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return STORES[request.param](tmp_path)


def purged(opened: Opened, before_ms: int) -> Purged:
    """A purge, which takes what its plan has foreseen."""
    plan = opened.store.purgeable(before_ms)
    done = opened.store.purge(before_ms)
    assert done == plan
    assert opened.store.purgeable(before_ms) == Purged()
    return done


def test_a_row_flagged_by_hand_reaches_the_outbox(opened: Opened) -> None:
    write(opened, Scored(rows=[row("a")._replace(anomaly=False), row("b", None)]))
    opened.run("UPDATE raw_events SET anomaly_flag = 'Y' WHERE event_id = 'a'")
    assert opened.run("SELECT alert_id, raised_by FROM alerts") == [("a", "hand")]
    assert [one.alert_id for one in opened.store.pending()] == ["a"]


@pytest.mark.parametrize(
    "changes",
    [
        ["anomaly_flag = 'Y', processed_flag = 'Y'"],
        # As the tutorial's job does it.
        ["anomaly_flag = 'Y'", "processed_flag = 'Y'"],
        ["processed_flag = 'Y'", "anomaly_flag = 'Y'"],
    ],
)
def test_a_row_that_others_judge_reaches_the_outbox(opened: Opened, changes: list[str]) -> None:
    opened.run("INSERT INTO raw_events (event_id, metric_value) VALUES ('a', 1)")
    for change in changes:
        opened.run(f"UPDATE raw_events SET {change} WHERE event_id = 'a'")
    assert opened.run("SELECT alert_id, raised_by FROM alerts") == [("a", "hand")]
    assert [one.alert_id for one in opened.store.pending()] == ["a"]
    opened.store.sweep()
    assert opened.run("SELECT COUNT(*) FROM outbox") == [(1,)]


def test_a_row_that_comes_judged_and_flagged_reaches_the_outbox(opened: Opened) -> None:
    write(opened, Scored(rows=[row("functions")]))
    opened.run(
        "INSERT INTO raw_events (event_id, metric_value, processed_flag, anomaly_flag)"
        " VALUES ('a', 1, 'Y', 'Y')"
    )
    assert opened.run("SELECT alert_id, raised_by FROM alerts") == [("a", "hand")]
    assert [one.alert_id for one in opened.store.pending()] == ["a"]


def test_retention_keeps_what_is_not_done(opened: Opened) -> None:
    put_alerts(opened, 1, "old")
    digest = opened.store.claim_digest(NOW_MS)
    assert digest is not None
    opened.store.delivered(digest, "1", NOW_MS)
    put_alerts(opened, 1, "waiting")
    write(opened, Scored(rows=[row("old")], begun=[episode()]))
    write(opened, Scored(rows=[row("young", None)]), NOW_MS + 2000)
    opened.run("INSERT INTO raw_events (event_id, metric_value) VALUES ('new', 1)")
    assert purged(opened, NOW_MS + 1000).events == 1
    assert opened.run("SELECT event_id FROM raw_events ORDER BY 1") == [("new",), ("young",)]
    assert opened.run("SELECT alert_id FROM alerts") == [("waiting0000",)]
    assert opened.run("SELECT COUNT(*) FROM digests") == [(0,)]
    assert opened.run("SELECT COUNT(*) FROM episodes") == [(0,)]


def test_the_event_of_an_alert_stays_as_long_as_the_alert(opened: Opened) -> None:
    """Else its id, come again, would be judged again, and find its alert there already."""
    write(opened, Scored(rows=[row("a"), row("b", None)]))
    write(opened, Scored(alerts=[alert("a", muted=True)]), NOW_MS + 2000)
    write(opened, Scored(begun=[episode()]))
    assert purged(opened, NOW_MS + 1000).events == 1
    assert opened.run("SELECT event_id FROM raw_events") == [("a",)]
    assert opened.run("SELECT COUNT(*) FROM alerts") == [(1,)]
    # Its events are years old, its alert is new.
    assert opened.run("SELECT COUNT(*) FROM episodes") == [(1,)]
    assert purged(opened, NOW_MS + 3000).events == 1
    for table in ("raw_events", "alerts", "episodes"):
        assert opened.run(f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_a_series_that_nobody_sends_any_more_is_forgotten(opened: Opened) -> None:
    pipeline = Pipeline(opened.store)
    pipeline.handle(payload(history(3, "gone") + history(3, "here")), NOW_MS)
    opened.run(
        "INSERT INTO sweep_state (series, centre, w, s1, s2, seen, last_s, last_value)"
        " SELECT series, 0, 1, 1, 1, 1, newest_ms / 1000, 1 FROM series_state"
    )
    pipeline.handle(payload([record(event(9, 1, "here"), 9, "here", "here")]), NOW_MS + 2000)
    assert purged(opened, NOW_MS + 1000).events == 6
    assert opened.run("SELECT series, events FROM series_state") == [("here", 4)]
    assert opened.run("SELECT series FROM sweep_state") == [("here",)]


def test_retention_goes_in_pieces_that_hold_nobody_up(opened: Opened) -> None:
    rows = [row(f"{number:05d}", None) for number in range(PURGED_AT_ONCE + 10)]
    write(opened, Scored(rows=rows))
    assert purged(opened, NOW_MS + 1).events == len(rows)
    assert opened.run("SELECT COUNT(*) FROM raw_events") == [(0,)]
