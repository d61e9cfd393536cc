"""`millrace layers publish`: a built layer, once for each content."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer
from millrace.lambda_layers import publishing
from millrace.lambda_layers.publisher import Publisher, current, prepare, read_artefact
from millrace.lambda_layers.publishing import Wanted

from cli.commands import JsonOption, MillraceCommand, epilog, surroundings
from cli.lambda_account import AllRegionsOption, RegionOption, connect, regions_of
from cli.output import print_line
from cli.plan_files import Asked, Desk, ExecuteOption, NeedsApprovalOption, OutputOption

FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The --output of millrace layers build.")
]
NameOption = Annotated[
    str, typer.Option("--name", metavar="LAYER", help="The layer's name; made where it is new.")
]
CommitOption = Annotated[
    str | None,
    typer.Option(
        "--commit", metavar="SHA", help="What it was built from; by default git's HEAD, if any."
    ),
]
AboutOption = Annotated[
    str, typer.Option("--about", metavar="TEXT", help="What stands first in the description.")
]
LicenseOption = Annotated[
    str, typer.Option("--license", metavar="SPDX", help="The license that the version names.")
]
BucketOption = Annotated[
    str | None,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Where a zip above 50 MB goes first, one in each region: layers-{region}.",
    ),
]
ManifestOption = Annotated[
    str | None,
    typer.Option(
        "--manifest",
        metavar="PLACE",
        help="Say there which version is current: ssm:/PREFIX, or s3://BUCKET/PREFIX.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="publish",
        epilog=epilog(
            "millrace layers publish build/deps --name deps",
            "millrace layers publish build/deps --name deps --manifest ssm:/millrace/layers"
            " --region eu-west-1 --region us-east-1 --execute",
            s0="the plan is made, or carried out; or the tree is published already",
            s1="there is no plan, or it was not carried out to its end; the journal says how far",
        ),
    )(publish)


def publish(
    ctx: typer.Context,
    folder: FolderArgument,
    name: NameOption,
    commit: CommitOption = None,
    about: AboutOption = "",
    license_info: LicenseOption = "",
    bucket: BucketOption = None,
    manifest: ManifestOption = None,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    needs_approval: NeedsApprovalOption = False,
    output: OutputOption = None,
    execute: ExecuteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Plan to publish a built layer, and publish it when asked to.

    A tree that is published in a region already is not published there again, whoever did it and
    from whichever commit. LAYER_SHA, which is printed, belongs into the functions that use it.
    """
    world = surroundings(ctx)
    asked = Asked(execute, output, as_json)
    asked.check()
    wanted = Wanted(
        layer=name,
        artefact=read_artefact(folder),
        commit=commit or _head(),
        about=about,
        license_info=license_info,
        bucket=bucket,
        manifest=publishing.place(manifest) if manifest else None,
    )
    account = connect(world.environment)
    regions = regions_of(account, region, all_regions)
    plan = prepare(account, wanted, regions, world.now_ms(), needs_approval=needs_approval)
    performer = Publisher(account)
    tree = wanted.artefact.tree

    def more() -> dict[str, object]:
        return {"layer_sha": tree, "arns": current(account, wanted, regions)}

    Desk(world).settle(plan, asked, performer, more)
    if not as_json:
        print_line(f"LAYER_SHA={tree}")
        for arn in current(account, wanted, regions).values():
            print_line(arn)


def _head() -> str | None:
    """The commit of the checkout that this runs in, if it runs in one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], check=False, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
