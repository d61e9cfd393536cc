"""`millrace layers apply` and `approve`: what becomes of a plan that was stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError, PlanRefused
from millrace.lambda_layers import publishing, retention, rollout, sharing
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.prune import Deleter
from millrace.lambda_layers.publisher import Publisher
from millrace.lambda_layers.sharer import Sharer
from millrace.plans import approval as approvals
from millrace.plans import plan as plans
from millrace.plans.approval import Approval
from millrace.plans.executors import Performer, lines
from millrace.plans.plan import Plan

from cli import layer_rollout
from cli.commands import JsonOption, MillraceCommand, epilog, surroundings
from cli.lambda_account import connect
from cli.output import print_json, print_line
from cli.plan_files import Desk, ExecuteOption, approval_of, performer_of
from cli.surroundings import Surroundings

PlanArgument = Annotated[
    Path, typer.Argument(metavar="PLAN", help="A plan that a command stored with --output.")
]
ApprovalOption = Annotated[
    Path | None,
    typer.Option("--approval", metavar="FILE", help="The approval; beside the plan by default."),
]


# What the steps of each kind need: one that was forged is refused before anything is done.
_NEEDED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    publishing.KIND: publishing.NEEDED,
    sharing.SHARE: sharing.TO_SHARE,
    sharing.REVOKE: sharing.TO_REVOKE,
    retention.KIND: {retention.DELETE: ()},
}


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    app.command(
        cls=MillraceCommand,
        name="apply",
        epilog=epilog(
            "millrace layers apply plan.json",
            "millrace layers apply plan.json --execute",
            s0="the plan is good, or it was carried out",
            s1="it is refused, or stopped; the journal beside it says how far it is",
        ),
    )(apply)
    app.command(
        cls=MillraceCommand,
        name="approve",
        epilog=epilog("millrace layers approve plan.json", s0="it is approved"),
    )(approve)


def apply(
    ctx: typer.Context,
    plan: PlanArgument,
    approval: ApprovalOption = None,
    execute: ExecuteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print a stored plan, or carry it out; after a crash it goes on where its journal ends.

    It is refused when it was changed, is too old, belongs to another account, or no longer fits.
    """
    world = surroundings(ctx)
    desk = Desk(world)
    wanted = desk.load(plan)
    if wanted.kind == rollout.KIND:
        layer_rollout.apply(world, wanted, plan, approval, as_json, execute=execute)
        return
    if not execute:
        desk.show(wanted, as_json, stored=plan)
        return
    account = connect(world.environment)
    performer = performer_of(wanted, _performers(account, world))
    plans.require_arguments(wanted, _NEEDED[wanted.kind])
    _check_limit(wanted)
    agreed = desk.approval(plan, approval)
    desk.carry_out(wanted, plan, performer, as_json, approval=agreed)


def approve(ctx: typer.Context, plan: PlanArgument, as_json: JsonOption = False) -> None:
    """Approve a stored plan, in the name of the credentials that there are.

    The approval is for this plan as it is; it is stored beside it.
    """
    world = surroundings(ctx)
    desk = Desk(world)
    wanted = desk.load(plan)
    account = connect(world.environment)
    plans.check(wanted, account.account, world.now_ms())
    given = Approval(wanted.hash, account.identity["Arn"], world.now_ms())
    approvals.check(wanted, given)
    path = approval_of(plan)
    try:
        path.write_text(given.write(desk.key), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror}.") from error
    if as_json:
        print_json({"plan": wanted.hash, "by": given.by, "approval": str(path)})
        return
    for line in lines(wanted):
        print_line(line)
    print_line(f"approved by {given.by}: {path}")


def _performers(account: LambdaAccount, world: Surroundings) -> dict[str, Callable[[], Performer]]:
    return {
        publishing.KIND: lambda: Publisher(account),
        sharing.REVOKE: lambda: Sharer(account),
        sharing.SHARE: lambda: Sharer(account),
        retention.KIND: lambda: Deleter(account, world.now_ms),
    }


def _check_limit(plan: Plan) -> None:
    """A plan of deletions states its own limit, which is part of what was approved."""
    if plan.kind == retention.KIND:
        limit = plan.asked.get("limit")
        if not isinstance(limit, int):
            raise PlanRefused(
                "unreadable", "The plan states no limit of what it may delete. Make the plan again."
            )
        retention.check_limit(plan, limit)
