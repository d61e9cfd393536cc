"""`millrace layers profile`: what import time goes to, module by module."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import given, importtime, testing
from millrace.lambda_layers.importtime import Import, Profile
from millrace.lambda_layers.testing import PROBE, Function, Runtime

from cli.commands import JsonOption, MillraceCommand, epilog
from cli.layer_test import Layers, opened
from cli.output import print_json, print_line, print_table, say

# Python's own variable for -X importtime.
_ASKED = {"PYTHONPROFILEIMPORTTIME": "1"}
_PERCENT = 100

LayersArgument = Annotated[
    list[Path],
    typer.Argument(metavar="LAYER…", help="A build, a layer's folder, or its zip."),
]
ImportOption = Annotated[
    list[str] | None,
    typer.Option("--import", metavar="MODULE", help="What to import; may be repeated."),
]
TopOption = Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many modules.")]
TreeOption = Annotated[
    float | None,
    typer.Option(
        "--tree", metavar="MS", min=0, help="Print the trees too, without what took less."
    ),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", metavar="N", min=1, help="The fastest of N.")
]


def profile(
    layers: LayersArgument,
    modules: ImportOption = None,
    top: TopOption = 20,
    tree_ms: TreeOption = None,
    processes: ProcessesOption = 3,
    as_json: JsonOption = False,
) -> None:
    """Rank what the import time of layers goes to: by package, by module, and as trees.

    Python measures it itself (-X importtime), in a fresh process with the layers read-only in /opt.
    Times are by the clock, of the fastest process. What a module takes by itself is its self time;
    with what it imports first, its cumulative time.
    """
    with opened(layers, None) as there:
        if there.target.node:
            raise ConfigurationError(f"{there.target.runtime}: only imports of Python are ranked.")
        wanted = list(modules or ()) or _known(there)
        if not wanted:
            raise ConfigurationError("Nothing is known to import: name modules with --import.")
        opt = given.merge(there.given, there.scratch / "opt")
        runtime = there.runtime(opt)
        turns = [_once(runtime, wanted) for _ in range(processes)]
        found = min(turns, key=lambda one: one.total_us)
    if as_json:
        print_json(_document(found, wanted))
        return
    say(runtime.how)
    _show(found, top)
    if tree_ms is not None:
        for root in found.roots:
            _show_tree(root, tree_ms)


def _known(there: Layers) -> list[str]:
    built = [name for one in there.given for name in one.modules]
    entries = [entry for one in there.given for entry in one.entries]
    return built or list(
        dict.fromkeys(name for case in testing.defaults(entries, ()) for name in case.modules)
    )


def _once(runtime: Runtime, modules: Sequence[str]) -> Profile:
    function = Function(handler=f"{PROBE.stem}.handler", code=PROBE, environment=_ASKED)
    (answer,) = runtime.call(function, [json.dumps({"modules": list(modules)}).encode()])
    told = json.loads(answer.payload)
    if answer.error is not None or "error" in told:
        raise LayerError(f"The layer cannot import {', '.join(modules)}: {told.get('error')}")
    return importtime.profile(importtime.parse(answer.log.splitlines()), modules)


def _document(found: Profile, modules: Sequence[str]) -> dict[str, object]:
    return {
        "imports": list(modules),
        "total_us": found.total_us,
        "packages": [{"name": name, "self_us": us} for name, us in found.packages],
        "modules": [
            {"name": one.name, "self_us": one.self_us, "cumulative_us": one.cumulative_us}
            for one in found.modules
        ],
        "tree": [_branch(one) for one in found.roots],
    }


def _branch(one: Import) -> dict[str, object]:
    return {
        "name": one.name,
        "self_us": one.self_us,
        "cumulative_us": one.cumulative_us,
        "imports": [_branch(child) for child in one.children],
    }


def _show(found: Profile, top: int) -> None:
    total = found.total_us or 1
    rows = [(name, _ms(us), f"{us / total * _PERCENT:.0f} %") for name, us in found.packages[:top]]
    print_table(["package", "self ms", "of all"], rows, right=["self ms", "of all"])
    modules = [(one.name, _ms(one.self_us), _ms(one.cumulative_us)) for one in found.modules[:top]]
    print_table(
        ["module", "self ms", "with its imports"], modules, right=["self ms", "with its imports"]
    )
    print_line(f"{len(found.modules):,} modules, {_ms(found.total_us)} ms")


def _show_tree(root: Import, least_ms: float) -> None:
    lines = importtime.tree_lines(root, int(least_ms * 1000))
    rows = [(name, _ms(own), _ms(whole)) for name, own, whole in lines]
    print_table(
        [root.name, "self ms", "with its imports"], rows, right=["self ms", "with its imports"]
    )


def _ms(us: int) -> str:
    return f"{us / 1000:,.1f}"


def register(app: typer.Typer) -> None:
    """Add the command to its group."""
    app.command(
        cls=MillraceCommand,
        name="profile",
        epilog=epilog(
            "millrace layers profile build/deps --import boto3",
            "millrace layers profile build/deps --import boto3 --tree 5",
            "millrace layers profile theirs.zip --import requests --json",
            s0="it is measured",
            s1="a layer cannot be read, or does not hold what to import",
            s2="the command is wrong; nothing was imported",
        ),
    )(profile)
