"""`millrace anomalies quarantine`: metrics that could not be applied, and how they come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from millrace.anomaly.desk import Desk, Kept
from millrace.anomaly.redrive import Mending, Redriven, Redriver
from millrace.errors import ConfigurationError

from cli.anomaly_place import DatabaseOption, WhoOption, environment, opened, place_name, who
from cli.commands import JsonOption, MillraceCommand, epilog, finish, new_group, surroundings
from cli.figures import NOTHING, counted, moment
from cli.inputs import STANDARD_INPUT
from cli.inputs import opened as opened_file
from cli.output import (
    WIDE,
    print_facts,
    print_json,
    print_line,
    print_table,
    print_wrapped,
    quantity,
    stdout,
)
from cli.progress import progress
from cli.redriving import DryRunOption, YesOption, ask, check_named, fields_of, is_asked

app = new_group()

# So much of an id tells records apart, and is what lists show.
_ID_SHOWN = 12
_CHUNK = 100

ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="REASON", help="Only records of this reason.")
]
RecordsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="RECORD", help="The beginnings of ids are enough."),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="All that were not redriven, or all of a --reason.")
]
ChangesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Mend first: set this field of the event. The value is JSON, or else a text. May be"
        " repeated.",
    ),
]
PayloadOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Mend first: apply this instead of what came, an event or an array as Connector Hub"
        " sends it; - is standard input. For one record.",
    ),
]
AsNewOption = Annotated[
    bool,
    typer.Option(
        "--as-new", help="Where the id is known with other content, apply it under a new id."
    ),
]


@app.command(
    cls=MillraceCommand,
    name="list",
    epilog=epilog(
        "millrace anomalies quarantine list",
        "millrace anomalies quarantine list --reason id-conflict --open --json",
        s0="it is listed",
        s1="the database does not answer",
    ),
)
def list_records(
    ctx: typer.Context,
    reason: ReasonOption = None,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only records that were not redriven.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="List the N newest; 0: all.")
    ] = 100,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the records that could not be applied, with the reason, the newest first."""
    desk = Desk(opened(ctx, database))
    found = desk.quarantined(limit or None, reason=reason, only_open=only_open)
    counts = desk.quarantine_counts()
    where = place_name(environment(ctx, database))
    if as_json:
        reasons = {name: {"records": n, "redriven": done} for name, (n, done) in counts.items()}
        records = [one._asdict() for one in found]
        print_json({"database": where, "records": records, "reasons": reasons})
        return
    if not found:
        print_line(f"Nothing{' of that kind' if counts else ''} is in quarantine in {where}.")
        return
    _show_kept(found)
    left = {name: n - done for name, (n, done) in counts.items() if n > done}
    print_line(f"{quantity(sum(left.values()), 'record')} to redrive: {counted(left) or NOTHING}.")


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies quarantine show 5f2c81aa09b4",
        "millrace anomalies quarantine show 5f2c81aa09b4 --json",
        s0="it is shown",
        s1="there is no such record",
    ),
)
def show(
    ctx: typer.Context,
    record: Annotated[
        str, typer.Argument(metavar="RECORD", help="The beginning of its id is enough.")
    ],
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show a record whole, and what a redrive of it would find now."""
    at = opened(ctx, database)
    kept = Desk(at).kept(record)
    (found,) = Redriver(at).judge([kept.quarantine_id])
    if as_json:
        print_json({**kept._asdict(), "redrive_would": found._asdict()})
        return
    facts = [
        ("record", kept.quarantine_id),
        ("reason", f"{kept.reason}: {kept.message}"),
        ("arrived", NOTHING if kept.received_ms is None else moment(kept.received_ms)),
        ("place", _place(kept)),
        ("key", NOTHING if kept.key is None else kept.key),
        ("state", _state(kept)),
        ("a redrive finds", f"{found.outcome} {found.message}".strip()),
    ]
    print_facts(facts)
    print_line()
    print_line(kept.payload)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace anomalies quarantine redrive 5f2c81aa09b4 --set metric=58",
        "millrace anomalies quarantine redrive 5f2c81aa09b4 --payload mended.json",
        "millrace anomalies quarantine redrive --all --reason place-conflict",
        "millrace anomalies quarantine redrive --all --dry-run",
        s0="nothing of it is left to do",
        s1="something is left: still invalid, or in conflict",
    ),
)
def redrive(
    ctx: typer.Context,
    records: RecordsArgument = None,
    everything: AllOption = False,
    reason: ReasonOption = None,
    changes: ChangesOption = None,
    payload: PayloadOption = None,
    as_new: AsNewOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    by: WhoOption = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Put records through the pipeline again, mended or as they are after a fix of the code.

    Each is applied whole and once, and noted in the same transaction: redriving again does nothing.
    An event older than the newest of its series is stored and marked late, but not judged. Of two
    events with one id and other content the first stays, and the other is left alone unless
    --as-new makes it one of its own. An event whose place on the stream is taken is applied
    without it.
    """
    check_named(records, everything, "RECORD")
    if reason is not None and not everything:
        raise ConfigurationError("--reason chooses among --all.")
    at = opened(ctx, database)
    chosen = _chosen(Desk(at), records, reason)
    mending = _mending(changes or (), payload, as_new, len(chosen))
    where = place_name(environment(ctx, database))
    redriver = Redriver(at)
    if dry_run or is_asked(ctx, chosen, everything=everything, yes=yes):
        plan = redriver.judge(chosen, mending)
        if dry_run:
            _show(plan, where, dry_run=True, as_json=as_json)
            finish(all(one.done for one in plan))
            return
        ask(f"{where}: {_summary(plan)}")
    done = _redriven(ctx, redriver, chosen, who(by), mending)
    _show(done, where, dry_run=False, as_json=as_json)
    finish(all(one.done for one in done))


def _redriven(
    ctx: typer.Context, redriver: Redriver, chosen: Sequence[str], by: str, mending: Mending
) -> list[Redriven]:
    done: list[Redriven] = []
    with progress("redriving", len(chosen)) as advance:
        for start in range(0, len(chosen), _CHUNK):
            now_ms = surroundings(ctx).now_ms()
            done += redriver.redrive(chosen[start : start + _CHUNK], by, now_ms, mending)
            advance(len(done), quantity(len(done), "record"))
    return done


def _chosen(desk: Desk, records: Sequence[str] | None, reason: str | None) -> list[str]:
    """The whole ids, the oldest first."""
    if records:
        return list(dict.fromkeys(desk.kept(one).quarantine_id for one in records))
    found = desk.quarantined(None, reason=reason, only_open=True)
    return [one.quarantine_id for one in reversed(found)]


def _mending(changes: Sequence[str], payload: str | None, as_new: bool, count: int) -> Mending:
    fields = fields_of(changes, "metric=58")
    if payload is None:
        return Mending(None, fields, as_new)
    if count != 1:
        raise ConfigurationError(f"--payload is for one record, and there are {count}.")
    with opened_file(payload if payload == STANDARD_INPUT else str(Path(payload))) as source:
        return Mending(source.stream.read(), fields, as_new)


def _show(found: Sequence[Redriven], where: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        records = [{**one._asdict(), "done": one.done and not dry_run} for one in found]
        print_json({"database": where, "dry_run": dry_run, "records": records})
        return
    if not found:
        print_line(f"Nothing is to be redriven in {where}.")
        return
    print_table(
        ("record", "outcome", "events", "what is wrong"),
        [(one.quarantine_id[:_ID_SHOWN], one.outcome, one.events, one.message) for one in found],
        right=("events",),
    )
    print_line(_summary(found))
    if dry_run:
        print_line("Nothing was changed: --dry-run.")


def _summary(found: Sequence[Redriven]) -> str:
    counts = counted(Counter(one.outcome for one in found))
    return f"{quantity(len(found), 'record')}: {counts}."


def _show_kept(found: Sequence[Kept]) -> None:
    """A table; where there is no room for one, two lines or three for each."""
    rows = [_row(one) for one in found]
    if stdout().width >= WIDE:
        print_table(("record", "arrived", "reason", "place", "state", "what is wrong"), rows)
        return
    for name, arrived, reason, place, state, message in rows:
        print_line(f"{name}  {arrived}  {place}")
        print_wrapped(f"{reason} ({state}): {message}")


def _row(kept: Kept) -> tuple[str, ...]:
    arrived = NOTHING if kept.received_ms is None else moment(kept.received_ms)
    name = kept.quarantine_id[:_ID_SHOWN]
    return (name, arrived, kept.reason, _place(kept), _state(kept), kept.message)


def _place(kept: Kept) -> str:
    return NOTHING if kept.stream is None else f"{kept.stream}/{kept.partition}/{kept.offset}"


def _state(kept: Kept) -> str:
    if kept.outcome is None:
        return "open"
    at = "" if kept.redriven_ms is None else f" {moment(kept.redriven_ms)}"
    return f"{kept.outcome}, by {kept.redriven_by}{at}"
