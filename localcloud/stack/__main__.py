"""Prints what the local cloud makes of a template: `python -m localcloud.stack --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from millrace.errors import MillraceError
from rich.console import Console
from rich.table import Column, Table

from localcloud.stack.place import Place
from localcloud.stack.stack import plan
from localcloud.stack.types import NO_OPS, SUPPORTED


def main(arguments: list[str] | None = None) -> int:
    """Print the plan of a template, or all types that are known; 1 when the template is refused."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.stack", description=__doc__)
    parser.add_argument("template", nargs="?", type=Path, default=Path("template.yaml"))
    parser.add_argument("override", nargs="*", metavar="NAME=VALUE", help="template parameters")
    parser.add_argument("--types", action="store_true", help="list every known resource type")
    given = parser.parse_args(arguments)
    console = Console()
    if given.types:
        console.print(types_table())
        return 0
    place = Place("plan", given.template.parent, lambda logical_id: "http://127.0.0.1")
    try:
        steps = plan(given.template, place, dict(item.split("=", 1) for item in given.override))
    except MillraceError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    table = Table("resource", "type", "what becomes of it")
    for step in steps:
        table.add_row(step.logical_id, step.type, step.meaning)
    console.print(table)
    return 0


def types_table() -> Table:
    """Every known type: what is made of it, and which of its properties have no effect, and why."""
    table = Table(Column("type", no_wrap=True), "what becomes of it")
    for name, kind in sorted(SUPPORTED.items()):
        ignored = "".join(f"\n  {key}: no effect, {why}" for key, why in kind.ignored.items())
        table.add_row(name, f"{kind.becomes}{ignored}")
    for name, no_op in sorted(NO_OPS.items()):
        table.add_row(name, f"nothing: {no_op.why}")
    return table


if __name__ == "__main__":
    sys.exit(main())
