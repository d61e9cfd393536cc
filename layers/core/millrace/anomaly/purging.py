"""Retention: what is old enough to go, counted or deleted, over either database."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from millrace.anomaly import purge_statements as text
from millrace.anomaly.session import Session
from millrace.errors import ConfigurationError

# Streams keep seven days at most, and within them an event may come again.
LEAST_DAYS = 8
KEEP_DAYS = 90
_DAY_MS = 86_400_000


class Purged(NamedTuple):
    """How many rows go, or went; `series` is what the function or the sweep knew of one."""

    events: int = 0
    alerts: int = 0
    episodes: int = 0
    digests: int = 0
    quarantined: int = 0
    redrives: int = 0
    sweep_runs: int = 0
    series: int = 0


class Sessions(Protocol):
    """The part of a database that retention needs."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Committed at the end of the block."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """Reads of one moment."""
        ...


def before_ms(keep_days: float, now_ms: int) -> int:
    """What arrived before then goes. Raises ConfigurationError.

    >>> before_ms(90, 7_776_000_000)
    0
    """
    if not LEAST_DAYS <= keep_days <= 36_500:
        raise ConfigurationError(
            f"retention must keep at least {LEAST_DAYS} days, and at most 36500, not {keep_days:g}:"
            " streams deliver again what is 7 days old, and an event is known by its row."
        )
    return now_ms - round(keep_days * _DAY_MS)


def foreseen(database: Sessions, before: int) -> Purged:
    """What a purge would take, as the tables are now. Nothing is changed."""
    with database.reading() as session:
        return Purged(
            events=_count(session, text.COUNT_EVENTS, before),
            alerts=_count(session, text.COUNT_ALERTS, before),
            episodes=_count(session, text.COUNT_EPISODES, before),
            digests=_count(session, text.COUNT_DIGESTS, before),
            quarantined=_count(session, text.COUNT_QUARANTINED, before),
            redrives=_count(session, text.COUNT_REDRIVES, before),
            sweep_runs=_count(session, text.COUNT_RUNS, before),
            series=_count(session, text.COUNT_STATES, before)
            + _count(session, text.COUNT_SWEPT, before),
        )


def purge(database: Sessions, before: int) -> Purged:
    """Delete it. Events go in many short transactions, so that nobody waits long."""
    with database.transaction() as session:
        _run(session, text.DELETE_SENT, before)
        done = Purged(
            digests=_run(session, text.DELETE_DIGESTS, before),
            alerts=_run(session, text.DELETE_ALERTS, before),
            episodes=_run(session, text.DELETE_EPISODES, before),
            quarantined=_run(session, text.DELETE_QUARANTINED, before),
            redrives=_run(session, text.DELETE_REDRIVES, before),
            sweep_runs=_run(session, text.DELETE_RUNS, before),
        )
    events = 0
    while gone := _some_events(database, before):
        events += gone
    with database.transaction() as session:
        series = _run(session, text.DELETE_STATES, before)
        series += _run(session, text.DELETE_SWEPT, before)
    return done._replace(events=events, series=series)


def _some_events(database: Sessions, before: int) -> int:
    with database.transaction() as session:
        return _run(session, text.DELETE_EVENTS, before)


def _run(session: Session, statement: str, before: int) -> int:
    return session.run(statement, _binds(session, statement, before))


def _count(session: Session, statement: str, before: int) -> int:
    ((count,),) = session.rows(statement, _binds(session, statement, before))
    return int(count)


def _binds(session: Session, statement: str, before: int) -> Mapping[str, object]:
    """Those that stand in the statement; Oracle takes no others."""
    moments = {"before_time": session.moment(before), "before_ms": before}
    return {name: value for name, value in moments.items() if f":{name}" in statement}
