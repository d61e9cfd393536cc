"""`millrace quarantine`: what could not be applied, and how it comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated

import typer
from millrace.errors import ConfigurationError, QuarantineError

from cli.commands import (
    JsonOption,
    LocalOption,
    MillraceCommand,
    StackOption,
    epilog,
    finish,
    new_group,
    surroundings,
)
from cli.judging import Judged, Status, judged, redriven, totals
from cli.kept_objects import Kind
from cli.output import complain, print_json, print_line
from cli.progress import progress, watched
from cli.quarantine_place import Place, place_of
from cli.quarantine_view import (
    kinds_line,
    object_document,
    print_kept,
    print_object,
    print_totals,
    status_line,
)
from cli.redriving import DryRunOption, YesOption, ask, check_named, fields_of, is_asked

app = new_group()

KindOption = Annotated[
    list[Kind] | None,
    typer.Option(
        "--kind",
        metavar="|".join(Kind),
        help="Only this kind: poison, late events, what the function gave up, batches that Lambda"
        " gave up; may be repeated.",
    ),
]


KeysArgument = Annotated[
    list[str] | None, typer.Argument(metavar="KEY", help="As millrace quarantine list has them.")
]
ChangesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Mend poison first: set this field of the event (a dot goes into an object). The"
        " value is JSON, or else a text. May be repeated.",
    ),
]
AsMissingOption = Annotated[
    bool,
    typer.Option(
        "--as-missing",
        help="Apply late events that have an id, too: on your word that none is a copy of an"
        " event that was applied before. With --kind late, or keys of late events.",
    ),
]


@app.command(
    cls=MillraceCommand,
    name="list",
    epilog=epilog(
        "millrace quarantine list",
        "millrace quarantine list --local --kind late --kind gave-up",
        "millrace quarantine list --status undetermined --json",
        s0="it is listed",
        s1="it could not be read",
    ),
)
def list_objects(
    ctx: typer.Context,
    kind: KindOption = None,
    status: Annotated[
        Status | None,
        typer.Option(metavar="|".join(Status), help="Only objects with an event of this status."),
    ] = None,
    judge: Annotated[
        bool,
        typer.Option(
            help="Say of each object what a redrive would find; without it only the quarantine is"
            " read."
        ),
    ] = True,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="List the first N, oldest first; 0: all.")
    ] = 100,
    as_json: JsonOption = False,
    stack: StackOption = None,
    local: LocalOption = None,
) -> None:
    """List what could not be applied, with the reason, and what is certain of it.

    missing: a redrive applies it. applied-before: nothing is left to do. in-a-hole: the redrive of
    that hole applies it. still-invalid: mend it first, with redrive --set or in features.toml.
    undetermined: neither provably applied nor provably missing; a redrive leaves it alone.
    """
    if status is not None and not judge:
        raise ConfigurationError("--status needs what --no-judge leaves out; give one of them.")
    place = place_of(surroundings(ctx), stack, local)
    keys = place.keys(kind)
    with progress("judging" if judge else "reading", len(keys)) as advance:
        work = place.redriver.judge if judge else None
        every = watched(judged(keys, place.redriver, work, place.parallel), advance, "object")
        wanted = (one for one in every if status is None or one.has(status))
        found = list(islice(wanted, limit or None))
    if as_json:
        _print_list(found, keys, place)
        return
    for one in found:
        print_object(one)
    if not keys:
        print_line(f"Nothing is in quarantine on {place.where}.")
    else:
        print_totals(found, keys)


def _print_list(found: Sequence[Judged], keys: Sequence[str], place: Place) -> None:
    counts = {kind: sum(Kind.of(key) is kind for key in keys) for kind in Kind}
    print_json(
        {
            "target": place.where,
            "objects": [object_document(one) for one in found],
            "total": len(keys),
            "kinds": counts,
            "events": dict(totals(found)),
        }
    )


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace quarantine show quarantine/events/1769860800000/shardId-000000000000/….json",
        "millrace quarantine show --local late/….json --json",
        s0="it is shown",
        s1="there is no such object, or it could not be read",
    ),
)
def show(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="As millrace quarantine list has it.")],
    as_json: JsonOption = False,
    stack: StackOption = None,
    local: LocalOption = None,
) -> None:
    """Show an object with its records, the reason, and what a redrive would find."""
    place = place_of(surroundings(ctx), stack, local)
    (one,) = judged([key], place.redriver, place.redriver.judge, 1)
    if one.kept is None:
        raise QuarantineError(f"{one.before or one.problem}")
    if as_json:
        print_json({**object_document(one), "content": one.kept.content})
    else:
        print_kept(one)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace quarantine redrive quarantine/….json --set metric=12.5",
        "millrace quarantine redrive --all --kind gave-up",
        "millrace quarantine redrive --all --kind late --as-missing",
        "millrace quarantine redrive --all --dry-run",
        s0="nothing of it is left in quarantine",
        s1="something is left: still invalid, undetermined, in a hole, or not to be done now",
    ),
)
def redrive(
    ctx: typer.Context,
    keys: KeysArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All objects, or all of a --kind.")
    ] = False,
    kind: KindOption = None,
    changes: ChangesOption = None,
    as_missing: AsMissingOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
    local: LocalOption = None,
) -> None:
    """Apply what is certainly missing, exactly once, whatever its lateness.

    What was applied before is not applied again, whoever redrives it, and how often. What is done
    moves to redriven/ in the same bucket. A late event that has an id may be a copy of one that was
    applied long ago, and no id is remembered for ever: it is undetermined until you say
    --as-missing.
    """
    mended = fields_of(changes or (), "metric=12.5")
    _check_choice(keys, everything, kind, mended, as_missing)
    place = place_of(surroundings(ctx), stack, local)
    chosen = list(dict.fromkeys(keys)) if keys else place.keys(kind)
    if dry_run or is_asked(ctx, chosen, everything=everything, yes=yes):
        plan = _plan(place, chosen, mended, as_missing)
        if dry_run:
            _show_done(plan, chosen, place, dry_run=True, as_json=as_json)
            finish(all(one.redrivable for one in plan))
            return
        ask(f"{place.where}: {kinds_line(chosen)}; events: {status_line(totals(plan))}")
    with progress("redriving", len(chosen)) as advance:
        redriver = place.redriver

        def apply(key: str) -> Counter[str]:
            return redriver.redrive(key, mended, as_missing=as_missing)

        done = list(watched(redriven(chosen, redriver, apply), advance, "object"))
    _show_done(done, chosen, place, dry_run=False, as_json=as_json)
    finish(len(done) == len(chosen) and all(one.settled for one in done))


def _check_choice(
    keys: Sequence[str] | None,
    everything: bool,
    kind: Sequence[Kind] | None,
    mended: Mapping[str, object],
    as_missing: bool,
) -> None:
    check_named(keys, everything, "KEY")
    if keys and kind:
        raise ConfigurationError("--kind chooses among --all; a KEY has its kind in its name.")
    kinds = {Kind.of(key) for key in keys} if keys else set(kind or Kind)
    if mended and kinds != {Kind.POISON}:
        raise ConfigurationError("--set mends poison only: name its keys, or --kind poison.")
    if as_missing and kinds != {Kind.LATE}:
        raise ConfigurationError(
            "--as-missing is for late events only: name their keys, or --kind late."
        )


def _plan(
    place: Place, keys: Sequence[str], mended: Mapping[str, object], as_missing: bool
) -> list[Judged]:
    """What a redrive would find."""
    with progress("judging", len(keys)) as advance:
        work = judged(
            keys,
            place.redriver,
            lambda key: place.redriver.judge(key, mended, as_missing=as_missing),
            place.parallel,
        )
        return list(watched(work, advance, "object"))


def _show_done(
    done: Sequence[Judged], chosen: Sequence[str], place: Place, *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        print_json(
            {
                "target": place.where,
                "dry_run": dry_run,
                "objects": [
                    {**object_document(one), "done": not dry_run and one.settled} for one in done
                ],
                "not_tried": len(chosen) - len(done),
                "events": dict(totals(done)),
            }
        )
        return
    for one in done:
        print_object(one)
    if not chosen:
        print_line(f"Nothing is in quarantine on {place.where}.")
        return
    print_totals(done, chosen)
    if any(one.kind is Kind.LATE and one.has(Status.UNDETERMINED) for one in done):
        print_line("Late events with an id may be late copies: see --as-missing in --help.")
    if dry_run:
        print_line("Nothing was changed: --dry-run.")
    elif more := len(chosen) - len(done):
        complain(f"Stopped: {more:,} objects were not tried. Run it again; what is done is done.")
