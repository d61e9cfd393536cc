"""`millrace layers compare`: two layers side by side, and what the difference costs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError
from millrace.lambda_layers import comparing, testing
from millrace.lambda_layers.cases import Case, Kind
from millrace.lambda_layers.comparing import Comparison, Price, Side, ratio
from millrace.lambda_layers.given import Given
from millrace.lambda_layers.results import Status
from millrace.lambda_layers.tree import size

from cli.commands import JsonOption, MillraceCommand, epilog
from cli.layer_test import Layers, opened
from cli.output import print_json, print_line, print_table, say

_HELP = "What millrace layers build made, a layer's folder, or its zip."
OneArgument = Annotated[Path, typer.Argument(metavar="A", help=_HELP)]
OtherArgument = Annotated[Path, typer.Argument(metavar="B", help=_HELP)]
ImportOption = Annotated[
    list[str] | None,
    typer.Option("--import", metavar="MODULE", help="What both import; may be repeated."),
]
ClientOption = Annotated[
    str | None,
    typer.Option("--client", metavar="SERVICE", help="A client that both make with boto3."),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", metavar="N", min=0, help="Least of N each; 0: no times.")
]
MemoryOption = Annotated[
    int, typer.Option("--memory-mb", metavar="MB", min=128, max=10_240, help="Of the function.")
]
StartsOption = Annotated[
    int, typer.Option("--cold-starts", metavar="N", min=0, help="How many there are a month.")
]
PriceOption = Annotated[
    str | None,
    typer.Option("--usd-per-gb-s", metavar="USD", help="Instead of the usual price of Lambda."),
]


def compare(
    a: OneArgument,
    b: OtherArgument,
    modules: ImportOption = None,
    client: ClientOption = None,
    processes: ProcessesOption = 5,
    memory_mb: MemoryOption = 512,
    cold_starts: StartsOption = 1_000_000,
    usd_per_gb_s: PriceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two layers: bytes, packages, cold starts, and what a month of those costs.

    Both import the same, by turns, each time in a fresh process with the layer read-only in /opt.
    The cost is that of the processor's time at INIT, which Lambda bills. Without --import it is
    what both builds have imported, or else what both have at the top.
    """
    with opened([a, b], None) as there:
        one, two = there.given
        case = _case(there, modules or (), client)
        figures: tuple[dict[str, float], dict[str, float]] = ({}, {})
        if processes and case.modules:
            figures = _timed(there, case, processes)
        price = Price(memory_mb, cold_starts, _price(usd_per_gb_s, there.target.architecture))
        if not case.modules:
            say("Nothing is known that both can import, so cold starts are not compared: --import.")
        found = comparing.compare(_side(one, figures[0]), _side(two, figures[1]), price)
    if as_json:
        print_json({**found.document, "imports": list(case.modules), "client": case.client})
    else:
        _show(found, case)


def _price(given: str | None, architecture: str) -> Decimal:
    if given is None:
        return comparing.PRICES_USD[architecture]
    try:
        price = Decimal(given)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise ConfigurationError(f"--usd-per-gb-s is {given!r}, but must be a number of dollars.")
    return price


def _case(there: Layers, modules: Sequence[str], client: str | None) -> Case:
    one, two = (
        {name for case in testing.defaults(given.entries, given.modules) for name in case.modules}
        for given in there.given
    )
    built = [set(given.modules) for given in there.given]
    names = tuple(modules) or tuple(sorted(built[0] & built[1])) or tuple(sorted(one & two))
    return Case(name="cold start", kind=Kind.COLD_START, modules=names, client=client, processes=1)


def _timed(there: Layers, case: Case, processes: int) -> tuple[dict[str, float], dict[str, float]]:
    """The least of each, by turns, so that the machine treats both alike."""
    runtimes = [
        there.runtime(one.folder, f"runtime-{number}") for number, one in enumerate(there.given)
    ]
    found: list[dict[str, float]] = [{}, {}]
    for _ in range(processes):
        for number, runtime in enumerate(runtimes):
            (result,) = testing.run(runtime, [case])
            if result.status is Status.FAILED:
                raise ConfigurationError(
                    f"{there.given[number].name}: {result.message.splitlines()[0]}. Name with"
                    " --import what both can import."
                )
            least = found[number]
            for name, value in result.figures.items():
                least[name] = min(value, least.get(name, value))
    say(runtimes[0].how)
    return found[0], found[1]


def _side(one: Given, figures: dict[str, float]) -> Side:
    return Side(
        name=one.name,
        unzipped=size(one.entries),
        zipped=one.weight.zipped,
        files=len(one.entries),
        packages=comparing.versions(one.entries),
        figures=figures,
    )


def _show(found: Comparison, case: Case) -> None:
    a, b = found.a, found.b
    rows = [
        ("bytes unzipped", f"{a.unzipped:,}", f"{b.unzipped:,}", ratio(a.unzipped, b.unzipped)),
        ("bytes zipped", f"{a.zipped:,}", f"{b.zipped:,}", ratio(a.zipped, b.zipped)),
        ("files", f"{a.files:,}", f"{b.files:,}", ratio(a.files, b.files)),
    ]
    for key, label in (
        ("import_ms", "imports, ms CPU"),
        ("total_ms", "with the first client, ms CPU"),
        ("peak_mb", "peak memory, MB"),
    ):
        if key in a.figures and key in b.figures and (key != "total_ms" or case.client):
            one, two = a.figures[key], b.figures[key]
            rows.append((label, f"{one:,.0f}", f"{two:,.0f}", ratio(one, two)))
    costs = found.costs_usd
    if costs is not None:
        starts = f"USD for {found.price.cold_starts:,} cold starts"
        rows.append((starts, str(costs[0]), str(costs[1]), f"{costs[1] - costs[0]:+}"))
    print_table(["", a.name, b.name, ""], rows, right=[a.name, b.name])
    if found.changes:
        changes = [(one.package, one.a or "–", one.b or "–") for one in found.changes]
        print_table(["package", a.name, b.name], changes)
    if costs is not None:
        what = f"{found.price.memory_mb:,} MB at {found.price.usd_per_gb_s} USD a GB-second"
        print_line(f"imports: {', '.join(case.modules)}; {what}")


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="compare",
        epilog=epilog(
            "millrace layers compare theirs.zip build/deps --import boto3 --client dynamodb",
            "millrace layers compare build/old build/new --memory-mb 1024 --cold-starts 300000",
            s0="they are compared",
            s1="a layer cannot be read",
            s2="the command is wrong, or one of them cannot import what both should",
        ),
    )(compare)
