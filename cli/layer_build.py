"""`millrace layers build`: a layer from its locked requirements, or another layer's zip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from millrace.lambda_layers import definition
from millrace.lambda_layers.build import build, present
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order
from millrace.lambda_layers.report import Report

from cli.commands import JsonOption, MillraceCommand, epilog
from cli.output import print_facts, print_json, print_line, print_table, say

ImportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="What to import for the times, instead of what the code does; may be repeated.",
    ),
]
SourceOnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source-only",
        metavar="NAME",
        help="A package that is pure Python and has no wheel; may be repeated.",
    ),
]
CodeOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--code",
        metavar="FOLDER",
        help="The functions' modules, to see which AWS services they call; may be repeated.",
    ),
]
PackageOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--package",
        metavar="FOLDER",
        help="A package of your own, to go into python/ as it is; may be repeated.",
    ),
]
LibraryOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--library",
        metavar="FOLDER",
        help="Modules of your own that count where --code imports them; may be repeated.",
    ),
]
ServiceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        metavar="NAME",
        help="An AWS service to keep, beside those that the code calls; may be repeated.",
    ),
]
BesideOption = Annotated[
    Path | None,
    typer.Option("--beside", metavar="FOLDER", help="Its bin, lib, extensions … go beside python."),
]
ProcessesOption = Annotated[
    int,
    typer.Option(
        "--processes", metavar="N", min=0, help="Least of N fresh processes; 0: no times."
    ),
]
SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="A layer.toml, requirements with hashes, a package-lock.json, or a layer's zip.",
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option("--output", metavar="FOLDER", help="Where layer/, layer.zip and report.json go."),
]


def build_layer(
    source: SourceArgument,
    output: OutputOption,
    runtime: Annotated[
        str, typer.Option("--runtime", metavar="RUNTIME", help="Lambda's name of it.")
    ] = "python3.13",
    architecture: Annotated[
        str, typer.Option("--architecture", metavar="arm64|x86_64", help="The functions' own.")
    ] = "arm64",
    package: PackageOption = None,
    code: CodeOption = None,
    library: LibraryOption = None,
    service: ServiceOption = None,
    source_only: SourceOnlyOption = None,
    modules: ImportOption = None,
    beside: BesideOption = None,
    processes: ProcessesOption = 5,
    strip: Annotated[bool, typer.Option(help="Take the symbols out of native libraries.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Build a Lambda layer, and tell what became of each package.

    The layer holds what functions load and nothing else, with bytecode that stays valid whatever
    packs it. botocore keeps the services that --code calls and --service names; with neither, all.
    A layer.toml says all this in a file, as layers/deps/layer.toml does; options add to it.
    """
    target = Target(runtime, architecture)
    named = Order(source, target, output, processes=processes)
    if source.suffix == ".toml":
        named = definition.read(source, target, output, processes)
    order = replace(
        named,
        packages=(*named.packages, *(package or ())),
        code=(*named.code, *(code or ())),
        library=(*named.library, *(library or ())),
        services=(*named.services, *(service or ())),
        source_only=(*named.source_only, *(source_only or ())),
        modules=(*named.modules, *(modules or ())),
        beside=beside or named.beside,
        strip=strip and named.strip,
    )
    there = present(order)
    if there is not None:
        say(f"{output} is just this already: nothing was built.")
    report = there or build(order)
    for warning in report.warnings:
        say(f"Warning: {warning}")
    if as_json:
        print_json(report.document)
    else:
        _show(report, output)


def _show(report: Report, output: Path) -> None:
    print_facts(_facts(report), title=str(output))
    rows = [(one.name, f"{one.before:,}", f"{one.after:,}") for one in report.packages]
    print_table(["package", "bytes before", "after"], rows, right=["bytes before", "after"])
    if report.left_out:
        gone = [
            (one.rule, f"{one.files:,}", f"{one.bytes:,}", one.reason) for one in report.left_out
        ]
        print_table(["left out", "files", "bytes", "why"], gone, right=["files", "bytes"])
    if report.services:
        called = [(name, ", ".join(places)) for name, places in report.services.items()]
        print_table(["AWS service", "kept for"], called)
    print_line(f"tree {report.tree}")


def _facts(report: Report) -> list[tuple[str, str]]:
    facts = [
        ("for", f"{report.runtime} on {report.architecture}"),
        (
            "bytes",
            f"{report.before:,} as installed, {report.after:,} now, {report.zipped:,} zipped",
        ),
    ]
    times = report.imports
    if times is not None:
        before, after = f"{times.before_ms:,.0f}", f"{times.after_ms:,.0f}"
        facts.append(("import", f"{before} ms CPU as installed, {after} ms now"))
        facts.append(("", f"the least of {times.processes}: {', '.join(times.modules)}"))
    facts += [(f"{name} used", version) for name, version in report.tools.items()]
    return facts


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="build",
        epilog=epilog(
            "millrace layers build layers/deps/layer.toml --output build/deps",
            "millrace layers build requirements.lock --runtime python3.12 --architecture x86_64"
            " --service s3 --output build/deps --json",
            "millrace layers build web/package-lock.json --runtime nodejs22.x --output build/web",
            "millrace layers build somebodys-layer.zip --service dynamodb --output build/theirs",
            s0="it is built",
            s1="it could not be built; what was there before is there still",
            s2="the command is wrong; nothing was done",
        ),
    )(build_layer)
