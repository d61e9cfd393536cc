"""What commands print: tables for people and JSON for machines on stdout, all else on stderr.

Much of it came from outside (keys, types, what stands in quarantine), so nothing reaches a terminal
as a control sequence: see `printable`.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import orjson
from millrace.errors import ConfigurationError
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

# Of a pipe or a file, whose reader has no width: wide enough for most tables.
_PIPED_WIDTH = 160
# Narrower than this, a reason in a column of its own would be a word or two wide.
WIDE = 120
# What a table's frame takes at its sides, and between two columns.
_EDGES, _GAP = 2, 3
# What a terminal acts upon, or shows in another order than it stands there; lone surrogates too.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# JSON itself escapes those below a space; in its texts the others may be escaped as well.
_UNPRINTABLE_IN_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with escapes for what a terminal would act upon.

    >>> printable("red: \\x1b[31m")
    'red: \\\\x1b[31m'
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


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
    line = printable(" ".join(problem.split()))
    stderr().print(f"[bold red]millrace:[/bold red] {escape(line)}", soft_wrap=True)


def say(line: str) -> None:
    """Tell a person something on stderr, beside the result."""
    stderr().print(printable(line), soft_wrap=True, markup=False)


def agreed(question: str) -> bool:
    """Whether a person says yes; nothing of it goes to stdout."""
    stderr().print(f"{printable(question)} [y/N] ", markup=False, end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def print_line(line: str = "", *, style: str | None = None) -> None:
    """Print a line of a result as it is, however long, so that it can be copied."""
    stdout().print(printable(line), style=style, soft_wrap=True, markup=False)


def print_wrapped(text: str) -> None:
    """Print what explains the line above it: indented, and wrapped at the terminal's width."""
    for line in textwrap.wrap(text, max(stdout().width - 2, 20)):
        print_line(f"  {line}")


def print_json(value: object) -> None:
    """Print a JSON document, and nothing else."""
    sys.stdout.write(json_text(value) + "\n")


def json_text(value: object) -> str:
    """A JSON document on lines."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    return _UNPRINTABLE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_file(path: Path, text: str) -> None:
    """Write what a person named a file for. Raises ConfigurationError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror}.") from error


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
) -> None:
    """Print a table; the columns named in `right` hold numbers."""
    console = stdout()
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = _whole_words([columns, *cells], console.width - _EDGES - _GAP * (len(columns) - 1))
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for place, column in enumerate(columns):
        justify: JustifyMethod = "right" if column in right else "left"
        width = widths[place] if widths else None
        table.add_column(column, justify=justify, overflow="fold", width=width)
    for row in cells:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def _whole_words(rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths for columns that are too wide together, so that no word of theirs is broken.

    The narrow ones stay as they are; the wide ones share the room that is left, and wrap. None
    where all of it fits, or where no widths would do.

    >>> _whole_words([["id", "why"], ["cpu-1300", "above all that was seen"]], 20)
    [8, 12]
    >>> _whole_words([["id", "why"]], 20), _whole_words([["checkout.latency"]], 10)
    (None, None)
    >>> _whole_words([["", "why"], [""], ["", "so it is said"]], 8)
    [1, 7]
    """
    columns = list(zip_longest(*rows, fillvalue=""))
    whole = [max(map(cell_len, ("-", *column))) for column in columns]
    widths = [max(map(cell_len, " ".join(("-", *column)).split())) for column in columns]
    spare = room - sum(widths)
    if sum(whole) <= room or spare < 0:
        return None
    wanted = [most - least for most, least in zip(whole, widths, strict=True)]
    for left, place in enumerate(sorted(range(len(whole)), key=wanted.__getitem__)):
        more = min(wanted[place], spare // (len(whole) - left))
        widths[place] += more
        spare -= more
    return widths


def print_facts(facts: Iterable[tuple[str, object]], *, title: str | None = None) -> None:
    """Print names with their values, each on a line."""
    if title is not None:
        print_line(title, style="bold")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(f"  {escape(printable(name))}", escape(printable(str(value))))
    stdout().print(table)


def in_words(names: Sequence[str], most: int = 5) -> str:
    """Names on a line, the first of them where they are many.

    >>> in_words(["a", "b"]), in_words(["a", "b", "c", "d"], 2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def quantity(count: int, one: str, many: str | None = None) -> str:
    """A count with its unit.

    >>> quantity(1, "event"), quantity(12_000, "event"), quantity(0, "entry", "entries")
    ('1 event', '12,000 events', '0 entries')
    """
    unit = one if count == 1 else many or f"{one}s"
    return f"{count:,} {unit}"
