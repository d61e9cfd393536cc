"""Fewer points for the same picture: none that is flagged is left out, nor any peak.

Every point that is kept is a row of the table as it stands there: nothing is averaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple


class Drawn(NamedTuple):
    """A point as the chart takes it: a time in ms, a value or rate, and what was said of it."""

    time_ms: int
    value: float
    expected: float | None
    low: float | None
    high: float | None
    score: float | None
    flagged: bool
    late: bool
    of_rate: bool
    event_id: str
    reason: str


def thinned(points: Sequence[Drawn], buckets: int) -> list[Drawn]:
    """The points of a chart that is `buckets` columns wide, in their order.

    Of each column the first, the last, the lowest and the highest point, which draw the same line
    as all of them (Jugel et al., M4, 2014), and every flagged one.
    """
    if len(points) <= 4 * buckets:
        return list(points)
    start, end = points[0].time_ms, points[-1].time_ms
    width = max((end - start) / buckets, 1.0)
    return [point for column in _columns(points, start, width) for point in _outline(column)]


def _columns(points: Sequence[Drawn], start: int, width: float) -> Iterator[list[Drawn]]:
    column: list[Drawn] = []
    place = 0
    for point in points:
        now = int((point.time_ms - start) / width)
        if now != place and column:
            yield column
            column = []
        place = now
        column.append(point)
    yield column


def _outline(column: list[Drawn]) -> list[Drawn]:
    plain = [point for point in column if not point.late]
    kept = {id(column[0]), id(column[-1])}
    if plain:
        kept.add(id(min(plain, key=lambda point: point.value)))
        kept.add(id(max(plain, key=lambda point: point.value)))
        kept |= {id(plain[0]), id(plain[-1])}
    return [point for point in column if point.flagged or id(point) in kept]


def usual_step_ms(points: Sequence[Drawn]) -> int:
    """The median distance of two points; 0 for fewer than two."""
    steps = sorted(b.time_ms - a.time_ms for a, b in pairwise(points))
    return steps[len(steps) // 2] if steps else 0
