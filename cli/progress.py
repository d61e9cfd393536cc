"""Progress on stderr, where it is a terminal; elsewhere nothing is shown."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from cli.output import quantity, stderr

T = TypeVar("T")

_EVERY_S = 0.1

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


def watched(
    items: Iterable[T], advance: Advance, unit: str, done: Callable[[], float] | None = None
) -> Iterator[T]:
    """The items, while `advance` hears how many have passed, and how far that is.

    `done` says the latter, where it is not simply how many.
    """
    due_s = 0.0
    for count, item in enumerate(items, 1):
        now_s = time.monotonic()
        if now_s >= due_s:
            advance(count if done is None else done(), quantity(count, unit))
            due_s = now_s + _EVERY_S
        yield item
