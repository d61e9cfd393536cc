"""`millrace layers usage`: who uses which layer version, how far behind, and what nobody uses."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, TextIO

import typer
from millrace.errors import ConfigurationError
from millrace.lambda_layers.usage import FunctionUse, Usage, VersionUse, usage

from cli.commands import FAILED, JsonOption, MillraceCommand, epilog, surroundings
from cli.lambda_account import AllRegionsOption, RegionOption, connect, regions_of
from cli.layer_usage_page import page, sized
from cli.output import print_facts, print_json, print_table, say, write_file

CsvOption = Annotated[
    bool,
    typer.Option("--csv", help="Print a row for each layer of each function, as CSV."),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write the report as one page, with charts."),
]
CheckOption = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Fail where a function is behind, on a runtime without patches, or has a layer"
        " that was deleted.",
    ),
]
_MOST_ROWS = 30


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="usage",
        epilog=epilog(
            "millrace layers usage --all-regions",
            "millrace layers usage --html layers.html",
            "millrace layers usage --csv > layers.csv",
            "millrace layers usage --check --json",
            s0="the report is there; with --check, all is well",
            s1="with --check: something is not",
        ),
    )(show_usage)


def show_usage(
    ctx: typer.Context,
    region: RegionOption = None,
    all_regions: AllRegionsOption = False,
    as_csv: CsvOption = False,
    html: HtmlOption = None,
    check: CheckOption = False,
    as_json: JsonOption = False,
) -> None:
    """Report who uses which layer version, over all functions and all their versions.

    How far behind a function is, is how many newer versions its layers have, all together. Layers
    of other accounts are listed; how many newer versions they have, only their account can see.
    """
    if as_csv and as_json:
        raise ConfigurationError("Both --csv and --json are given; choose one of them.")
    world = surroundings(ctx)
    account = connect(world.environment)
    now_ms = world.now_ms()
    inventory = account.inventory(regions_of(account, region, all_regions), now_ms)
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    found = usage(inventory, today, deprecations())
    if html is not None:
        write_file(html, page(found))
    if as_json:
        print_json(found.document)
    elif as_csv:
        _write_csv(found, sys.stdout)
    else:
        _show(found)
        if html is not None:
            say(f"{html} has it as a page.")
    summary = found.summary
    names = ("functions_behind", "deprecated_runtimes", "deleted_in_use")
    if check and any(summary[name] for name in names):
        raise typer.Exit(FAILED)


def deprecations() -> dict[str, date]:
    """Runtime → the day from which AWS patches it no more, as cfn-lint knows it."""
    if find_spec("cfnlint") is None:
        raise ConfigurationError("cfn-lint is not installed: pip install 'millrace[usage]'")
    place = files("cfnlint.data.AdditionalSpecs") / "LmbdRuntimeLifecycle.json"
    told = json.loads(place.read_text(encoding="utf-8"))
    return {
        runtime: date.fromisoformat(one["deprecated"])
        for runtime, one in told.items()
        if one.get("deprecated")
    }


def _show(found: Usage) -> None:
    _table_of_versions(found.versions)
    _table_of_functions(found.functions)
    print_facts(
        [(name.replace("_", " "), f"{value:,}") for name, value in found.summary.items()]
        + [("requests", f"{found.calls:,}")]
    )


def _table_of_versions(versions: Sequence[VersionUse]) -> None:
    rows = [
        (
            f"{one.layer}:{one.version}",
            one.region,
            one.state,
            "" if one.behind is None else one.behind,
            one.functions,
            one.function_versions,
            sized(one.zipped),
        )
        for one in versions
    ]
    if rows:
        columns = ("layer", "region", "state", "behind", "functions", "versions", "zipped")
        print_table(columns, rows, title="Layer versions", right=columns[3:])
    else:
        say("There are no layer versions, and no function has any.")


def _table_of_functions(functions: Sequence[FunctionUse]) -> None:
    """Those that need somebody, the furthest behind first."""
    wanted = [one for one in functions if one.behind or one.deprecated or one.missing]
    rows = [
        (one.name, one.region, _runtime(one), ", ".join(one.layers), one.behind)
        for one in wanted[:_MOST_ROWS]
    ]
    if rows:
        columns = ("function", "region", "runtime", "layers", "behind")
        print_table(columns, rows, title="Functions to look after", right=("behind",))
    if len(wanted) > _MOST_ROWS:
        say(f"… and {len(wanted) - _MOST_ROWS:,} more: --csv, --json and --html have them all.")


def _runtime(one: FunctionUse) -> str:
    name = one.runtime or "container image"
    return name if one.deprecated is None else f"{name} (no patches since {one.deprecated})"


def _write_csv(found: Usage, file: TextIO) -> None:
    """A row for each layer of each function, and for each version that no function has now."""
    by_name = {(one.region, f"{one.layer}:{one.version}"): one for one in found.versions}
    columns = ["region", "function", "runtime", "deprecated", "layer", "state", "behind", "zipped"]
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(columns)
    for one in found.functions:
        for layer in one.layers or ("",):
            its = by_name.get((one.region, layer))
            known = ("", "", "") if its is None else (its.state, its.behind, its.zipped)
            given = (one.region, one.name, one.runtime, one.deprecated, layer, *known)
            rows.writerow(["" if cell is None else _safe(str(cell)) for cell in given])
    for unused in found.versions:
        if not unused.functions:
            name = f"{unused.layer}:{unused.version}"
            given = (unused.region, "", "", "", name, unused.state, unused.behind, unused.zipped)
            rows.writerow(["" if cell is None else _safe(str(cell)) for cell in given])


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
