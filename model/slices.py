"""A history cut by time: to fit on, to calibrate and choose on, and the newest to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from millrace.errors import ConfigurationError

from model.rows import Row
from model.target import Target

_TUNE_FROM, _MEASURE_FROM = 0.6, 0.8
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
    starts_ms = [rows[int(len(rows) * share)].at_ms for share in (_TUNE_FROM, _MEASURE_FROM)]
    found: dict[int, list[Row]] = {0: [], 1: [], 2: []}
    for row in rows:
        place = sum(row.at_ms >= start_ms for start_ms in starts_ms)
        if place == 2 or row.at_ms + target.within_ms < starts_ms[place]:
            found[place].append(row)
    slices = Slices(found[0], found[1], found[2])
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
