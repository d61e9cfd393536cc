"""`millrace layers rollout`: a layer version for a fleet, in waves, each behind a health gate."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from millrace.lambda_layers import survey
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.exchange import short
from millrace.lambda_layers.rollout import Wanted
from millrace.lambda_layers.rollout_check import require_whole
from millrace.lambda_layers.standing import DONE, ROLLED_BACK, Standing
from millrace.plans.plan import Plan

from cli import rollout_options as options
from cli.commands import CommandGroup, JsonOption, MillraceCommand, epilog, finish, surroundings
from cli.lambda_account import AllRegionsOption, RegionOption, regions_of
from cli.output import print_json, print_line, say
from cli.plan_files import Asked, ExecuteOption, NeedsApprovalOption, OutputOption
from cli.rollout_desk import RolloutDesk, Stored
from cli.surroundings import Surroundings

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The rollout's id, or the file of its plan.")
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-too-little-data",
        help="Pass the wave that is held, in your name: you have looked at it yourself.",
    ),
]
UndoOption = Annotated[
    bool, typer.Option("--execute", help="Put it back; otherwise it is only printed.")
]
_DEFAULT = "to"
_S1 = "it was held, stopped or rolled back; or there is no plan"


class RolloutGroup(CommandGroup):
    """`rollout LAYER` is short for `rollout to LAYER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  typer hides its own
        """Let what is none of the commands be the layer of the usual one."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    group = typer.Typer(
        cls=RolloutGroup,
        no_args_is_help=True,
        help="Roll a layer version out to a fleet of functions: LAYER, or one of these.",
    )
    group.command(
        cls=MillraceCommand,
        name=_DEFAULT,
        epilog=epilog(
            "millrace layers rollout deps:8",
            "millrace layers rollout to deps:8 --waves 1,5%,25%,100% --output plan.json",
            "millrace layers rollout to deps --name 'api-*' --tag team=data --bake 30m --execute",
            s0="the plan is made; or every function of it has the version",
            s1=_S1,
        ),
    )(to)
    for command, examples, done in (
        (resume, ["resume 3f2a9c41d07b", "resume plan.json --json"], "every function has it"),
        (status, ["status 3f2a9c41d07b"], "it is shown"),
        (stop, ["stop 3f2a9c41d07b"], "it stops before its next function"),
        (rollback, ["rollback 3f2a9c41d07b", "rollback 3f2a9c41d07b --execute"], "all is put back"),
    ):
        typed = (f"millrace layers rollout {example}" for example in examples)
        group.command(cls=MillraceCommand, epilog=epilog(*typed, s0=done, s1=_S1))(command)
    app.add_typer(group, name="rollout")


def to(
    ctx: typer.Context,
    layer: options.LayerArgument,
    name: options.NameOption = None,
    tag: options.TagOption = None,
    using: options.UsingOption = None,
    replace: options.ReplaceOption = "",
    add: options.AddOption = False,
    waves: options.WavesOption = options.DEFAULT_WAVES,
    first: options.FirstOption = None,
    alias: options.AliasOption = None,
    parallel: options.ParallelOption = 4,
    stop_parameter: options.StopOption = "",
    bake: options.BakeOption = "15m",
    patience: options.PatienceOption = "15m",
    baseline: options.BaselineOption = "24h",
    min_invocations: options.InvocationsOption = 100,
    min_inits: options.InitsOption = 10,
    max_error_rise: options.ErrorOption = 1.0,
    max_init_rise: options.InitRiseOption = 20,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    needs_approval: NeedsApprovalOption = False,
    output: OutputOption = None,
    execute: ExecuteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Plan to give a layer version to every function that has the layer, and do it when asked to.

    The version takes the place of the one that a function has; its other layers stay. After each
    wave it is looked whether the functions fail more, or start slower, than before. If they do,
    everything is put back; with too little data to tell, the rollout is held.
    """
    world = surroundings(ctx)
    asked = Asked(execute, output, as_json)
    asked.check()
    gate = options.rules(
        bake, patience, baseline, min_invocations, min_inits, max_error_rise, max_init_rise
    )
    tags, names = options.tags(tag), tuple(name or ())
    chosen, moved, early = tuple(using or ()), tuple(alias or ()), tuple(first or ())
    # What makes no sense is refused before anybody is asked.
    wanted = Wanted(
        {}, waves, add, names, chosen, tags, moved, early, gate, parallel, stop_parameter
    )
    named = survey.named(layer)
    desk = RolloutDesk(world)
    account = desk.connect()
    regions = _regions(account, named, region, all_regions)
    wanted = dataclasses.replace(wanted, targets=survey.targets(account, named, regions, replace))
    plan = survey.prepare(account, wanted, world.now_ms(), needs_approval=needs_approval)
    found = desk.settle(plan, asked, account)
    finish(found is None or found.whole)


def resume(
    ctx: typer.Context,
    id: IdArgument,  # noqa: A002  what the command line calls it
    accept_too_little_data: AcceptOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a rollout that was stopped or held, or that died.

    What its journal says is done is not done again. What was under way is looked at first. The
    stop button is released, if `stop` has pressed it. A rollout that was rolling back goes on
    with that.
    """
    desk = RolloutDesk(surroundings(ctx))
    found = desk.go_on(desk.find(id), as_json, release=True, accept=accept_too_little_data)
    finish(found.whole)


def status(ctx: typer.Context, id: IdArgument, as_json: JsonOption = False) -> None:  # noqa: A002
    """Show how far a rollout is, by its journal; it may be running."""
    desk = RolloutDesk(surroundings(ctx))
    stored = desk.find(id)
    desk.report(desk.stands(stored), stored, as_json)


def stop(ctx: typer.Context, id: IdArgument, as_json: JsonOption = False) -> None:  # noqa: A002
    """Press the stop button: what is under way is finished, and no other function is begun.

    With a --stop-parameter that is set, too, for a rollout that runs on another machine. One that
    is being rolled back is not stopped by it.
    """
    desk = RolloutDesk(surroundings(ctx))
    stored = desk.find(id)
    found = desk.stands(stored)
    ends = bool(found.outcome or found.rollback)
    if not ends:
        stored.file.press()
        if stored.plan.asked["stop"]:
            desk.buttons(stored, desk.connect()).press()
    if as_json:
        path = None if ends else str(stored.file.path)
        print_json({"rollout": stored.id, "state": found.state, "stop": path})
    else:
        _tell_stop(found, stored)
    finish(bool(found.outcome) or not found.rollback)


def rollback(
    ctx: typer.Context,
    id: IdArgument,  # noqa: A002
    execute: UndoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put back the layers that the functions had, from the journal, the newest change first.

    What somebody else has changed since is left as it is, and named.
    """
    desk = RolloutDesk(surroundings(ctx))
    stored = desk.find(id)
    if execute:
        found = desk.undo(stored, "asked for by rollback", as_json)
        finish(not found.started or (found.outcome == ROLLED_BACK and not found.left))
        return
    _show_undo(desk.stands(stored), stored, as_json)


def apply(
    world: Surroundings,
    plan: Plan,
    path: Path,
    approval: Path | None,
    as_json: bool,
    *,
    execute: bool,
) -> None:
    """`millrace layers apply` of a rollout: print it, or begin or go on with it."""
    require_whole(plan)
    desk = RolloutDesk(world)
    if not execute:
        desk.show(plan, as_json, path)
        return
    finish(desk.go_on(Stored(plan, path, approval), as_json).whole)


def _tell_stop(found: Standing, stored: Stored) -> None:
    if found.outcome:
        print_line(f"rollout {stored.id} is {found.outcome}: there is nothing to stop")
    elif found.rollback:
        print_line(f"rollout {stored.id} is being rolled back, which is not stopped by this")
    elif found.started:
        print_line(f"rollout {stored.id} stops before its next function")
        say(f"To go on: millrace layers rollout resume {stored.id}")
    else:
        print_line(f"rollout {stored.id} does not begin while this is pressed")
        say(f"To begin it: millrace layers rollout resume {stored.id}")


def _show_undo(found: Standing, stored: Stored, as_json: bool) -> None:
    steps = found.to_undo()
    if as_json:
        would = [found.names[step.id] for step in steps]
        print_json({"rollout": stored.id, "would_put_back": would, "executed": False})
        return
    if not found.started:
        print_line(f"rollout {stored.id} has not begun: there is nothing to put back")
        return
    for step in steps:
        layers = ", ".join(map(short, step.before["layers"])) or "no layers"
        aliases = [f"alias {n} → {v}" for n, v in step.before["aliases"].items()]
        print_line(f"  - {found.names[step.id]}: {', '.join([layers, *aliases])}")
    print_line(f"{len(steps):,} functions would be put back as they were")
    if steps or found.state not in (DONE, ROLLED_BACK):
        how = f"millrace layers rollout rollback {stored.id} --execute"
        say(f"Nothing was changed. To carry it out: {how}")


def _regions(
    account: LambdaAccount, named: survey.Named, region: list[str] | None, all_regions: bool
) -> tuple[str, ...]:
    """Those that the options choose; an ARN chooses its own."""
    if named.arn is not None and not region and not all_regions:
        return (named.arn.region,)
    return regions_of(account, region, all_regions)
