"""`millrace layers test`: whether layers hold what they promise, before anything is deployed."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError
from millrace.lambda_layers import bytecode, cases, given, npm, overlap, results, testing
from millrace.lambda_layers.cases import Case, Cases, Kind
from millrace.lambda_layers.given import Given
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.results import Result, Status
from millrace.lambda_layers.stripping import host
from millrace.lambda_layers.testing import Runtime

from cli.commands import JsonOption, MillraceCommand, epilog, finish
from cli.output import print_json, print_line, print_table, say

_RUNNING = "{}.{}".format(*sys.version_info[:2])

LayersArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="LAYER…",
        help="A build, a layer as a folder or a zip; several in their order in a function. With"
        " --cloud also the ARN of a version.",
    ),
]
CasesOption = Annotated[
    Path | None,
    typer.Option("--cases", metavar="FILE", help="What to try, as TOML or JSON: see the docs."),
]
ImportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--import", metavar="MODULE", help="What the cold start imports; may be repeated."
    ),
]
JunitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit's XML.")
]
RuntimeOption = Annotated[
    str | None,
    typer.Option("--runtime", metavar="RUNTIME", help="Instead of the one it was built for."),
]
CloudOption = Annotated[
    bool, typer.Option("--cloud", help="Try them in AWS, in temporary functions.")
]
RoleOption = Annotated[
    str | None,
    typer.Option("--role", metavar="ARN", help="What the functions of --cloud run as."),
]
RegionOption = Annotated[
    str | None, typer.Option("--region", metavar="REGION", help="Where --cloud tries them.")
]
ProcessesOption = Annotated[
    int | None,
    typer.Option("--processes", metavar="N", min=1, help="Cold starts are the least of N."),
]


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers to try, what they are for, and a folder to work in."""

    given: Sequence[Given]
    target: Target
    scratch: Path

    @property
    def here(self) -> Target:
        """What they are for on this machine: without native libraries, for any architecture."""
        native = any(one.native for one in self.given)
        return self.target if native else replace(self.target, architecture=host())

    def runtime(self, opt: Path, scratch: str = "") -> Runtime:
        """What runs functions on this machine, with this folder in /opt."""
        place = self.scratch / scratch
        if self.target.node:
            from cli.layer_node import NodeRuntime

            return NodeRuntime(opt, self.here, place)
        from cli.layer_runtime import LocalRuntime  # the local cloud, which few commands need

        return LocalRuntime(opt, self.here, place)

    @property
    def name(self) -> str:
        """All of them, by name."""
        return " + ".join(one.name for one in self.given)


def try_layers(
    layers: LayersArgument,
    case_file: CasesOption = None,
    modules: ImportOption = None,
    processes: ProcessesOption = None,
    runtime: RuntimeOption = None,
    junit: JunitOption = None,
    cloud: CloudOption = False,
    role: RoleOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try layers: imports, cold starts and handlers, and whether Lambda takes them together.

    Every import and every cold start has a process of its own, under Lambda's runtime client, with
    the layers read-only in /opt and no other packages. Without --cases every module at the top of
    the layers is imported. Times are the processor's.

    With --cloud the cases run in AWS, in temporary functions that are removed whatever happens.
    """
    if cloud and role is None:
        raise ConfigurationError("--cloud needs --role: the ARN of a role for the functions.")
    asked = Cases() if case_file is None else cases.read(case_file)
    arns = [one for one in layers if one.startswith("arn:")]
    if arns and not cloud:
        raise ConfigurationError(f"{arns[0]} is in the cloud: try it with --cloud --role ARN.")
    paths = [Path(one) for one in layers if one not in arns]
    with opened(paths, runtime) as there:
        if cloud and there.target.node:
            raise ConfigurationError(
                f"{there.target.runtime}: only layers of Python can be tried there."
            )
        found = _still(there, asked) if there.given else []
        for one in found:
            _say(one)
        wanted = _wanted(there, asked, modules or (), processes)
        where: AbstractContextManager[Runtime]
        if cloud and role:
            from cli.layer_cloud import in_cloud  # boto3 takes long, and few commands need it

            zips = iter([one.zip for one in there.given])
            named = [one if one in arns else next(zips) for one in layers]
            where = in_cloud(named, there.target, role, region)
        else:
            where = _here(there)
        with where as chosen:
            found += _tried(chosen, wanted)
        name = there.name or " + ".join(arns)
        _report(found, name, chosen.how, junit=junit, as_json=as_json)
    finish(results.held(found))


@contextlib.contextmanager
def _here(there: Layers) -> Iterator[Runtime]:
    yield there.runtime(given.merge(there.given, there.scratch / "opt"))


@contextlib.contextmanager
def opened(paths: Sequence[Path], runtime: str | None) -> Iterator[Layers]:
    """Layers that are named. Raises ConfigurationError where they do not go together."""
    with tempfile.TemporaryDirectory(prefix="millrace-layers-") as name:
        scratch = Path(name)
        found = []
        for number, path in enumerate(paths):
            (scratch / f"given-{number}").mkdir()
            found.append(given.read(path, scratch / f"given-{number}"))
        chosen = runtime or _one("runtimes", [one.runtime for one in found]) or _usual(found)
        architecture = _one("architectures", [one.architecture for one in found]) or host()
        yield Layers(found, Target(chosen, architecture), scratch)


def _usual(layers: Sequence[Given]) -> str:
    """What is here, for layers that do not show what they are for."""
    node = npm.version("node")
    if node and layers and all(one.language == "nodejs" for one in layers):
        return f"nodejs{node.partition('.')[0]}.x"
    return f"python{_RUNNING}"


def _one(what: str, values: Sequence[str | None]) -> str | None:
    known = sorted({value for value in values if value is not None})
    if len(known) > 1:
        raise ConfigurationError(f"The layers are for different {what}: {', '.join(known)}.")
    return known[0] if known else None


def _still(there: Layers, asked: Cases) -> list[Result]:
    """What is seen without running anything."""
    sizes = {}
    for one in asked.cases:
        if one.code is not None:
            files = [path for path in one.code.rglob("*") if path.is_file()]
            kept = [path for path in files if "__pycache__" not in path.parts]
            sizes[one.code.name] = sum(path.stat().st_size for path in kept)
    placed = [(one.name, one.entries) for one in there.given]
    weights = [one.weight for one in there.given]
    found = [*overlap.limits(weights, sizes), *overlap.shadowing(placed, asked.may_shadow)]
    if not there.target.node and any((one.folder / "python").is_dir() for one in there.given):
        folders = [(one.name, one.folder) for one in there.given]
        found.append(bytecode.compiled(folders, there.target.version))
    return found


def _wanted(
    there: Layers, asked: Cases, modules: Sequence[str], processes: int | None
) -> list[Case]:
    known = modules or [name for one in there.given for name in one.modules]
    entries = [entry for one in there.given for entry in one.entries]
    wanted = list(asked.cases) or testing.defaults(entries, known)
    if processes is None:
        return wanted
    starts = {Kind.COLD_START: processes}
    return [replace(one, processes=starts.get(one.kind, one.processes)) for one in wanted]


def _tried(runtime: Runtime, wanted: Sequence[Case]) -> list[Result]:
    found = []
    for one in testing.run(runtime, wanted):
        _say(one)
        found.append(one)
    return found


def _say(one: Result) -> None:
    if one.status is not Status.PASSED:
        say(f"{one.status}: {one.group}: {one.name}: {one.message}")


def _report(
    found: Sequence[Result], name: str, how: str, *, junit: Path | None, as_json: bool
) -> None:
    if junit is not None:
        try:
            junit.write_text(results.junit(found, name), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"Cannot write --junit {junit}: {error.strerror}.") from error
    if as_json:
        document = [one.document for one in found]
        print_json({"layers": name, "how": how, "held": results.held(found), "results": document})
        return
    rows = [(one.group, one.name, str(one.status), _told(one)) for one in found]
    print_table(["", "test", "", ""], rows, title=name)
    failed = sum(one.status is Status.FAILED for one in found)
    print_line(how)
    style = "bold red" if failed else None
    print_line(f"{len(found):,} tests, {failed:,} failed", style=style)


def _figures(one: Result) -> str:
    if "total_ms" not in one.figures:
        return ""
    memory = one.figures.get("peak_mb", 0.0)
    return f"{one.figures['total_ms']:,.0f} ms, {memory:,.0f} MB"


def _told(one: Result) -> str:
    line = one.message.partition("\n")[0]
    return ", ".join(part for part in (_figures(one), line) if part)


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="test",
        epilog=epilog(
            "millrace layers test build/deps",
            "millrace layers test build/deps --import boto3 --processes 5 --json",
            "millrace layers test build/deps theirs.zip --cases layer-tests.toml --junit out.xml",
            "millrace layers test build/deps --cloud --role arn:aws:iam::123456789012:role/tests",
            s0="every test passed; there may be warnings",
            s1="a test failed, or none could be done",
            s2="the command or the cases are wrong; nothing was tried",
        ),
    )(try_layers)
