"""`millrace layers scan`: what should stop a layer from being published."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError
from millrace.lambda_layers.advisories import Service
from millrace.lambda_layers.findings import Scan, Severity
from millrace.lambda_layers.native import MACHINES

from cli.commands import FAILED, JsonOption, MillraceCommand, epilog
from cli.output import print_json, print_line, print_table, say, write_file

LayerArgument = Annotated[
    Path, typer.Argument(metavar="LAYER", help="A build, a layer's folder, or its zip.")
]
ArchitectureOption = Annotated[
    str | None,
    typer.Option(
        "--architecture",
        metavar="NAME",
        help="arm64 or x86_64: what the functions run on. A build says it by itself.",
    ),
]
FailOption = Annotated[
    Severity,
    typer.Option("--fail-on", help="The least severity that makes the command fail."),
]
SbomOption = Annotated[
    Path | None,
    typer.Option("--sbom", metavar="FILE", help="Write a bill of materials (CycloneDX 1.6)."),
]
LicenceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-licence",
        metavar="NAME",
        help="A licence, or a package, that was approved; may be repeated.",
    ),
]
OsvOption = Annotated[
    str | None,
    typer.Option(
        "--osv-url",
        metavar="URL",
        help="Ask this service for advisories, which speaks OSV's protocol (a mirror of it).",
    ),
]
WithoutOption = Annotated[
    bool,
    typer.Option(
        "--without-advisories", help="Do not ask for known vulnerabilities: nothing leaves here."
    ),
]


def scan_layer(
    layer: LayerArgument,
    architecture: ArchitectureOption = None,
    fail_on: FailOption = Severity.HIGH,
    sbom_file: SbomOption = None,
    allow_licence: LicenceOption = None,
    osv_url: OsvOption = None,
    without_advisories: WithoutOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look for what should stop a release: vulnerabilities, secrets, unsafe files, licences.

    Packages are held against known vulnerabilities by pip-audit, on the layer itself. Packages
    that nobody could be asked about are a finding, and so is a layer in which no package is seen.

    A zip that is not safe to unpack (paths that lead out, links, duplicates, bombs) is not
    unpacked; then only that is told.
    """
    if architecture is not None and architecture not in MACHINES:
        known = " or ".join(MACHINES)
        raise ConfigurationError(f"--architecture {architecture}: it is {known}.")
    try:  # of the extra `scan`, which no other command needs
        from millrace.lambda_layers import sbom
        from millrace.lambda_layers.scanning import Asked, scan
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed: pip install 'millrace[scan]'"
        ) from error
    service = Service() if osv_url is None else Service("osv", osv_url)
    asked = Asked(
        architecture=architecture,
        service=None if without_advisories else service,
        allowed_licences=frozenset(allow_licence or ()),
    )
    with tempfile.TemporaryDirectory(prefix="millrace-scan-") as scratch:
        found = scan(layer, asked, Path(scratch))
    if sbom_file is not None:
        write_file(sbom_file, sbom.cyclonedx(found))
    failing = found.failing(fail_on)
    if as_json:
        print_json({**found.document, "fail_on": str(fail_on), "failed": bool(failing)})
    else:
        _show(found, fail_on)
        if sbom_file is not None:
            say(f"{sbom_file}: {len(found.packages)} components")
    if failing:
        raise typer.Exit(FAILED)


def _show(found: Scan, fail_on: Severity) -> None:
    for one in found.findings:
        print_line(f"{one.severity.upper()}  {one.rule}  {one.place}")
        print_line(f"    {one.message}")
        print_line(f"    → {one.remedy}")
    if found.packages:
        rows = [(one.name, one.version, one.licence or "?") for one in found.packages]
        print_table(("package", "version", "licence"), rows)
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items() if count)
    print_line(f"{found.layer}: {found.files:,} files; {counts or 'nothing found'}")
    if not found.complete:
        print_line("It was not unpacked, and nothing else was looked at.")
    elif found.advisories is None:
        print_line("Known vulnerabilities were not asked for.")
    else:
        print_line(f"packages held against known vulnerabilities: {found.advisories}")
    failing = len(found.failing(fail_on))
    print_line(f"{failing} of {fail_on} severity or worse." if failing else "It may be published.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        cls=MillraceCommand,
        name="scan",
        epilog=epilog(
            "millrace layers scan build/deps --sbom build/deps/sbom.json",
            "millrace layers scan somebodys-layer.zip --architecture arm64 --fail-on medium --json",
            "millrace layers scan build/deps --osv-url https://osv.example.com/v1/query",
            s0="nothing of the severity of --fail-on, or worse, was found",
            s1="something was",
            s2="the command is wrong; nothing was done",
        ),
    )(scan_layer)
