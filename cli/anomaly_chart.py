"""A series drawn in a terminal: its values, the band, what was strange. Readable without colour."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_DOTS = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)  # of a braille cell, by column
_BRAILLE = 0x2800
_LABEL = 11  # as -1.234e+300


class Dab(NamedTuple):
    """A few neighbouring points as one: their range, their band, and whether any was strange."""

    least: float
    most: float
    low: float | None = None
    high: float | None = None
    strange: float | None = None  # the value of the strangest
    score: float = 0.0
    alert: bool = False

    def merged(self, other: Dab) -> Dab:
        """Both as one."""
        stranger = other if other.score > self.score else self
        return Dab(
            min(self.least, other.least),
            max(self.most, other.most),
            _lesser(self.low, other.low),
            _greater(self.high, other.high),
            stranger.strange,
            stranger.score,
            self.alert or other.alert,
        )


def _lesser(one: float | None, other: float | None) -> float | None:
    return min((x for x in (one, other) if x is not None), default=None)


def _greater(one: float | None, other: float | None) -> float | None:
    return max((x for x in (one, other) if x is not None), default=None)


def dab(
    value: float,
    low: float | None = None,
    high: float | None = None,
    *,
    score: float = 0.0,
    strange: bool = False,
    alert: bool = False,
) -> Dab:
    """One point."""
    return Dab(value, value, low, high, value if strange else None, score * strange, alert)


class Sketch:
    """A series of any length in bounded memory: neighbours are merged as it grows."""

    def __init__(self, room: int = 800) -> None:
        self._room = room
        self._each = 1  # points of a finished dab
        self._open: Dab | None = None
        self._in_open = 0
        self._dabs: list[Dab] = []

    def add(self, point: Dab) -> None:
        """Draw one point more."""
        self._open = point if self._open is None else self._open.merged(point)
        self._in_open += 1
        if self._in_open < self._each:
            return
        self._dabs.append(self._open)
        self._open, self._in_open = None, 0
        if len(self._dabs) >= 2 * self._room:
            pairs = zip(self._dabs[::2], self._dabs[1::2], strict=True)
            self._dabs = [one.merged(other) for one, other in pairs]
            self._each *= 2

    def dabs(self) -> list[Dab]:
        """What there is, in order."""
        return [*self._dabs, *([] if self._open is None else [self._open])]


class _Pen(NamedTuple):
    band: str
    strange: str
    alert: str
    side: str
    corner: str
    floor: str


_UNICODE = _Pen("░", "●", "▲", "┤", "└", "─")
_ASCII = _Pen(".", "O", "^", "|", "+", "-")


def draw(
    dabs: Sequence[Dab], *, width: int, height: int = 12, ascii_only: bool = False
) -> list[str]:
    """The lines of a chart; none where nothing is to be drawn.

    >>> for line in draw([dab(v, 0, 2) for v in (1, 2, 9, 1)], width=17, height=3, ascii_only=True):
    ...     print(line)
              9 |  *
            4.5 |  **
              0 |**.*
                +----
    """
    dabs = [one for one in dabs if math.isfinite(one.least) and math.isfinite(one.most)]
    if not dabs:
        return []
    pen = _ASCII if ascii_only else _UNICODE
    across = max(4, width - _LABEL - 2)
    per_cell = 1 if ascii_only else 2
    columns = _fitted(dabs, across * per_cell)
    scale = _Scale.over(columns, height, 1 if ascii_only else 4)
    cells = _cells(columns, scale, per_cell, pen, height)
    lines = []
    for row, text in enumerate(cells):
        label = {0: scale.top, height // 2: scale.middle, height - 1: scale.bottom}.get(row)
        shown = "" if label is None else f"{label:.4g}"
        lines.append(f"{shown:>{_LABEL}} {pen.side}{text}".rstrip())
    lines.append(f"{'':>{_LABEL}} {pen.corner}{pen.floor * len(cells[0])}")
    alerts = _alerts(columns, per_cell, pen)
    if alerts.strip():
        lines.append(f"{'alerts':>{_LABEL}}  {alerts}".rstrip())
    return lines


def legend(*, ascii_only: bool = False) -> str:
    """What the signs stand for."""
    pen = _ASCII if ascii_only else _UNICODE
    value = "*" if ascii_only else "⣿"
    return f"{value} value   {pen.band} expected   {pen.strange} strange   {pen.alert} alert"


def needs_ascii() -> bool:
    """Whether standard output cannot show more than ASCII."""
    return "utf" not in (sys.stdout.encoding or "").lower()


class _Scale(NamedTuple):
    bottom: float
    top: float
    levels: int

    @property
    def middle(self) -> float:
        return self.bottom + (self.top - self.bottom) / 2

    @classmethod
    def over(cls, dabs: Iterable[Dab], height: int, per_cell: int) -> _Scale:
        """From the least to the most, with the band as far as it is not much wider than that."""
        dabs = list(dabs)
        least, most = min(one.least for one in dabs), max(one.most for one in dabs)
        room = (most - least) / 4 or abs(most) / 10 or 1.0
        lows = [one.low for one in dabs if one.low is not None and one.low >= least - room]
        highs = [one.high for one in dabs if one.high is not None and one.high <= most + room]
        bottom, top = min([least, *lows]), max([most, *highs])
        if bottom == top:
            bottom, top = bottom - room, top + room
        return cls(bottom, top, height * per_cell)

    def level(self, value: float) -> int:
        """From 0 at the bottom, held within the chart."""
        size = self.top - self.bottom
        if not 0.0 < size < math.inf:
            return self.levels // 2
        share = (value - self.bottom) / size
        return min(self.levels - 1, max(0, math.floor(share * self.levels)))


def _fitted(dabs: Sequence[Dab], columns: int) -> list[Dab]:
    """So many columns, or fewer."""
    if len(dabs) <= columns:
        return list(dabs)
    fitted: list[Dab] = []
    for number in range(columns):
        start, end = number * len(dabs) // columns, (number + 1) * len(dabs) // columns
        one = dabs[start]
        for other in dabs[start + 1 : end]:
            one = one.merged(other)
        fitted.append(one)
    return fitted


def _cells(
    columns: Sequence[Dab], scale: _Scale, per_cell: int, pen: _Pen, height: int
) -> list[str]:
    across = -(-len(columns) // per_cell)
    per_row = scale.levels // height
    dots = [[0] * across for _ in range(height)]
    signs: dict[tuple[int, int], str] = {}
    before: tuple[int, int] | None = None
    for place, one in enumerate(columns):
        low, high = scale.level(one.least), scale.level(one.most)
        drawn = _joined(low, high, before)
        before = (low, high)
        for level in range(drawn[0], drawn[1] + 1):
            row = height - 1 - level // per_row
            dots[row][place // per_cell] |= _DOTS[place % per_cell][3 - level % per_row]
        if one.strange is not None:
            row = height - 1 - scale.level(one.strange) // per_row
            signs[row, place // per_cell] = pen.strange
    band = [
        _band(columns[x * per_cell : (x + 1) * per_cell], scale, per_row) for x in range(across)
    ]
    return [
        "".join(
            signs.get((row, x)) or _cell(dots[row][x], band[x], height - 1 - row, pen)
            for x in range(across)
        )
        for row in range(height)
    ]


def _joined(low: int, high: int, before: tuple[int, int] | None) -> tuple[int, int]:
    """The levels of a column, drawn on to where the one before it ended.

    >>> _joined(5, 6, (1, 2)), _joined(1, 2, (5, 6)), _joined(1, 2, (2, 6))
    ((3, 6), (1, 4), (1, 2))
    """
    if before is None:
        return low, high
    if before[1] < low:
        return before[1] + 1, high
    return low, before[0] - 1 if before[0] > high else high


def _band(dabs: Sequence[Dab], scale: _Scale, per_row: int) -> tuple[int, int] | None:
    lows = [one.low for one in dabs if one.low is not None]
    highs = [one.high for one in dabs if one.high is not None]
    if not lows or not highs or max(highs) < scale.bottom or min(lows) > scale.top:
        return None
    return scale.level(min(lows)) // per_row, scale.level(max(highs)) // per_row


def _cell(dots: int, band: tuple[int, int] | None, row: int, pen: _Pen) -> str:
    if dots:
        return "*" if pen is _ASCII else chr(_BRAILLE | dots)
    return pen.band if band is not None and band[0] <= row <= band[1] else " "


def _alerts(columns: Sequence[Dab], per_cell: int, pen: _Pen) -> str:
    across = -(-len(columns) // per_cell)
    return "".join(
        pen.alert if any(one.alert for one in columns[x * per_cell : (x + 1) * per_cell]) else " "
        for x in range(across)
    )
