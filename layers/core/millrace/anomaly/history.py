"""History: what stands in raw_events judged by the detector as if it had come in order.

For rows that came late, by other ways than the function, or before there was a detector. A series
is judged from its oldest row to its newest by a new detector, in pages, each a transaction that
notes how far it came: what was interrupted goes on there. With the last page the series' state
becomes the new detector's, so live events go on from all of its past. The rules:

- Rows are taken in the order of time and id. All get score, reason, band and features anew, and
  are late no more. A flag that a person set stays.
- Alerts that this raises are of the past: they are kept, as muted and acknowledged, and never
  sent. What was alerted before stays, with what was said of it. Episodes are written anew.
- Sensitivity is that of today. An alert that was called false, and is raised again here, raises
  the bar from there on, as it did.
- Only what the table still holds is learned: see `History.cut`. Rows more than an hour ahead of
  now wait for their time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from millrace.anomaly import history_statements as sql
from millrace.anomaly import scoring, statements
from millrace.anomaly.line import Line
from millrace.anomaly.metrics import FUTURE_MS, Metric
from millrace.anomaly.rows import BY_HAND, Alert, EpisodeRow, EventRow, SeriesState
from millrace.anomaly.scoring import Scored
from millrace.anomaly.session import Session, listed
from millrace.anomaly.sql_store import Database
from millrace.anomaly.transaction import SqlTransaction, episode_binds, event_binds
from millrace.errors import WriteConflict

T = TypeVar("T")

PAGE = 2000
# Who acknowledges alerts of the past.
BY_HISTORY = "history"
_TRIES = 3
_BEFORE_ALL_MS = -62_135_596_800_000  # the year 1


class History(NamedTuple):
    """The rows of a series that can be judged, and how many of them the detector has not."""

    series: str
    rows: int
    unjudged: int
    known: int  # events that its state has learned from, or has seen late
    done: int  # of a pass that was interrupted

    @property
    def waits(self) -> bool:
        """Whether there is something to do."""
        return self.unjudged > 0 or self.done > 0

    @property
    def cut(self) -> bool:
        """Whether its state knows more than the table still holds, which a pass would forget."""
        return self.known > self.rows


class Loaded(NamedTuple):
    """What became of some events; `there` stood in the table already, under whatever id."""

    stored: int = 0
    there: int = 0
    late: int = 0
    strange: int = 0
    alerts: int = 0
    quarantined: int = 0

    def plus(self, other: Loaded) -> Loaded:
        """Both together."""
        return Loaded(*(one + more for one, more in zip(self, other, strict=True)))


class Passed(NamedTuple):
    """How far a pass has come; `alerts` are those that this page raised for the first time."""

    rows: int
    strange: int
    alerts: int
    done: bool


@dataclass(slots=True)
class _Judged:
    """What a page comes to."""

    state: SeriesState
    rows: list[EventRow] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    episodes: dict[str, EpisodeRow] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)


class Historian:
    """Judges history, over either database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def histories(self, now_ms: int) -> list[History]:
        """The series that there are rows of, by name."""
        with self._database.reading() as session:
            rows = session.rows(sql.HISTORIES, {"end_time": _end(session, now_ms)})
            return [History(series, *(int(count) for count in counts)) for series, *counts in rows]

    def load(self, metrics: Sequence[Metric], now_ms: int) -> Loaded:
        """Judge and store events of the past, as a batch of the stream would be, but in silence.

        What is older than the newest event of its series is late, until the series is judged.
        Raises TransientError.
        """
        fresh = self._fresh(metrics)
        loaded = self._tried(lambda session: _loaded(session, fresh, now_ms))
        return loaded._replace(there=loaded.there + len(metrics) - len(fresh))

    def _fresh(self, metrics: Sequence[Metric]) -> list[Metric]:
        """Those that do not stand in the table, under whatever id, with their time and value."""
        spans: dict[str, tuple[int, int]] = {}
        for one in metrics:
            least, most = spans.get(one.series, (one.time_ms, one.time_ms))
            spans[one.series] = min(least, one.time_ms), max(most, one.time_ms)
        known = set[tuple[str, int | None, float | None]]()
        with self._database.reading() as session:
            for series, (least, most) in spans.items():
                start, end = session.moment(least), session.moment(most + 1)
                binds = {"series": series, "start_time": start, "end_time": end}
                for _, moment, value, *_ in session.rows(statements.POINTS, binds):
                    known.add((series, session.ms(moment), value))
        return [one for one in metrics if one.content not in known]

    def judge(self, series: str, now_ms: int, page: int = PAGE) -> Iterator[Passed]:
        """Judge a series from its oldest row on, or on from where a pass was interrupted.

        After every page it may be left; calling it again goes on. Raises TransientError.
        """
        while True:
            passed = self._tried(lambda session: _page(session, series, now_ms, page))
            yield passed
            if passed.done:
                return

    def _tried(self, work: Callable[[Session], T]) -> T:
        for attempt in range(_TRIES):
            try:
                with self._database.transaction() as session:
                    return work(session)
            except WriteConflict:
                # The function wrote the same events, or began the same series: look again.
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")


def _loaded(session: Session, metrics: Sequence[Metric], now_ms: int) -> Loaded:
    transaction = SqlTransaction(session)
    states = transaction.states(sorted({metric.series for metric in metrics}))
    scored = scoring.score(metrics, states, transaction.known(metrics))
    _write_quietly(session, scored, now_ms)
    transaction.quarantine(scored.conflicts, now_ms)
    return Loaded(
        stored=len(scored.rows),
        there=scored.duplicates,
        late=sum(row.late for row in scored.rows),
        strange=sum(row.anomaly for row in scored.rows),
        alerts=len(scored.alerts),
        quarantined=len(scored.conflicts),
    )


def _write_quietly(session: Session, scored: Scored, now_ms: int) -> None:
    """Write it all; its alerts are nobody's to look after any more."""
    scored.alerts = [alert._replace(muted=True) for alert in scored.alerts]
    SqlTransaction(session).write(scored, now_ms)
    said = {"who": BY_HISTORY, "now_time": session.moment(now_ms)}
    session.many(
        statements.ACKNOWLEDGE, [said | {"alert_id": one.alert_id} for one in scored.alerts]
    )


def _page(session: Session, series: str, now_ms: int, page: int) -> Passed:
    live = SqlTransaction(session).states([series]).get(series)
    settings = _settings(session, series)
    state, after_time, after_id = _begun(session, series, settings)
    binds = {"series": series, "after_time": after_time, "after_id": after_id}
    found = session.rows(sql.PAGE, binds | {"end_time": _end(session, now_ms)}, page)
    metrics = list(_metrics(session, series, found))
    known = {
        name: (by, false == "Y")
        for name, by, false in session.rows(sql.KNOWN_ALERTS, listed(m.id for m in metrics))
    }
    judged = _judged(state, metrics, {name for name, (_, false) in known.items() if false})
    fresh = [alert for alert in judged.alerts if alert.alert_id not in known]
    _write(session, judged, {name for name, (by, _) in known.items() if by == BY_HAND}, found)
    session.run(sql.FORGET_BACKFILL, {"series": series})
    done = len(found) < page
    scored = Scored(alerts=fresh)
    if done:
        last = judged.state._replace(series=series, heeded=settings.false_alarms)
        if last.detector is not None and judged.state.events:
            (scored.changed if live is not None else scored.fresh).append(last)
    else:
        _note(session, judged.state, found[-1], now_ms)
    _write_quietly(session, scored, now_ms)
    strange = sum(row.anomaly for row in judged.rows)
    return Passed(judged.state.events, strange, len(fresh), done)


def _end(session: Session, now_ms: int) -> object:
    """What is later than the function would take is no history yet."""
    return session.moment(now_ms + FUTURE_MS)


def _settings(session: Session, series: str) -> SeriesState:
    """A state that knows nothing but what the series is set to."""
    state = SeriesState(series)
    for *_, sensitivity, _, false_alarms in session.rows(statements.ONE_SERIES, {"series": series}):
        state = state._replace(sensitivity=float(sensitivity), false_alarms=int(false_alarms))
    return state


def _begun(session: Session, series: str, settings: SeriesState) -> tuple[SeriesState, object, str]:
    """Where the pass stands: its state, and behind which row."""
    # What was reported is heeded where the pass comes to it, not at its beginning.
    state = settings._replace(false_alarms=0)
    for detector, after_time, after_id, last_value, episode_id, events in session.rows(
        sql.BEGUN, {"series": series}
    ):
        state = state._replace(
            detector=detector,
            newest_ms=session.ms(after_time),
            last_value=None if last_value is None else float(last_value),
            episode_id=episode_id,
            events=int(events),
        )
        return state, after_time, after_id
    return state, session.moment(_BEFORE_ALL_MS), " "


def _metrics(session: Session, series: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[Metric]:
    for event_id, moment, value in rows:
        time_ms = session.ms(moment)
        if time_ms is not None:  # a text in SQLite that is no time
            yield Metric(event_id, series, time_ms, float(value), None, b"")


def _judged(state: SeriesState, metrics: Sequence[Metric], called_false: set[str]) -> _Judged:
    """The verdicts of a page. Pure."""
    judged = _Judged(state)
    line = Line(state)
    for metric in metrics:
        judged.rows.append(line.judge(metric)._replace(late=False))
        if metric.id in called_false and any(one.alert_id == metric.id for one in line.alerts):
            _gather(judged, line)
            # As if it had been said at once: the next line begins with one more to heed.
            line = Line(judged.state._replace(false_alarms=judged.state.heeded + 1))
    _gather(judged, line)
    return judged


def _gather(judged: _Judged, line: Line) -> None:
    judged.state = line.state()
    judged.alerts += line.alerts
    judged.begun |= {row.episode_id for row in line.begun}
    judged.episodes |= {row.episode_id: row for row in (*line.begun, *line.continued)}


def _write(
    session: Session, judged: _Judged, by_hand: set[str], found: Sequence[tuple[Any, ...]]
) -> None:
    if not judged.rows:
        return
    rows = [row._replace(anomaly=row.anomaly or row.event_id in by_hand) for row in judged.rows]
    flagged = [row.event_id for row in rows if row.anomaly]
    session.run(sql.OPEN_ROWS, listed(flagged))
    session.many(sql.JUDGE_ROW, [_binds(session, row) for row in rows])
    span = {"start_time": found[0][1], "end_time": found[-1][1]}
    going_on = next((name for name in judged.episodes if name not in judged.begun), " ")
    series = {"series": judged.state.series, "episode_id": going_on}
    session.run(sql.FORGET_EPISODES, series | span)
    session.many(
        statements.INSERT_EPISODE,
        [episode_binds(session, judged.episodes[name]) for name in sorted(judged.begun)],
    )
    session.many(
        statements.UPDATE_EPISODE,
        [
            episode_binds(session, row)
            for name, row in judged.episodes.items()
            if name not in judged.begun
        ],
    )


def _binds(session: Session, row: EventRow) -> Mapping[str, object]:
    every = event_binds(session, row)
    return {name: every[name] for name in sql.JUDGE_ROW_BINDS}


def _note(session: Session, state: SeriesState, last: tuple[Any, ...], now_ms: int) -> None:
    binds = {
        "series": state.series,
        "detector": state.detector,
        "after_time": last[1],
        "after_id": last[0],
        "last_value": state.last_value,
        "episode_id": state.episode_id,
        "events": state.events,
        "now_time": session.moment(now_ms),
    }
    session.run(sql.NOTE_BACKFILL, binds)
