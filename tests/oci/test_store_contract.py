"""What every store promises: SQLite, and Oracle's edge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from millrace.anomaly.delivery import deliver
from millrace.anomaly.digest import (
    LEASE_MS,
    MINUTE_MS,
    MOST_A_MINUTE,
    MOST_ALERTS,
    retry_at_ms,
)
from millrace.anomaly.metrics import Metric
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.rows import Poison
from millrace.anomaly.scoring import Known, Scored
from millrace.errors import Unavailable, WriteConflict

from tests.oci.making import NOW_MS, history, payload
from tests.oci.stores import STORES, Opened
from tests.oci.written import SOURCE, TIME_MS, alert, episode, put_alerts, row, state, write


@pytest.fixture(params=list(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return STORES[request.param](tmp_path)


def test_what_is_written_is_known(opened: Opened) -> None:
    write(opened, Scored(rows=[row(), row("é", None, "größe")]))
    metrics = [
        Metric(name, "any", 0, 0.0, source, b"")
        for name, source in [
            ("a", None),
            ("é", None),
            ("b", SOURCE),
            ("c", SOURCE._replace(offset=1)),
        ]
    ]
    with opened.store.begin() as transaction:
        known = transaction.known(metrics)
    assert known == Known({"a": ("cpu", TIME_MS, 0.1), "é": ("größe", TIME_MS, 0.1)}, {SOURCE: "a"})


def test_states_come_back_whole(opened: Opened) -> None:
    write(opened, Scored(fresh=[state(), state("größe")]))
    write(opened, Scored(changed=[state(events=7)]))
    opened.run(
        "INSERT INTO series_settings (series, sensitivity, muted_until_ms, false_alarms)"
        " VALUES ('cpu', 0.5, 123, 4)"
    )
    with opened.store.begin() as transaction:
        found = transaction.states(["cpu", "größe", "new"])
    settings = {"sensitivity": 0.5, "muted_until_ms": 123, "false_alarms": 4}
    assert found == {"cpu": state(events=7)._replace(**settings), "größe": state("größe")}  # type: ignore[arg-type]


def test_a_block_that_raises_leaves_no_trace(opened: Opened) -> None:
    with pytest.raises(ZeroDivisionError):
        _write_and_raise(opened)
    for table in ("raw_events", "series_state", "alerts", "outbox"):
        assert opened.run(f"SELECT COUNT(*) FROM {table}") == [(0,)]


def _write_and_raise(opened: Opened) -> None:
    with opened.store.begin() as transaction:
        transaction.write(Scored(rows=[row()], fresh=[state()], alerts=[alert()]), NOW_MS)
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "again",
    [
        Scored(rows=[row()]),
        Scored(rows=[row("b")]),  # at a place that is taken
        Scored(fresh=[state()]),
        Scored(alerts=[alert()]),
    ],
    ids=["id", "place", "series", "alert"],
)
def test_a_second_one_is_a_conflict_and_leaves_no_trace(opened: Opened, again: Scored) -> None:
    write(opened, Scored(rows=[row()], fresh=[state()], alerts=[alert()]))
    with pytest.raises(WriteConflict):
        write(
            opened,
            Scored(rows=[row("z", None), *again.rows], fresh=again.fresh, alerts=again.alerts),
        )
    assert opened.run("SELECT COUNT(*) FROM raw_events") == [(1,)]


def test_episodes_go_on(opened: Opened) -> None:
    write(opened, Scored(begun=[episode()]))
    write(opened, Scored(continued=[episode(5)]))
    assert opened.run("SELECT episode_id, strange_points FROM episodes") == [("a", 5)]


def test_quarantine_keeps_each_once(opened: Opened) -> None:
    poison = [
        Poison("not-json", "why", SOURCE, b"{" * 100_000),
        Poison("not-json", "why", None, b"\xff"),
        Poison("invalid-id", "why" * 1000, SOURCE, b"{}"),
    ]
    for fresh in (3, 0):
        with opened.store.begin() as transaction:
            assert transaction.quarantine([*poison, poison[0]], NOW_MS) == fresh
    assert opened.run("SELECT COUNT(*) FROM quarantine") == [(3,)]


def test_a_digest_is_delivered_once(opened: Opened) -> None:
    put_alerts(opened, 3)
    write(opened, Scored(alerts=[alert("quiet", muted=True)]))
    digest = opened.store.claim_digest(NOW_MS)
    assert digest is not None
    assert digest.alert_ids == ("a0000", "a0001", "a0002")
    assert [one["id"] for one in json.loads(digest.body)["alerts"]] == list(digest.alert_ids)
    opened.store.delivered(digest, "message", NOW_MS)
    assert opened.store.claim_digest(NOW_MS + 10 * LEASE_MS) is None
    assert opened.run("SELECT message_id FROM digests") == [("message",)]


def test_a_claimed_digest_is_nobody_elses_until_its_lease_ends(opened: Opened) -> None:
    put_alerts(opened, 3)
    first = opened.store.claim_digest(NOW_MS)
    assert opened.store.claim_digest(NOW_MS + LEASE_MS - 1) is None
    again = opened.store.claim_digest(NOW_MS + LEASE_MS)
    assert first is not None
    assert again == first._replace(attempts=2)


def test_a_digest_that_failed_waits_longer_each_time(opened: Opened) -> None:
    put_alerts(opened, 1)
    now_ms, waits = NOW_MS, []
    for attempt in range(1, 5):
        digest = opened.store.claim_digest(now_ms)
        assert digest is not None
        assert digest.attempts == attempt
        opened.store.failed(digest, "why" * 1000, now_ms)
        due_ms = retry_at_ms(attempt, now_ms)
        assert opened.store.claim_digest(due_ms - 1) is None
        waits.append(due_ms - now_ms)
        now_ms = due_ms
    assert waits == sorted(set(waits))


def test_who_lost_its_lease_cannot_give_the_digest_back(opened: Opened) -> None:
    put_alerts(opened, 1)
    slow = opened.store.claim_digest(NOW_MS)
    quick = opened.store.claim_digest(NOW_MS + LEASE_MS)
    assert slow is not None
    assert quick is not None
    opened.store.failed(slow, "too slow", NOW_MS + LEASE_MS)
    assert opened.store.claim_digest(NOW_MS + 2 * LEASE_MS - 1) is None


def test_more_alerts_than_one_digest_holds(opened: Opened) -> None:
    put_alerts(opened, MOST_ALERTS + 5)
    first, second = opened.store.claim_digest(NOW_MS), opened.store.claim_digest(NOW_MS)
    assert first is not None
    assert second is not None
    assert (len(first.alert_ids), len(second.alert_ids)) == (MOST_ALERTS, 5)
    assert not set(first.alert_ids) & set(second.alert_ids)


def test_so_many_digests_a_minute(opened: Opened) -> None:
    for number in range(MOST_A_MINUTE + 1):
        put_alerts(opened, 1, f"{number:02}-")
        digest = opened.store.claim_digest(NOW_MS + number)
        assert (digest is None) == (number == MOST_A_MINUTE)
        if digest is not None:
            opened.store.delivered(digest, "m", NOW_MS + number)
    assert opened.store.claim_digest(NOW_MS + MINUTE_MS - 1) is None
    assert opened.store.claim_digest(NOW_MS + MINUTE_MS) is not None


class Topic:
    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.fails = True

    def publish(self, title: str, body: str) -> str:
        if self.fails:
            raise Unavailable("not now")
        self.taken.append((title, body))
        return "message"


def test_delivering_goes_on_until_it_is_taken(opened: Opened) -> None:
    put_alerts(opened, 2)
    topic = Topic()
    failed = deliver(opened.store, topic, NOW_MS)
    assert failed == (0, "not now")
    topic.fails = False
    assert deliver(opened.store, topic, retry_at_ms(1, NOW_MS)) == (2, None)
    assert deliver(opened.store, topic, NOW_MS + 10**9) is None
    assert len(topic.taken) == 1


def test_the_sweep_judges_rows_that_came_in_otherwise(opened: Opened) -> None:
    for number in range(40):
        value = 5 + (95 if number == 35 else number % 3)
        opened.run(
            "INSERT INTO raw_events (event_id, event_time, metric_value)"
            f" SELECT 'e{number:02d}', epoch_time({1_767_225_600 + 60 * number}), {value} FROM dual"
        )
    assert opened.store.sweep() == (40, 1, 1, True)
    assert opened.store.sweep() == (0, 0, 0, True)
    assert opened.run("SELECT event_id FROM raw_events WHERE anomaly_flag = 'Y'") == [("e35",)]
    assert opened.run("SELECT alert_id, raised_by FROM alerts") == [("e35", "sweep")]
    assert [one.alert_id for one in opened.store.pending()] == ["e35"]
    assert opened.run("SELECT COUNT(*) FROM raw_events WHERE feature1 IS NULL") == [(1,)]


def test_a_pipeline_over_it_repeats_itself_without_effect(opened: Opened) -> None:
    pipeline = Pipeline(opened.store)
    body = payload(history(130))
    first = pipeline.handle(body, NOW_MS)
    assert first.stored == 130
    again = pipeline.handle(body, NOW_MS)
    assert (again.stored, again.duplicates) == (0, 130)
