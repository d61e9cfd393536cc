"""The proof: every row, flag, alert and state against the recomputation; every alert sent once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.demo.anomalies.reading import Found
from localcloud.demo.anomalies.recomputing import Expected, Row
from localcloud.oci.notifications import Notice
from localcloud.oci.partition import Message

_SHOWN = 5
_FLAG, _SCORE, _MUTED = 5, 6, 8  # places in a row of Expected and Found


@dataclass(slots=True)
class Check:
    """What the comparison found; `compared` counts the rows of each table."""

    metrics: int = 0
    rows: int = 0
    scored: int = 0
    late: int = 0
    duplicates: int = 0
    quarantined: int = 0
    strange: int = 0
    alerts: int = 0
    muted: int = 0
    delivered: int = 0
    digests: int = 0
    repeated: int = 0
    undelivered: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    mismatches: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Metrics of which nothing is known; below 0, metrics that count more than once."""
        return self.metrics - self.rows - self.duplicates - self.quarantined

    @property
    def exact(self) -> bool:
        """Whether everything is as it must be, and there is something at all."""
        wrong = self.mismatches or self.lost or self.repeated or self.undelivered
        return not wrong and self.rows > 0


def check(expected: Expected, found: Found, notices: Iterable[Notice]) -> Check:
    """Compare the tables and the inbox with what they must hold."""
    rows = found.rows.values()
    result = Check(
        metrics=expected.messages,
        rows=len(found.rows),
        scored=sum(row[_SCORE] is not None for row in rows),
        late=sum(row[-1] == "Y" for row in rows),
        duplicates=expected.duplicates,
        quarantined=len(found.quarantine),
        strange=sum(row[_FLAG] == "Y" for row in rows),
        alerts=len(found.alerts),
        muted=sum(row[_MUTED] == "Y" for row in found.alerts.values()),
    )
    for name in ("rows", "alerts", "episodes", "states", "quarantine"):
        _compare(result, name, getattr(expected, name), getattr(found, name))
    _check_delivery(result, expected, list(notices))
    return result


def _compare(
    result: Check, table: str, expected: Mapping[str, Row], found: Mapping[str, Row]
) -> None:
    keys = expected.keys() | found.keys()
    result.compared[table] = len(keys)
    for key in sorted(keys):
        if expected.get(key) != found.get(key):
            result.mismatches += 1
            if len(result.wrong) < _SHOWN:
                shown = f"is {_shown(found.get(key))}, recomputed {_shown(expected.get(key))}"
                result.wrong.append(f"{table} {key}: {shown}")


def _check_delivery(result: Check, expected: Expected, notices: list[Notice]) -> None:
    sent = Counter(alert for notice in notices for alert in alerts_in(notice))
    to_send = {name for name, row in expected.alerts.items() if row[_MUTED] == "N"}
    result.delivered, result.digests = len(sent), len(notices)
    result.repeated = sum(count - 1 for count in sent.values())
    result.undelivered = len(to_send - sent.keys())
    stray = sent.keys() - to_send
    result.mismatches += len(stray)
    result.wrong += [f"{name} was delivered and is no alert" for name in sorted(stray)[:_SHOWN]]


def alerts_in(notice: Notice) -> list[str]:
    """The alerts that a message tells of."""
    return [alert["id"] for alert in json.loads(notice.body)["alerts"]]


def latencies_ms(messages: Iterable[Message], notices: Iterable[Notice]) -> list[float]:
    """From a metric's arrival on the stream to the message that tells of its alert."""
    told = {alert: notice.time_ms for notice in notices for alert in alerts_in(notice)}
    arrived: dict[str, int] = {}
    for message in messages:
        try:
            name = json.loads(message.value)["id"]
        except (ValueError, KeyError, TypeError):
            continue
        arrived.setdefault(name, message.arrival_ms)
    return [told[name] - arrived[name] for name in told.keys() & arrived.keys()]


def _shown(row: Row | None) -> str:
    if row is None:
        return "not there"
    short = (f"{len(cell)} bytes" if isinstance(cell, bytes) else cell for cell in row)
    return str(tuple(short))
