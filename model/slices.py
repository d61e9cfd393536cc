"""A history cut by time: to fit on, to calibrate and choose on, and the newest to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from millrace.errors import ConfigurationError

from model.rows import Row
from model.target import Target

# Where the second and the third slice begin.
_STARTS = (0.6, 0.8)
# With fewer of either kind a figure says nothing.
_FEWEST = 20


class Slices(NamedTuple):
    """Rows of three times, each wholly before the next."""

    fit: Sequence[Row]
    tune: Sequence[Row]
    measure: Sequence[Row]


def sliced(rows: Sequence[Row], target: Target) -> Slices:
    """The slices of rows in order of time. Raises ConfigurationError where there are too few.

    A row whose label looks into the next slice's time is in neither: what a model learns from is
    over before the moments begin that it is tried on.
    """
    found: tuple[list[Row], list[Row], list[Row]] = [], [], []
    starts_ms = [rows[int(len(rows) * share)].at_ms for share in _STARTS] if rows else []
    for row in rows:
        place = sum(row.at_ms >= start_ms for start_ms in starts_ms)
        if place == len(starts_ms) or row.at_ms + target.within_ms < starts_ms[place]:
            found[place].append(row)
    slices = Slices(*found)
    for problem in _problems(slices, target):
        raise ConfigurationError(problem)
    return slices


def _problems(slices: Slices, target: Target) -> Iterator[str]:
    for name, rows in zip(("oldest 60 %", "next 20 %", "newest 20 %"), slices, strict=True):
        positive = sum(row.positive for row in rows)
        if min(positive, len(rows) - positive) < _FEWEST:
            yield (
                f"The history is too short for {target.name!r}: of the {len(rows)} rows of its"
                f" {name}, {positive} have it; at least {_FEWEST} must have it and {_FEWEST} must"
                " not. Take a longer history, or another --target or --within."
            )
