"""What one sees while the demo runs: steps of the start, then numbers that move."""

from __future__ import annotations

import time
from collections.abc import Sized
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from localcloud.cloud import LocalCloud
from localcloud.demo.arguments import Arguments
from localcloud.demo.watching import Watch
from localcloud.lag import Lag

# Figures in a row: six with their names fit into 80 columns.
_ABREAST = 6


class Sender(Protocol):
    """What counts the records that were put."""

    sent: int


class Questions(Protocol):
    """What counts the predictions that were asked for."""

    @property
    def asked(self) -> Sized:
        """Each of them."""
        ...

    @property
    def lag(self) -> Lag:
        """How long they took."""
        ...


class Display:
    """A live view on a terminal; elsewhere a line for each step."""

    def __init__(self, console: Console, arguments: Arguments, watch: Watch) -> None:
        self.watch = watch
        self._console = console
        self._quiet = not console.is_terminal
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)
        self._spinner = Spinner("dots")
        self._phase = "starting"
        self._began_s = time.monotonic()
        self._seconds: float | None = None
        self._cloud: LocalCloud | None = None
        self._sender: Sender | None = None
        self._questions: Questions | None = None

    def __enter__(self) -> Display:
        if not self._quiet:
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

    def step(self, name: str) -> None:
        """A step of the start."""
        self.phase(f"starting: {name}")

    def note(self, text: str) -> None:
        """Something to know, which stays on the screen."""
        self._console.print(text, style="yellow", highlight=False)

    def phase(self, name: str, seconds: float | None = None) -> None:
        """What goes on now, and how long it takes, where that is known."""
        self._phase, self._seconds, self._began_s = name, seconds, time.monotonic()
        if self._quiet:
            self._console.print(f"millrace: {name} …", highlight=False)

    def follow(self, cloud: LocalCloud, sender: Sender, questions: Questions) -> None:
        """Show the numbers of a running cloud from now on."""
        self._cloud, self._sender, self._questions = cloud, sender, questions

    def __rich__(self) -> RenderableType:
        head = Table.grid(padding=(0, 1))
        bar: RenderableType = Text()
        if self._seconds:
            passed_s = min(self._seconds, time.monotonic() - self._began_s)
            bar = ProgressBar(total=self._seconds, completed=passed_s, width=30)
        head.add_row(self._spinner, Text(self._phase, style="bold"), bar)
        if self._cloud is None or self._sender is None:
            return head
        return Group(head, self._numbers(self._cloud, self._sender))

    def _numbers(self, cloud: LocalCloud, sender: Sender) -> Table:
        totals, lag = self.watch.totals, cloud.lag.percentiles
        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(_ABREAST):
            table.add_column(justify="right", min_width=8, no_wrap=True)
        figures = {
            "events sent": f"{sender.sent:,}",
            "done": f"{len(cloud.lag.lags_ms):,}",
            "feature writes": f"{totals['Writes']:,.0f}",
            "duplicates": f"{totals['Duplicates']:,.0f}",
            "late": f"{totals['Late']:,.0f}",
            "quarantined": f"{totals['Quarantined']:,.0f}",
            "lag p50": _ms(lag.p50),
            "lag p99": _ms(lag.p99),
        }
        if self._questions is not None and len(self._questions.asked):
            figures["predictions"] = f"{len(self._questions.asked):,}"
            figures["answer p50"] = _ms(self._questions.lag.p50)
        names = list(figures)
        for row in (names[:_ABREAST], names[_ABREAST:]):
            table.add_row(*(Text(name, style="dim") for name in row))
            table.add_row(*(figures[name] for name in row))
        return table


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"
