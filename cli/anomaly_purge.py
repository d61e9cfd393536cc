"""`millrace anomalies purge`: retention by hand, by the rules of the database's nightly job."""

from __future__ import annotations

from typing import Annotated

import typer
from millrace.anomaly import purging
from millrace.anomaly.purging import KEEP_DAYS, Purged
from millrace.anomaly.sql_store import SqlStore

from cli.anomaly_place import DatabaseOption, environment, opened, place_name
from cli.commands import JsonOption, MillraceCommand, epilog, surroundings
from cli.figures import moment
from cli.output import print_json, print_line, print_table

_WORDS = {
    "events": "events, judged, without an alert that stays",
    "alerts": "alerts, delivered or never to be sent",
    "episodes": "episodes",
    "digests": "digests that were delivered",
    "quarantined": "records in quarantine",
    "redrives": "redrives of such records",
    "sweep_runs": "runs of the sweep",
    "series": "states of series that no row is left of",
}

EXAMPLES = epilog(
    "millrace anomalies purge",
    "millrace anomalies purge --days 30 --execute",
    "millrace anomalies purge --days 30 --json",
    s0="it is printed, or with --execute deleted",
    s1="the database does not answer; what was deleted by then is",
)


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(name="purge", cls=MillraceCommand, epilog=EXAMPLES)(purge)


def purge(
    ctx: typer.Context,
    days: Annotated[
        float,
        typer.Option(
            "--days", metavar="N", help="Keep what came in within so many days; at least 8."
        ),
    ] = KEEP_DAYS,
    execute: Annotated[
        bool,
        typer.Option(
            "--execute/--dry-run", help="Delete it; by default it is only said what would go."
        ),
    ] = False,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Delete what came in long ago, by the rules of the database's own nightly job.

    What is not judged or not delivered stays, and so does the event of an alert that stays.
    Settings of series stay. An Oracle database does this every night by itself, for 90 days; a
    file of SQLite only where the local cloud runs on it, or by this command.
    """
    before = purging.before_ms(days, surroundings(ctx).now_ms())
    store = SqlStore(opened(ctx, database))
    where = place_name(environment(ctx, database))
    plan = store.purgeable(before)
    if not as_json:
        _show(plan, f"What came into {where} before {moment(before)}:")
    done = store.purge(before) if execute else None
    if as_json:
        document = {"database": where, "before_ms": before, "planned": plan._asdict()}
        print_json({**document, "deleted": None if done is None else done._asdict()})
    elif done is not None:
        print_line(f"Deleted: {sum(done):,} rows, {done.events:,} events among them.")
    elif any(plan):
        print_line("Nothing was deleted; --execute does.")


def _show(plan: Purged, title: str) -> None:
    if not any(plan):
        print_line(f"{title} nothing that may go.")
        return
    print_line(title)
    rows = [(f"{count:,}", _WORDS[name]) for name, count in plan._asdict().items()]
    print_table(("rows", "of"), rows, right=("rows",))
