"""`millrace anomalies explain`: why a point is strange, or is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer
from millrace.anomaly import verdict
from millrace.anomaly.desk import AlertView, Desk, Event, Point
from millrace.anomaly.line import STRANGE
from millrace.anomaly.rows import BY_SWEEP, EpisodeRow
from millrace.errors import InvalidRequest

from cli.anomaly_chart import dab, draw, legend, needs_ascii
from cli.anomaly_place import DatabaseOption, desk
from cli.commands import JsonOption, MillraceCommand, epilog
from cli.figures import NOTHING, duration, figure, moment
from cli.output import WIDE, print_facts, print_json, print_line, print_table, quantity, stdout

_EVER_MS = -62_135_596_800_000  # the year 1
_NEVER_MS = 253_402_300_799_000  # the end of 9999
_AFTER_SHARE = 3  # a third as many points behind it as before it
_LISTED = 5
_WIDEST = 100

VIEWS = {
    verdict.RESIDUAL: "the value, against what this hour of the day or the week leads to expect",
    verdict.VALUE: "the value, against all values before",
    verdict.LEVEL: "the average of the last dozen values, against the usual level",
    verdict.FEW_RESIDUALS: "the last few values, against what their hours lead to expect",
    verdict.MANY_RESIDUALS: "the last two dozen values, against what their hours lead to expect",
    verdict.STEPS: "the size of the steps from value to value, of late",
    verdict.RESIDUAL_SPREAD: "how far values lie from what their hours lead to expect, of late",
    verdict.FLAT: "how long the value has not changed",
    verdict.ORDINARY: "none: it is ordinary",
    verdict.LEARNING: "none yet: the series is too young",
}

EXAMPLES = epilog(
    "millrace anomalies explain cpu-1017",
    "millrace anomalies explain cpu-1017 --points 500 --json",
    s0="it is explained",
    s1="there is no such alert or event",
)


class _Case(NamedTuple):
    """All that is known of one alert or event."""

    name: str
    series: str
    alert: AlertView | None
    event: Event | None
    episode: EpisodeRow | None
    before: list[Point]
    after: list[Point]


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(name="explain", cls=MillraceCommand, epilog=EXAMPLES)(explain)


def explain(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ALERT|EVENT", help="An alert, or any event of a series.")
    ],
    points: Annotated[
        int, typer.Option("--points", metavar="N", min=1, help="Draw so many points before it.")
    ] = 200,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say why an event raised an alert, or did not: in words, in numbers, and drawn.

    What was expected and the band are what was known before the event. The view is what found it
    strangest; docs/anomaly.md says how each one looks at a series.
    """
    case = _case(desk(ctx, database), name, points)
    if as_json:
        print_json(_document(case))
        return
    print_facts(_facts(case), title=_title(case))
    print_line()
    _print_chart(case)
    _print_points(case)


def _case(desk: Desk, name: str, points: int) -> _Case:
    event = desk.event(name)
    try:
        alert = desk.alert(name)
    except InvalidRequest:
        alert = None
    if event is None and alert is None:
        message = f"there is no alert and no event {name!r}; anomalies list has the alerts' ids"
        raise InvalidRequest(404, "no-such-event", message, "event")
    series = event.series if event is not None else alert.series if alert is not None else ""
    time_ms = event.point.time_ms if event is not None else alert.time_ms if alert else None
    before: list[Point] = []
    after: list[Point] = []
    if time_ms is not None:
        before = desk.points(series, _EVER_MS, time_ms, points, latest=True)
        after = desk.points(series, time_ms, _NEVER_MS, 1 + points // _AFTER_SHARE)
    return _Case(name, series, alert, event, desk.episode(name), before, after)


def _title(case: _Case) -> str:
    if case.alert is None:
        return f"Event {case.name}, no alert"
    said = "false alarm, " if case.alert.false_alarm else ""
    return f"Alert {case.name}: {said}{case.alert.reason}"


def _facts(case: _Case) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [("series", case.series)]
    point = None if case.event is None else case.event.point
    if point is not None:
        if case.alert is None and point.reason:
            facts.append(("reason", point.reason))
        facts.append(("time", NOTHING if point.time_ms is None else moment(point.time_ms)))
        facts.append(("value", figure(point.value)))
        if point.rate is not None:
            facts.append(("rate per second", figure(point.rate)))
    expected, low, high = _band(case)
    facts.append(("expected", figure(expected)))
    facts.append(("band", NOTHING if low is None else f"{figure(low)} to {figure(high)}"))
    facts.append(("score", _score_words(case)))
    if point is not None and point.view is not None:
        facts.append(("found by", VIEWS.get(point.view, point.view)))
    if case.event is not None and case.event.stream is not None:
        place = f"{case.event.stream}/{case.event.partition}/{case.event.offset}"
        facts.append(("came from", place))
    return [*facts, *_alert_facts(case.alert), *_episode_facts(case.episode)]


def _band(case: _Case) -> tuple[float | None, float | None, float | None]:
    if case.event is not None and case.event.point.expected is not None:
        point = case.event.point
        return point.expected, point.low, point.high
    if case.alert is not None:
        return case.alert.expected, case.alert.low, case.alert.high
    return None, None, None


def _score_words(case: _Case) -> str:
    point = None if case.event is None else case.event.point
    score = point.score if point is not None else case.alert.score if case.alert else None
    by = case.event.by if case.event is not None else case.alert.by if case.alert else None
    if score is None:
        return NOTHING
    if by == BY_SWEEP:
        return f"{score:.2f} of the sweep's bar (|z| over its threshold)"
    if score < STRANGE:
        return f"{score:.2f}, below 1: not strange"
    times = 10 ** (score - STRANGE)
    return f"{score:.2f}: {times:.3g} times as rare as the series' own bar"


def _alert_facts(alert: AlertView | None) -> list[tuple[str, object]]:
    if alert is None:
        return []
    facts: list[tuple[str, object]] = [("raised by", alert.by)]
    if alert.muted:
        facts.append(("sent", "no: the series was muted, or this is history"))
    if alert.acknowledged_ms is not None:
        said = "called a false alarm" if alert.false_alarm else "acknowledged"
        facts.append((said, f"{moment(alert.acknowledged_ms)}, by {alert.acknowledged_by}"))
    return facts


def _episode_facts(episode: EpisodeRow | None) -> list[tuple[str, object]]:
    if episode is None:
        return []
    lasted = duration((episode.end_ms - episode.start_ms) / 1000)
    peak = f"{figure(episode.peak_value)} at {moment(episode.peak_ms)}"
    return [
        ("episode", f"{quantity(episode.strange_points, 'strange point')} in {lasted}"),
        ("peak", f"{peak}, score {episode.peak_score:.2f}"),
    ]


def _print_chart(case: _Case) -> None:
    points = [one for one in [*case.before, *case.after] if one.value is not None and not one.late]
    if not points:
        return
    dabs = [
        dab(
            one.judged if one.judged is not None else 0.0,
            one.low,
            one.high,
            score=one.score or 0.0,
            strange=one.anomaly,
            alert=one.event_id == case.name,
        )
        for one in points
    ]
    plain = needs_ascii()
    for line in draw(dabs, width=min(_WIDEST, stdout().width), height=10, ascii_only=plain):
        print_line(line)
    if points[0].time_ms is not None and points[-1].time_ms is not None:
        print_line(f"{'':12}{moment(points[0].time_ms)} to {moment(points[-1].time_ms)}")
    print_line(f"{'':12}{legend(ascii_only=plain).replace(' alert', ' this event')}")


def _print_points(case: _Case) -> None:
    """A table; a narrow one without ids, which would be broken over lines."""
    near = [*case.before[-_LISTED:], *case.after[: _LISTED + 1]]
    columns = ("", "time (UTC)", "value", "expected", "band", "score", "event")
    shown = slice(None if stdout().width >= WIDE else -1)
    print_table(
        columns[shown],
        [_row(one, case.name)[shown] for one in near],
        right=("value", "expected", "score"),
    )


def _row(one: Point, name: str) -> Sequence[str]:
    sign = "▲" if one.event_id == name else "●" if one.anomaly else "late" if one.late else ""
    band = NOTHING if one.low is None else f"{one.low:.4g} to {one.high:.4g}"
    return (
        sign if not needs_ascii() else sign.replace("▲", "^").replace("●", "O"),
        NOTHING if one.time_ms is None else moment(one.time_ms).removesuffix(" UTC"),
        *(_short(x) for x in (one.judged, one.expected)),
        band,
        NOTHING if one.score is None else f"{one.score:.2f}",
        one.event_id,
    )


def _short(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"


def _document(case: _Case) -> dict[str, object]:
    event = None
    if case.event is not None:
        event = {**case.event._asdict(), "point": case.event.point._asdict()}
    expected, low, high = _band(case)
    view = None if case.event is None else case.event.point.view
    return {
        "id": case.name,
        "series": case.series,
        "alert": None if case.alert is None else case.alert._asdict(),
        "event": event,
        "episode": None if case.episode is None else case.episode._asdict(),
        "expected": expected,
        "low": low,
        "high": high,
        "view": view,
        "view_means": None if view is None else VIEWS.get(view),
        "before": [one._asdict() for one in case.before],
        "after": [one._asdict() for one in case.after],
    }
