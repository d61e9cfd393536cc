"""`millrace layers share`, `shares`, `revoke` and `guard`: who may read a layer, and who use it."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Annotated

import typer
from millrace.lambda_layers import guard, sharer, sharing
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.inventory import LayerArn
from millrace.lambda_layers.sharer import Sharer

from cli.commands import JsonOption, MillraceCommand, epilog, surroundings
from cli.lambda_account import AllRegionsOption, RegionOption, connect, regions_of
from cli.output import in_words, print_json, print_line, say
from cli.plan_files import Asked, Desk, ExecuteOption, NeedsApprovalOption, OutputOption

LayerArgument = Annotated[
    str,
    typer.Argument(metavar="LAYER", help="NAME, NAME:VERSION or an ARN of the account's own."),
]
AccountOption = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="NUMBER", help="An AWS account; may be repeated."),
]
OrganizationOption = Annotated[
    list[str] | None,
    typer.Option(
        "--organization", metavar="ID", help="A whole organisation (o-…); may be repeated."
    ),
]
EveryoneOption = Annotated[bool, typer.Option("--everyone", help="Whoever has an AWS account.")]
BucketOption = Annotated[
    str | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Where a copy above 50 MB goes first, one in each region: layers-{region}.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to their group."""
    app.command(
        cls=MillraceCommand,
        name="share",
        epilog=epilog(
            "millrace layers share deps --organization o-a1b2c3d4e5",
            "millrace layers share deps:7 --account 210987654321 --region eu-west-1"
            " --region us-east-1 --execute",
            s0="the plan is made, or carried out; or it is shared already",
            s1="there is no plan, or it was not carried out to its end; the journal says how far",
        ),
    )(share)
    app.command(
        cls=MillraceCommand,
        name="shares",
        epilog=epilog("millrace layers shares deps --all-regions", s0="they are listed"),
    )(shares)
    app.command(
        cls=MillraceCommand,
        name="revoke",
        epilog=epilog(
            "millrace layers revoke deps --account 210987654321 --all-regions --execute",
            s0="the plan is made, or carried out; or nobody named has it",
            s1="there is no plan, or it was not carried out to its end; the journal says how far",
        ),
    )(revoke)
    app.command(
        cls=MillraceCommand,
        name="guard",
        epilog=epilog(
            "millrace layers guard 'arn:aws:lambda:*:123456789012:layer:*' > only-ours.json",
            s0="it is printed",
        ),
    )(print_guard)


def share(
    ctx: typer.Context,
    layer: LayerArgument,
    account: AccountOption = None,
    organization: OrganizationOption = None,
    everyone: EveryoneOption = False,
    bucket: BucketOption = None,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    needs_approval: NeedsApprovalOption = False,
    output: OutputOption = None,
    execute: ExecuteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Plan to let others read a layer version (the newest by default), and do so when asked to.

    Sharing is per version and region: a --region that lacks the version gets the same content
    published first, from the first --region that has the layer, or from AWS_REGION. Others cannot
    list versions, so tell them the ARN, or give them the manifest.
    """
    asked = Asked(execute, output, as_json)
    asked.check()
    world = surroundings(ctx)
    to = sharing.grantees(account or (), organization or (), everyone)
    cloud = connect(world.environment)
    regions, named = _where(cloud, layer, region, all_regions)
    plan = sharer.prepare(
        cloud, named, to, regions, world.now_ms(), bucket=bucket, needs_approval=needs_approval
    )
    Desk(world).settle(plan, asked, Sharer(cloud))


def shares(
    ctx: typer.Context,
    layer: LayerArgument,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    as_json: JsonOption = False,
) -> None:
    """List with whom a layer's versions are shared, in each region."""
    cloud = connect(surroundings(ctx).environment)
    regions, named = _where(cloud, layer, region, all_regions)
    rows = [
        (str(one.version.arn), str(found.grantee or found.text), found.statement_id)
        for one in sharer.listed(cloud, named, regions)
        for found in one.shares
    ]
    if as_json:
        keys = ("arn", "shared_with", "statement_id")
        print_json({"shares": [dict(zip(keys, row, strict=True)) for row in rows]})
    elif rows:
        for arn, of in groupby(rows, key=itemgetter(0)):
            print_line(arn)  # by itself, so that it can be copied
            for _, grantee, statement in of:
                print_line(f"  {grantee} (statement {statement})")
    else:
        say(f"{layer} is shared with nobody in {in_words(regions)}.")


def revoke(
    ctx: typer.Context,
    layer: LayerArgument,
    account: AccountOption = None,
    organization: OrganizationOption = None,
    everyone: EveryoneOption = False,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    needs_approval: NeedsApprovalOption = False,
    output: OutputOption = None,
    execute: ExecuteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Plan to take back what others were given, of one version or of all, and do so when asked to.

    Their functions keep a version that they have; they cannot be given it again.
    """
    asked = Asked(execute, output, as_json)
    asked.check()
    world = surroundings(ctx)
    of = sharing.grantees(account or (), organization or (), everyone)
    cloud = connect(world.environment)
    regions, named = _where(cloud, layer, region, all_regions)
    plan = sharer.prepare_revoking(
        cloud, named, of, regions, world.now_ms(), needs_approval=needs_approval
    )
    Desk(world).settle(plan, asked, Sharer(cloud))


def print_guard(
    layer: Annotated[
        list[str],
        typer.Argument(metavar="ARN", help="The layers that functions may have; * is allowed."),
    ],
) -> None:
    """Print the identity policy that denies functions every layer but these.

    Attach it to the roles that deploy, or use it as a service control policy. A layer's own policy
    cannot say this: it knows accounts and organisations only, no roles and no conditions.
    """
    print_json(guard.policy(layer))


def _where(
    cloud: LambdaAccount, layer: str, region: list[str] | None, every: bool
) -> tuple[tuple[str, ...], LayerArn]:
    """The regions, and the layer: its own region is the first of them that has it, or that of the
    environment, unless its ARN says it.
    """
    homes = [*(region or ()), cloud.region]
    named = sharing.wanted_layer(layer, cloud.account, cloud.partition, homes[0])
    if region and not layer.startswith("arn:"):
        found = (one for one in homes if cloud.layer_versions(one, named.name))
        named = replace(named, region=next(found, homes[0]))
    chosen = [named.region] if not region and not every else region
    return regions_of(cloud, chosen, every), named
