"""Alerts and series as a terminal shows them, however narrow it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from millrace.anomaly.desk import AlertView, SeriesView
from millrace.anomaly.history import BY_HISTORY

from cli.figures import NOTHING, moment
from cli.output import WIDE, print_line, print_table, print_wrapped, quantity, stdout

_COLUMNS = (
    *("series", "events", "late", "newest (UTC)", "last value"),
    *("sensitivity", "false alarms", "muted"),
)
_NUMBERS = ("events", "late", "last value", "sensitivity", "false alarms")
# What the columns hold for a series of which nothing was said.
_USUAL = {"late": "0", "sensitivity": "1", "false alarms": "0", "muted": ""}


def show_alerts(found: Sequence[AlertView]) -> None:
    """A table; where there is no room for one, two lines or three for each, its id in one piece."""
    if stdout().width < WIDE:
        _show_narrow(found)
    else:
        print_table(
            ("time", "series", "value", "score", "state", "reason", "alert"),
            [_alert_row(one) for one in found],
            right=("value", "score"),
        )
    states = Counter(state_of(one) for one in found)
    told = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    print_line(f"{quantity(len(found), 'alert')}: {told}.")


def _show_narrow(found: Sequence[AlertView]) -> None:
    for one in found:
        when, series, _, score, state, reason, alert_id = _alert_row(one)
        print_line(f"{when}  {state}  {alert_id}")
        print_wrapped(f"{series}: {reason} (score {score})")


def show_series(found: Sequence[SeriesView], now_ms: int) -> None:
    """A table; a narrow one without columns that hold the usual for each series."""
    rows = [_series_row(one, now_ms) for one in found]
    wide = stdout().width >= WIDE
    kept = [
        place
        for place, name in enumerate(_COLUMNS)
        if wide or any(row[place] != _USUAL.get(name) for row in rows)
    ]
    print_table(
        [_COLUMNS[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        right=_NUMBERS,
    )


def state_of(alert: AlertView) -> str:
    """An alert's state in words."""
    if alert.false_alarm:
        return "false alarm"
    if alert.acknowledged_ms is not None:
        return "past" if alert.acknowledged_by == BY_HISTORY else "acknowledged"
    return "muted" if alert.muted else "open"


def _alert_row(one: AlertView) -> tuple[str, ...]:
    when = NOTHING if one.time_ms is None else moment(one.time_ms)
    numbers = (_short(one.value), _short(one.score))
    return (when, one.series, *numbers, state_of(one), one.reason, one.alert_id)


def _short(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"


def _series_row(one: SeriesView, now_ms: int) -> tuple[str, ...]:
    muted = one.muted_until_ms is not None and one.muted_until_ms > now_ms
    return (
        one.series,
        f"{one.events:,}",
        f"{one.late:,}",
        NOTHING if one.newest_ms is None else moment(one.newest_ms).removesuffix(" UTC"),
        _short(one.last_value),
        _short(one.sensitivity),
        f"{one.false_alarms:,}",
        f"until {moment(one.muted_until_ms)}" if muted and one.muted_until_ms else "",
    )
