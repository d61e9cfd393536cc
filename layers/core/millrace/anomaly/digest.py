"""Alerts as messages: digests that the Notifications service takes, and when to try them.

The service takes 64 KB a message, 60 messages a minute a topic, and 10 a minute by e-mail. So many
alerts go into one digest, and ten digests are tried a minute. A digest is frozen when it is made:
when it is tried again it has the same id, title and body, so that a receiver can tell a repetition,
which can only come about when the service took a message and its answer was lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from millrace.anomaly.instants import iso_ms

MOST_ALERTS = 100
MOST_BYTES = 60_000
# What the service sends by e-mail.
MOST_A_MINUTE = 10
MINUTE_MS = 60_000
_RETRY_MS = 6_000
# How long a claimed digest is its claimer's. Longer than a delivery can take with its retries.
LEASE_MS = 60_000
_LONGEST_WAIT_MS = 600_000
_MOST_REASON = 300
_MOST_TITLE = 200
# What an entry takes beside itself: its indentation and a comma.
_MARGIN = 20


class Pending(NamedTuple):
    """An alert that waits in the outbox."""

    alert_id: str
    series: str
    time_ms: int | None  # a row that was flagged by hand may have none
    score: float | None
    reason: str


class Digest(NamedTuple):
    """A message: `attempts` counts the tries before and with this one."""

    digest_id: str
    title: str
    body: str
    alert_ids: tuple[str, ...]
    attempts: int = 1


def digest_of(pending: Sequence[Pending]) -> Digest:
    """The digest of the first alerts that fit; `pending` is not empty."""
    entries: list[dict[str, object]] = []
    size = 0
    for alert in pending[:MOST_ALERTS]:
        entry = _entry(alert)
        size += len(json.dumps(entry, indent=1)) + _MARGIN
        if entries and size > MOST_BYTES:
            break
        entries.append(entry)
    ids = tuple(alert.alert_id for alert in pending[: len(entries)])
    name = sha256("\n".join(sorted(ids)).encode()).hexdigest()[:32]
    title = _title(pending[: len(entries)])
    body = json.dumps({"digest": name, "alerts": entries}, indent=1)
    return Digest(name, title, body, ids)


def retry_at_ms(attempts: int, now_ms: int) -> int:
    """When to try a digest again that failed so often."""
    return now_ms + min(_LONGEST_WAIT_MS, _RETRY_MS << min(attempts, 10))


def _entry(alert: Pending) -> dict[str, object]:
    return {
        "id": alert.alert_id,
        "series": alert.series,
        "time": None if alert.time_ms is None else iso_ms(alert.time_ms),
        "score": alert.score,
        "reason": alert.reason[:_MOST_REASON],
    }


def _title(alerts: Sequence[Pending]) -> str:
    series = sorted({alert.series for alert in alerts})
    if len(alerts) == 1:
        return _one_line(f"Anomaly in {series[0]}")
    where = f"in {series[0]}" if len(series) == 1 else f"in {len(series)} series"
    return _one_line(f"{len(alerts)} anomalies {where}")


def _one_line(text: Iterable[str]) -> str:
    """A title of a message: e-mail takes no line breaks there."""
    return "".join(c if c.isprintable() else " " for c in text)[:_MOST_TITLE]
