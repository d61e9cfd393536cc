"""`millrace layers prune`: which versions may go, and why the others stay."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from millrace.errors import LayerError
from millrace.lambda_layers import retention
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.exchange import short
from millrace.lambda_layers.prune import Deleter, Pruning, prepare
from millrace.lambda_layers.retention import Rules, Verdict

from cli.commands import JsonOption, MillraceCommand, epilog, surroundings
from cli.lambda_account import AllRegionsOption, RegionOption, connect, regions_of
from cli.output import print_table, say
from cli.plan_files import Asked, Desk, ExecuteOption, NeedsApprovalOption, OutputOption

LayersArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="LAYER", help="Names of layers; all of the account by default."),
]
KeepOption = Annotated[
    int, typer.Option("--keep", metavar="N", help="How many of the newest versions stay.")
]
GraceOption = Annotated[
    float, typer.Option("--grace-days", metavar="DAYS", help="What is younger stays.")
]
LimitOption = Annotated[
    int,
    typer.Option("--limit", metavar="N", help="A plan that deletes more is not carried out."),
]


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="prune",
        epilog=epilog(
            "millrace layers prune",
            "millrace layers prune deps core --keep 3 --grace-days 30 --output plan.json",
            "millrace layers prune --all-regions --execute",
            s0="the plan is made, or carried out",
            s1="there is no plan, or it was not carried out to its end; the journal says how far",
        ),
    )(prune)


def prune(
    ctx: typer.Context,
    layers: LayersArgument = None,
    keep: KeepOption = 5,
    grace_days: GraceOption = 14,
    limit: LimitOption = 50,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    needs_approval: NeedsApprovalOption = False,
    output: OutputOption = None,
    execute: ExecuteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Plan which layer versions to delete, and delete them when asked to.

    A version stays for any one of these: it is among the --keep newest of its layer; a version of
    a function has it, whether an alias points there or not; it is shared; it is younger than
    --grace-days. All functions of all pages are looked at.
    """
    world = surroundings(ctx)
    asked = Asked(execute, output, as_json)
    asked.check()
    rules = Rules(keep, grace_days, limit)
    account = connect(world.environment)
    regions = regions_of(account, region, all_regions)
    found = prepare(account, regions, rules, world.now_ms(), layers, needs_approval=needs_approval)
    if found.missing:
        raise LayerError(
            f"There is no layer {', '.join(found.missing)} in {', '.join(regions)}; nothing was"
            " changed. Name others, or another --region."
        )
    if execute:
        retention.check_limit(found.plan, limit)
    if not as_json:
        _show(found)
    deleter = Deleter(account, world.now_ms)
    Desk(world).settle(found.plan, asked, deleter, lambda: _more(found, account))


def _show(found: Pruning) -> None:
    # Short, so that they stay in one piece in a narrow terminal; the plan has the ARNs.
    rows = [
        (
            short(str(one.version.arn)),
            one.version.arn.region,
            f"{one.age_days}",
            "stays" if one.stays else "goes",
            _why(one),
        )
        for one in found.verdicts
    ]
    if rows:
        print_table(["version", "region", "days old", "", "why"], rows, right=["days old"])
    else:
        say("There are no layer versions.")


def _more(found: Pruning, account: LambdaAccount) -> dict[str, Any]:
    verdicts = [_verdict_json(one) for one in found.verdicts]
    return {"verdicts": verdicts, "calls": dict(account.calls)}


def _why(one: Verdict) -> str:
    return "; ".join(one.reasons) or "nothing keeps it"


def _verdict_json(one: Verdict) -> dict[str, Any]:
    return {
        "arn": str(one.version.arn),
        "age_days": one.age_days,
        "stays": one.stays,
        "reasons": list(one.reasons),
    }
