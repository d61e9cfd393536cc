"""What benchmarks print: figures beside a rival's and a target, for people and for machines."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.interpreter import is_optimised

_PIPED_WIDTH = 140


class Figure(NamedTuple):
    """One number, beside the rival's, and whether it holds its target; None where there is none."""

    name: str
    value: float
    unit: str
    rival: str | None = None
    rival_value: float | None = None
    target: float | None = None
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a benchmark found: its figures, and lines that say more to people."""

    figures: Sequence[Figure]
    lines: Sequence[str] = field(default_factory=tuple)

    @property
    def held(self) -> bool:
        """Whether no figure misses its target."""
        return all(figure.holds is not False for figure in self.figures)


def at_most(
    name: str,
    value: float,
    unit: str,
    target: float | None = None,
    rival: tuple[str, float] | None = None,
) -> Figure:
    """A figure that holds when it does not pass its target."""
    holds = None if target is None else value <= target
    its_name, its_value = rival or (None, None)
    return Figure(name, value, unit, its_name, its_value, target, holds)


def at_least(
    name: str,
    value: float,
    unit: str,
    target: float | None = None,
    rival: tuple[str, float] | None = None,
) -> Figure:
    """A figure that holds when it reaches its target."""
    holds = None if target is None else value >= target
    its_name, its_value = rival or (None, None)
    return Figure(name, value, unit, its_name, its_value, target, holds)


def machine() -> dict[str, object]:
    """What it was measured on."""
    return {
        "python": platform.python_version(),
        "interpreter": f"{sys.base_prefix}, built {'with' if is_optimised() else 'without'} "
        "profile-guided optimisation",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")


def print_json(measured: Measured) -> None:
    """Print one object: the figures, and what they were measured on."""
    document = {
        "figures": [figure._asdict() for figure in measured.figures],
        "machine": machine(),
    }
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_table(measured: Measured, title: str) -> None:
    """Print the lines, and a table of the figures."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    console = Console(width=width, highlight=False)
    for line in measured.lines:
        console.print(line, markup=False, soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    table.add_column("figure")
    table.add_column("value", justify="right", style="bold")
    table.add_column("target", justify="right")
    table.add_column("")
    table.add_column("rival", justify="right")
    table.add_column("", style="dim")
    for row in _rows(measured.figures):
        table.add_row(*row)
    console.print(table)
    on = machine()
    console.print(
        f"{on['processor']}, {on['cores']} cores, Python {on['python']} of {on['interpreter']}",
        style="dim",
        markup=False,
        soft_wrap=True,
    )


def _rows(figures: Iterable[Figure]) -> Iterable[tuple[str, ...]]:
    words = {True: "[green]holds[/]", False: "[bold red]missed[/]", None: ""}
    for one in figures:
        yield (
            one.name,
            f"{number(one.value)} {one.unit}",
            "" if one.target is None else number(one.target),
            words[one.holds],
            "" if one.rival_value is None else number(one.rival_value),
            one.rival or "",
        )


def number(value: float) -> str:
    """A number as a person reads it.

    >>> number(21453.2), number(3.14159), number(0.012345), number(7)
    ('21,453', '3.14', '0.0123', '7')
    """
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
