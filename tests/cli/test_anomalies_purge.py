"""Old rows go when they are told to, and not before it was said which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.anomaly_operator import Operator
from tests.oci.making import NOW_MS, event, history, record

DAY_MS = 86_400_000


@pytest.fixture
def aged(tmp_path: Path) -> Operator:
    """A series with an alert that nobody has delivered, a hundred days ago, and one new row."""
    operator = Operator(tmp_path)
    operator.take(*history(400, spikes=[300]))
    operator.now_ms = NOW_MS + 100 * DAY_MS
    operator.take(record(event(400, 50.0), 400, "cpu", "cpu"))
    return operator


def events(operator: Operator) -> int:
    return int(operator.rows("SELECT COUNT(*) FROM raw_events")[0][0])


def test_it_is_planned_and_nothing_deleted(aged: Operator) -> None:
    done = aged("purge")
    assert done.status == 0
    assert "Nothing was deleted; --execute does." in done.out
    document = aged("purge", "--json").document
    assert document["deleted"] is None
    assert document["before_ms"] == aged.now_ms - 90 * DAY_MS
    assert f"{document['planned']['events']:,}" in done.out
    assert events(aged) == 401


def test_what_was_planned_is_deleted(aged: Operator) -> None:
    alerts = len(aged("list", "--json").document["alerts"])
    document = aged("purge", "--days", 90, "--execute", "--json").document
    assert document["deleted"] == document["planned"]
    # Its alerts are not delivered: they stay, and their events with them.
    assert document["planned"]["alerts"] == 0
    assert document["planned"]["events"] == 400 - alerts
    assert events(aged) == 1 + alerts
    assert len(aged("list", "--json").document["alerts"]) == alerts > 0
    assert "nothing that may go" in aged("purge").out


def test_it_says_what_it_did(aged: Operator) -> None:
    done = aged("purge", "--execute")
    assert "events among them" in done.out
    assert "Nothing was deleted" not in done.out


def test_what_is_young_stays(aged: Operator) -> None:
    assert (
        sum(aged("purge", "--days", 101, "--execute", "--json").document["deleted"].values()) == 0
    )
    assert events(aged) == 401


@pytest.mark.parametrize("days", ["7", "0", "-1", "nan", "1e9"])
def test_days_within_which_a_stream_may_come_again_are_kept(aged: Operator, days: str) -> None:
    done = aged("purge", f"--days={days}", "--execute")
    assert (done.status, done.out) == (2, "")
    assert "at least 8 days" in done.err
    assert events(aged) == 401
