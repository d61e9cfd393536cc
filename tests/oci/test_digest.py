"""Digests are within what the service takes, whatever the alerts say."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.anomaly.digest import MOST_ALERTS, Pending, digest_of, retry_at_ms

MOST_BYTES = 64 * 1024  # a message of the service

names = st.text(min_size=1, max_size=256)
pendings = st.builds(
    Pending,
    alert_id=names,
    series=names,
    time_ms=st.none() | st.integers(0, 4_000_000_000_000),
    score=st.none() | st.floats(0, 1e6),
    reason=st.text(max_size=1000),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(pendings, min_size=1, max_size=30))
def test_a_digest_fits_and_loses_none(pending: list[Pending]) -> None:
    made = digest_of(pending)
    assert len(made.body.encode()) <= MOST_BYTES
    document = json.loads(made.body)
    assert document["digest"] == made.digest_id
    assert [one["id"] for one in document["alerts"]] == list(made.alert_ids)
    assert list(made.alert_ids) == [one.alert_id for one in pending[: len(made.alert_ids)]]
    assert made.title.isprintable()
    assert len(made.title) <= 200


def worst(number: int) -> Pending:
    """Every character takes twelve bytes of JSON."""
    return Pending(f"{number:03}" + "😀" * 63, "😀" * 64, 0, 1e-300, "😀" * 1000)


def test_the_longest_alerts_fit() -> None:
    made = digest_of([worst(number) for number in range(200)])
    assert 1 <= len(made.alert_ids) < MOST_ALERTS
    assert len(made.body.encode()) <= MOST_BYTES


def test_ordinary_ones_come_by_the_hundred() -> None:
    pending = [
        Pending(f"host-{i}", "cpu", i * 1000, 2.5, "value 90 is above nearly all that was seen")
        for i in range(250)
    ]
    assert len(digest_of(pending).alert_ids) == MOST_ALERTS


def test_titles() -> None:
    one, two = Pending("a", "cpu\nBcc: x", 0, 1.0, ""), Pending("b", "disk", 0, 1.0, "")
    assert digest_of([one]).title == "Anomaly in cpu Bcc: x"
    assert digest_of([one, one._replace(alert_id="c")]).title == "2 anomalies in cpu Bcc: x"
    assert digest_of([one, two]).title == "2 anomalies in 2 series"


def test_tries_come_further_apart_up_to_ten_minutes() -> None:
    waits = [retry_at_ms(attempt, 0) for attempt in range(1, 30)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (12_000, 600_000)
