"""`millrace anomalies`: what is strange, and what an operator says to it."""

from __future__ import annotations

from typing import Annotated

import typer
from millrace.anomaly.desk import AlertView, SeriesView
from millrace.errors import ConfigurationError

from cli import (
    anomaly_backfill,
    anomaly_explain,
    anomaly_purge,
    anomaly_quarantine,
    anomaly_score,
)
from cli.anomaly_place import DatabaseOption, WhoOption, desk, environment, place_name, who
from cli.anomaly_tables import show_alerts, show_series, state_of
from cli.anomaly_times import instant_ms, span_ms
from cli.commands import JsonOption, MillraceCommand, epilog, new_group, surroundings
from cli.figures import figure, moment
from cli.output import print_json, print_line

app = new_group()

AlertArgument = Annotated[
    str, typer.Argument(metavar="ALERT", help="As millrace anomalies list has it.")
]
SeriesArgument = Annotated[
    str, typer.Argument(metavar="SERIES", help="As millrace anomalies series has it.")
]


@app.command(
    cls=MillraceCommand,
    name="list",
    epilog=epilog(
        "millrace anomalies list",
        "millrace anomalies list --open --series host1.cpu",
        "millrace anomalies list --database oracle://MILLRACE@anomalies_tp --json",
        s0="it is listed",
        s1="the database does not answer",
    ),
)
def list_alerts(
    ctx: typer.Context,
    series: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only alerts of this series.")
    ] = None,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only alerts that nobody has acknowledged.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="List the N newest; 0: all.")
    ] = 100,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the alerts, one an episode, the newest first."""
    found = desk(ctx, database).alerts(series, only_open=only_open, most=limit or None)
    where = place_name(environment(ctx, database))
    if as_json:
        print_json({"database": where, "alerts": [alert_document(one) for one in found]})
        return
    if not found:
        print_line(f"No {'open ' if only_open else ''}alerts in {where}.")
        return
    show_alerts(found)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies series",
        "millrace anomalies series --json",
        s0="it is listed",
        s1="the database does not answer",
    ),
)
def series(
    ctx: typer.Context, as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """List the series with what they are set to."""
    found = desk(ctx, database).series()
    where = place_name(environment(ctx, database))
    now_ms = surroundings(ctx).now_ms()
    if as_json:
        print_json({"database": where, "series": [one._asdict() for one in found]})
        return
    if not found:
        print_line(f"No series in {where}: nothing was judged yet.")
        return
    show_series(found, now_ms)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies ack cpu-1017",
        "millrace anomalies ack cpu-1017 --by ann --json",
        s0="it is acknowledged, now or before",
        s1="there is no such alert",
    ),
)
def ack(
    ctx: typer.Context,
    alert: AlertArgument,
    by: WhoOption = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that somebody looks after an alert."""
    at = desk(ctx, database)
    new = at.acknowledge(alert, who(by), surroundings(ctx).now_ms())
    after = at.alert(alert)
    said = "Acknowledged" if new else f"Was acknowledged before, by {after.acknowledged_by}"
    _tell(after, f"{said}: {alert}.", new, as_json)


@app.command(
    cls=MillraceCommand,
    name="false-alarm",
    epilog=epilog(
        "millrace anomalies false-alarm cpu-1017",
        s0="it is noted, now or before",
        s1="there is no such alert",
    ),
)
def false_alarm(
    ctx: typer.Context,
    alert: AlertArgument,
    by: WhoOption = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that an alert was none: from the series' next events on, alerts must be rarer.

    Each such answer raises the bar by one more time the usual; half of that is forgotten after
    2,000 points. It counts once an alert, and acknowledges it.
    """
    at = desk(ctx, database)
    new = at.false_alarm(alert, who(by), surroundings(ctx).now_ms())
    after = at.alert(alert)
    said = f"A false alarm: {alert}. {after.series} must be stranger to alert again."
    _tell(after, said if new else f"Was called false before: {alert}.", new, as_json)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies mute host1.cpu --for 2h",
        "millrace anomalies mute host1.cpu --until 2026-02-01T06:00",
        s0="it is muted",
        s1="there is no such series",
    ),
)
def mute(
    ctx: typer.Context,
    series: SeriesArgument,
    length: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="For 30m, 2h, 1h30m, 7d …, from now."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Up to this time (UTC).")
    ] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send no alert of a series' events before a time; the alerts are kept."""
    if (length is None) is (until is None):
        raise ConfigurationError("Say how long: --for 2h, or --until 2026-02-01T06:00.")
    now_ms = surroundings(ctx).now_ms()
    until_ms = (
        instant_ms(until, "--until")
        if until is not None
        else now_ms + span_ms(length or "", "--for")
    )
    at = desk(ctx, database)
    at.known_series(series)
    at.mute(series, until_ms)
    _tell_series(at.known_series(series), f"{series} is muted until {moment(until_ms)}.", as_json)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies unmute host1.cpu",
        s0="it is not muted",
        s1="there is no such series",
    ),
)
def unmute(
    ctx: typer.Context,
    series: SeriesArgument,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send a series' alerts again."""
    at = desk(ctx, database)
    at.known_series(series)
    at.mute(series, None)
    _tell_series(at.known_series(series), f"{series} sends its alerts.", as_json)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies sensitivity host1.cpu 0.5",
        "millrace anomalies sensitivity host1.cpu 1",
        s0="it is set",
        s1="there is no such series, or no such sensitivity",
    ),
)
def sensitivity(
    ctx: typer.Context,
    series: SeriesArgument,
    number: Annotated[
        float,
        typer.Argument(
            metavar="N", help="1 is the usual; 2 alerts for what is twice as common, 0.5 for less."
        ),
    ],
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Set how easily a series alerts, from its next events on."""
    at = desk(ctx, database)
    at.known_series(series)
    at.set_sensitivity(series, number)
    _tell_series(at.known_series(series), f"{series} has sensitivity {figure(number)}.", as_json)


def alert_document(alert: AlertView) -> dict[str, object]:
    """An alert for machines."""
    return {**alert._asdict(), "state": state_of(alert)}


def _tell(alert: AlertView, line: str, new: bool, as_json: bool) -> None:
    if as_json:
        print_json({"changed": new, "alert": alert_document(alert)})
    else:
        print_line(line)


def _tell_series(series: SeriesView, line: str, as_json: bool) -> None:
    if as_json:
        print_json({"series": series._asdict()})
    else:
        print_line(line)


for _module in (anomaly_explain, anomaly_score, anomaly_backfill, anomaly_purge):
    _module.register(app)
app.add_typer(
    anomaly_quarantine.app,
    name="quarantine",
    help="Metrics that could not be applied, and how they come back.",
)
