"""The operator's desk: what stands in the tables, and what a person says to it.

Reads never wait for the function. What is said of an alert or a series takes effect with the next
batch of that series.
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from millrace.anomaly import statements
from millrace.anomaly.rows import EpisodeRow
from millrace.anomaly.session import Session
from millrace.anomaly.sql_store import Database
from millrace.errors import InvalidRequest


class SeriesView(NamedTuple):
    """A series, and what it is set to."""

    series: str
    events: int
    late: int
    newest_ms: int | None
    last_value: float | None
    sensitivity: float
    muted_until_ms: int | None
    false_alarms: int


class AlertView(NamedTuple):
    """An alert, and what was said of it."""

    alert_id: str
    series: str
    time_ms: int | None
    value: float | None
    score: float | None
    expected: float | None
    low: float | None
    high: float | None
    reason: str
    by: str
    muted: bool
    raised_ms: int | None
    acknowledged_ms: int | None
    acknowledged_by: str | None
    false_alarm: bool


class Point(NamedTuple):
    """A value of a series, judged."""

    event_id: str
    time_ms: int | None
    value: float | None
    score: float | None
    anomaly: bool
    late: bool
    reason: str | None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    rate: float | None = None  # what was judged, where the series is a counter
    view: str | None = None  # what found it strangest, or that nothing did

    @property
    def judged(self) -> float | None:
        """What the band is of: the rate of a counter, else the value."""
        return self.value if self.rate is None else self.rate


class Event(NamedTuple):
    """A row of raw_events: where it belongs, how it was judged, where it came from."""

    series: str
    by: str | None
    feature1: float | None
    feature2: float | None
    stream: str | None
    partition: str | None
    offset: int | None
    point: Point


class Kept(NamedTuple):
    """A record in quarantine."""

    quarantine_id: str
    reason: str
    message: str
    stream: str | None
    partition: str | None
    offset: int | None
    payload: str
    received_ms: int | None
    key: str | None = None
    outcome: str | None = None  # of its redrive
    redriven_by: str | None = None
    redriven_ms: int | None = None


class Desk:
    """Over either database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def series(self, most: int | None = None) -> list[SeriesView]:
        """The series that the function knows, by name."""
        with self._database.reading() as session:
            return [SeriesView(*row) for row in session.rows(statements.SERIES, {}, most)]

    def known_series(self, series: str) -> SeriesView:
        """One series. Raises InvalidRequest where there is none of that name."""
        with self._database.reading() as session:
            rows = session.rows(statements.ONE_SERIES, {"series": series})
        if not rows:
            message = f"there is no series {series!r}; the list of series has their names"
            raise InvalidRequest(404, "no-such-series", message, "series")
        return SeriesView(*rows[0])

    def alerts(
        self, series: str | None = None, *, only_open: bool = False, most: int | None = 100
    ) -> list[AlertView]:
        """Alerts, the newest first; `only_open` leaves out those that somebody acknowledged."""
        binds = {"series": series, "only_open": "Y" if only_open else "N"}
        with self._database.reading() as session:
            rows = session.rows(statements.ALERTS, binds, most)
            return [_alert(session, row) for row in rows]

    def alert(self, alert_id: str) -> AlertView:
        """One alert. Raises InvalidRequest where there is none."""
        with self._database.reading() as session:
            return _one(session, alert_id)

    def acknowledge(self, alert_id: str, who: str, now_ms: int) -> bool:
        """Say that somebody looks after it; False where somebody did before."""
        with self._database.transaction() as session:
            _one(session, alert_id)
            binds = {"alert_id": alert_id, "who": who, "now_time": session.moment(now_ms)}
            return session.run(statements.ACKNOWLEDGE, binds) == 1

    def false_alarm(self, alert_id: str, who: str, now_ms: int) -> bool:
        """Say that it was none: the series' next alerts must be rarer. Counts once an alert."""
        with self._database.transaction() as session:
            series = _one(session, alert_id).series
            binds = {"alert_id": alert_id, "who": who, "now_time": session.moment(now_ms)}
            session.run(statements.ACKNOWLEDGE, binds)
            if not session.run(statements.CALL_FALSE, {"alert_id": alert_id}):
                return False
            _settle(session, statements.COUNT_FALSE, series, {})
            return True

    def set_sensitivity(self, series: str, sensitivity: float) -> None:
        """Above 1 for more alerts, below for fewer. Raises InvalidRequest."""
        if not 0.0 < sensitivity < math.inf:
            message = f"a sensitivity is a number above 0, with 1 for the usual, not {sensitivity}"
            raise InvalidRequest(400, "invalid-sensitivity", message, "sensitivity")
        with self._database.transaction() as session:
            _settle(session, statements.SENSITIVITY, series, {"sensitivity": sensitivity})

    def mute(self, series: str, until_ms: int | None) -> None:
        """Send no alert of events before that time; None ends it."""
        with self._database.transaction() as session:
            _settle(session, statements.MUTE, series, {"muted_until_ms": until_ms})

    def points(
        self,
        series: str,
        start_ms: int,
        end_ms: int,
        most: int = 10_000,
        *,
        latest: bool = False,
    ) -> list[Point]:
        """The values of a series in a span of time, the oldest first.

        Where there are more than `most`, the first ones, or with `latest` the last ones, but for
        those that were set aside as too far ahead.
        """
        statement = statements.LATEST_POINTS if latest else statements.POINTS
        with self._database.reading() as session:
            binds = _span(session, series, start_ms, end_ms)
            found = [_point(session, row) for row in session.rows(statement, binds, most)]
        return found[::-1] if latest else found

    def event(self, event_id: str) -> Event | None:
        """One event, if it is there."""
        with self._database.reading() as session:
            for row in session.rows(statements.ONE_EVENT, {"event_id": event_id}):
                series, by, change, ratio, *source, offset = row[:7]
                stream, partition = source
                point = _point(session, row[7:])
                return Event(series, by, change, ratio, stream, partition, offset, point)
        return None

    def episode(self, alert_id: str) -> EpisodeRow | None:
        """The episode of an alert, if there is one."""
        with self._database.reading() as session:
            for row in session.rows(statements.ONE_EPISODE, {"episode_id": alert_id}):
                return _episode(session, row)
        return None

    def episodes(self, series: str, start_ms: int, end_ms: int) -> list[EpisodeRow]:
        """The episodes of a series that touch a span of time."""
        with self._database.reading() as session:
            binds = _span(session, series, start_ms, end_ms)
            return [_episode(session, row) for row in session.rows(statements.EPISODES, binds)]

    def quarantined(
        self, most: int | None = 100, *, reason: str | None = None, only_open: bool = False
    ) -> list[Kept]:
        """What is in quarantine, the newest first; `only_open` leaves out what was redriven."""
        binds = {"reason": reason, "only_open": "Y" if only_open else "N"}
        with self._database.reading() as session:
            rows = session.rows(statements.QUARANTINED, binds, most)
            return [kept_of(session, row) for row in rows]

    def quarantine_counts(self) -> dict[str, tuple[int, int]]:
        """How many records there are of each reason, and how many of them were redriven."""
        with self._database.reading() as session:
            rows = session.rows(statements.COUNT_QUARANTINED, {})
            return {reason: (int(count), int(redriven)) for reason, count, redriven in rows}

    def kept(self, start_of_id: str) -> Kept:
        """The record whose id begins so. Raises InvalidRequest unless there is exactly one."""
        found = []
        if re.fullmatch("[0-9a-f]{1,64}", start_of_id):
            with self._database.reading() as session:
                binds = {"start_of_id": f"{start_of_id}%"}
                rows = session.rows(statements.KEPT_LIKE, binds, 2)
                found = [kept_of(session, row) for row in rows]
        if len(found) == 1:
            return found[0]
        what = "more than one record" if found else "nothing"
        message = f"there is {what} in quarantine whose id begins with {start_of_id!r}"
        raise InvalidRequest(404, "no-such-record", message, "quarantine_id")


def kept_of(session: Session, row: tuple[Any, ...]) -> Kept:
    """A record from a row of the quarantine with its redrive."""
    *known, key, outcome, who, redriven, received = row
    said = (key, outcome, who, session.ms(redriven))
    return Kept._make((*known, session.ms(received), *said))


def _one(session: Session, alert_id: str) -> AlertView:
    rows = session.rows(statements.ONE_ALERT, {"alert_id": alert_id})
    if not rows:
        message = f"there is no alert {alert_id!r}; the list of alerts has their ids"
        raise InvalidRequest(404, "no-such-alert", message, "alert_id")
    return _alert(session, rows[0])


def _alert(session: Session, row: tuple[Any, ...]) -> AlertView:
    name, series, moment, *numbers, reason, by, muted, raised, acknowledged, who, false = row
    return AlertView._make(
        (
            *(name, series, session.ms(moment), *numbers, reason, by, muted == "Y"),
            *(session.ms(raised), session.ms(acknowledged), who, false == "Y"),
        )
    )


def _point(session: Session, row: tuple[Any, ...]) -> Point:
    event_id, moment, value, score, anomaly, late, *rest = row
    return Point(event_id, session.ms(moment), value, score, anomaly == "Y", late == "Y", *rest)


def _episode(session: Session, row: tuple[Any, ...]) -> EpisodeRow:
    name, series, *times, score, value, points = row
    start_ms, end_ms, peak_ms = (session.ms(moment) or 0 for moment in times)
    return EpisodeRow(name, series, start_ms, end_ms, peak_ms, score, value, int(points))


def _settle(session: Session, statement: str, series: str, binds: dict[str, Any]) -> None:
    """Change the settings of a series, which may have none yet."""
    if not session.rows(statements.SETTINGS_OF, {"series": series}):
        session.run(statements.NEW_SETTINGS, {"series": series})
    session.run(statement, {"series": series, **binds})


def _span(session: Session, series: str, start_ms: int, end_ms: int) -> dict[str, object]:
    start, end = session.moment(start_ms), session.moment(end_ms)
    return {"series": series, "start_time": start, "end_time": end}
