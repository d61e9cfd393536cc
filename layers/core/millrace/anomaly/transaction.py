"""A batch's reads and writes, in one transaction of a session."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

from millrace.anomaly import statements
from millrace.anomaly.metrics import Metric
from millrace.anomaly.rows import Alert, EpisodeRow, EventRow, Poison, SeriesState
from millrace.anomaly.scoring import Known, Scored
from millrace.anomaly.session import Session, listed
from millrace.connector_hub import Source

# A longer key names no series, and its column has room for so much in base64.
_MOST_KEY_BYTES = 512


class SqlTransaction:
    """What scoring needs of a database. The session commits, or rolls back, around it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def states(self, series: Sequence[str]) -> dict[str, SeriesState]:
        """The states of the series that are not new, locked; read by one statement."""
        rows = self._session.rows(statements.STATES, listed(series)) if series else []
        found = {}
        for name, detector, newest_ms, last_value, *rest in rows:
            events, late, episode_id, heeded, sensitivity, muted_until_ms, false_alarms = rest
            found[name] = SeriesState(
                series=name,
                detector=detector,
                newest_ms=_whole(newest_ms),
                last_value=_number(last_value),
                events=int(events),
                late=int(late),
                episode_id=episode_id,
                heeded=int(heeded),
                sensitivity=float(sensitivity),
                muted_until_ms=_whole(muted_until_ms),
                false_alarms=int(false_alarms),
            )
        return found

    def known(self, metrics: Sequence[Metric]) -> Known:
        """What is stored already under the events' ids and places."""
        if not metrics:
            return Known({}, {})
        ids = listed(metric.id for metric in metrics)
        contents = {
            event_id: (series, self._session.ms(moment), _number(value))
            for event_id, series, moment, value in self._session.rows(statements.KNOWN_IDS, ids)
        }
        return Known(contents, self._places(metrics))

    def _places(self, metrics: Sequence[Metric]) -> dict[Source, str]:
        partitions: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for metric in metrics:
            if metric.source is not None:
                partitions[metric.source[:2]].append(metric.source.offset)
        places = {}
        for (stream, partition), offsets in partitions.items():
            binds = {"stream": stream, "place": partition, **listed(map(str, offsets))}
            for event_id, offset in self._session.rows(statements.KNOWN_PLACES, binds):
                places[Source(stream, partition, int(offset))] = event_id
        return places

    def write(self, scored: Scored, now_ms: int) -> None:
        """Write a scored batch: each table by one statement with many binds."""
        session = self._session
        now = {"now_time": session.moment(now_ms)}
        sounding = [alert for alert in scored.alerts if not alert.muted]
        for statement, binds in (
            (statements.INSERT_EVENT, [event_binds(session, row) | now for row in scored.rows]),
            (statements.INSERT_STATE, [_state(state) | now for state in scored.fresh]),
            (statements.UPDATE_STATE, [_state(state) | now for state in scored.changed]),
            (statements.INSERT_ALERT, [self._alert(alert) | now for alert in scored.alerts]),
            (statements.INSERT_OUTBOX, [{"alert_id": a.alert_id} | now for a in sounding]),
            (statements.INSERT_EPISODE, [episode_binds(session, row) for row in scored.begun]),
            (statements.UPDATE_EPISODE, [episode_binds(session, row) for row in scored.continued]),
        ):
            session.many(statement, binds)

    def quarantine(self, poison: Sequence[Poison], now_ms: int) -> int:
        """Keep what is not kept already, named after its place and content."""
        named = {_name_of(one): one for one in poison}
        if not named:
            return 0
        known = self._session.rows(statements.KNOWN_POISON, listed(named))
        fresh = named.keys() - {name for (name,) in known}
        now = {"now_time": self._session.moment(now_ms)}
        binds = [_poison(name, named[name]) | now for name in sorted(fresh)]
        self._session.many(statements.INSERT_POISON, binds)
        return len(binds)

    def _alert(self, alert: Alert) -> dict[str, object]:
        return {
            "alert_id": alert.alert_id,
            "series": alert.series,
            "event_time": self._session.moment(alert.time_ms),
            "metric_value": alert.value,
            "score": alert.score,
            "expected": alert.expected,
            "low_value": alert.low,
            "high_value": alert.high,
            "reason": alert.reason,
            "raised_by": alert.by,
            "muted_flag": _flag(alert.muted),
        }


def event_binds(session: Session, row: EventRow) -> dict[str, object]:
    """A row of raw_events as its statements bind it."""
    return {
        "event_id": row.event_id,
        "series": row.series,
        "event_time": session.moment(row.time_ms),
        "metric_value": row.value,
        "feature1": row.feature1,
        "feature2": row.feature2,
        "anomaly_flag": _flag(row.anomaly),
        "score": row.score,
        "reason": row.reason,
        "late_flag": _flag(row.late),
        "expected": row.expected,
        "low_value": row.low,
        "high_value": row.high,
        "rate": row.rate,
        "view_name": row.view,
        **_source(row.source),
    }


def episode_binds(session: Session, row: EpisodeRow) -> dict[str, object]:
    """An episode as its statements bind it."""
    return {
        "episode_id": row.episode_id,
        "series": row.series,
        "start_time": session.moment(row.start_ms),
        "end_time": session.moment(row.end_ms),
        "peak_time": session.moment(row.peak_ms),
        "peak_score": row.peak_score,
        "peak_value": row.peak_value,
        "strange_points": row.strange_points,
    }


def _state(state: SeriesState) -> dict[str, object]:
    return {
        "series": state.series,
        "detector": state.detector,
        "newest_ms": state.newest_ms,
        "last_value": state.last_value,
        "events": state.events,
        "late_events": state.late,
        "episode_id": state.episode_id,
        "heeded": state.heeded,
    }


def _source(source: Source | None) -> dict[str, object]:
    stream, partition, offset = source or (None, None, None)
    return {"source_stream": stream, "source_partition": partition, "source_offset": offset}


def _name_of(poison: Poison) -> str:
    digest = sha256(repr((poison.reason, poison.source)).encode("utf-8", "backslashreplace"))
    digest.update(poison.payload)
    return digest.hexdigest()


def _poison(name: str, poison: Poison) -> dict[str, object]:
    return {
        "quarantine_id": name,
        "reason": poison.reason,
        "message": poison.message[:1000],
        "payload": _text(poison.payload),
        "source_key": None if poison.key is None else _text(poison.key[:_MOST_KEY_BYTES]),
        **_source(poison.source),
    }


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(data).decode()}"


def _flag(is_set: bool) -> str:
    return "Y" if is_set else "N"


def _whole(value: object) -> int | None:
    return None if value is None else int(value)  # type: ignore[call-overload]


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
