"""Progress on stderr, where it is a terminal; elsewhere nothing is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from cli.output import stderr

# Says how far the work is, in the unit of the total, and a few words about it.
Advance = Callable[[float, str], None]


@contextlib.contextmanager
def progress(task: str, total: float | None) -> Iterator[Advance]:
    """A bar for as long as the block runs; a total of None is not known."""
    console = stderr()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        bar = bars.add_task(task, total=total, words="")
        yield lambda done, words: bars.update(bar, completed=done, words=words)
