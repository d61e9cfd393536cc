"""What one sees while the demo runs: of each cloud what goes on, and numbers that move."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

# Figures in a row: six with their names fit into 80 columns.
_ABREAST = 6
_BAR = 30


class Board(Protocol):
    """Numbers that move, and lines of what happened last."""

    def figures(self) -> Mapping[str, str]:
        """Each with its name."""
        ...

    def lines(self) -> Sequence[Text]:
        """The latest news, if any."""
        ...


class Lane:
    """One cloud's part of the view."""

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._console = console
        self._spinner = Spinner("dots")
        self._phase = "starting"
        self._began_s = time.monotonic()
        self._seconds: float | None = None
        self._board: Board | None = None

    def step(self, name: str) -> None:
        """A step of the start."""
        self.phase(f"starting: {name}")

    def note(self, text: str) -> None:
        """Something to know, which stays on the screen."""
        self._console.print(text, style="yellow", highlight=False, markup=False)

    def phase(self, name: str, seconds: float | None = None) -> None:
        """What goes on now, and how long it takes, where that is known."""
        self._phase, self._seconds, self._began_s = name, seconds, time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"{self._name}: {name} …", highlight=False, markup=False)

    def follow(self, board: Board) -> None:
        """Show these numbers from now on."""
        self._board = board

    def __rich__(self) -> RenderableType:
        head = Table.grid(padding=(0, 1))
        bar: RenderableType = Text()
        if self._seconds:
            passed_s = min(self._seconds, time.monotonic() - self._began_s)
            bar = ProgressBar(total=self._seconds, completed=passed_s, width=_BAR)
        name = Text(self._name, style="bold cyan")
        head.add_row(self._spinner, name, Text(self._phase), bar)
        if self._board is None:
            return head
        return Group(head, _numbers(self._board.figures()), *self._board.lines(), Text())


class Display:
    """A live view on a terminal; elsewhere a line for each step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lanes: list[Lane] = []
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal to others."""
        self._live.stop()

    def lane(self, name: str) -> Lane:
        """One more part of the view."""
        lane = Lane(name, self._console)
        self._lanes.append(lane)
        return lane

    def __rich__(self) -> RenderableType:
        return Group(*(lane.__rich__() for lane in self._lanes))


def ms(value: float | None) -> str:
    """Milliseconds, where there are any.

    >>> ms(1234.5), ms(None)
    ('1,234 ms', '-')
    """
    return "-" if value is None else f"{value:,.0f} ms"


def _numbers(figures: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(_ABREAST):
        table.add_column(justify="right", min_width=8, no_wrap=True)
    names = list(figures)
    for first in range(0, len(names), _ABREAST):
        row = names[first : first + _ABREAST]
        table.add_row(*(Text(name, style="dim") for name in row))
        table.add_row(*(figures[name] for name in row))
    return table
