"""What commands print: tables for people and JSON for machines on stdout, all else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

# Of a pipe or a file, whose reader has no width: wide enough for most tables.
_PIPED_WIDTH = 160


def stdout() -> Console:
    """The console for results."""
    return _console(stderr=False)


def stderr() -> Console:
    """The console for progress and problems."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def complain(problem: str) -> None:
    """Tell of a problem, on one line (a terminal may wrap it)."""
    line = " ".join(problem.split())
    stderr().print(f"[bold red]millrace:[/bold red] {escape(line)}", soft_wrap=True)


def say(line: str) -> None:
    """Tell a person something on stderr, beside the result."""
    stderr().print(line, soft_wrap=True, markup=False)


def print_line(line: str = "", *, style: str | None = None) -> None:
    """Print a line of a result as it is, however long, so that it can be copied."""
    stdout().print(line, style=style, soft_wrap=True, markup=False)


def print_json(value: object) -> None:
    """Print a JSON document, and nothing else."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    sys.stdout.write(text.decode() + "\n")


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
) -> None:
    """Print a table; the columns named in `right` hold numbers."""
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    stdout().print(table)


def quantity(count: int, one: str, many: str | None = None) -> str:
    """A count with its unit.

    >>> quantity(1, "event"), quantity(12_000, "event"), quantity(0, "entry", "entries")
    ('1 event', '12,000 events', '0 entries')
    """
    unit = one if count == 1 else many or f"{one}s"
    return f"{count:,} {unit}"
