"""The views of a series, and how their findings become one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from millrace.anomaly.averages import Average, weight_of_half_life
from millrace.anomaly.flatline import Flatline
from millrace.anomaly.moments import Moments
from millrace.anomaly.peaks import Peaks
from millrace.anomaly.verdict import FLAT, LEVEL, RESIDUAL, RESIDUAL_LEVEL, VALUE

_SHORT_HALF_LIFE = 12
_SHORT = weight_of_half_life(_SHORT_HALF_LIFE)
# A short average means nothing before it has turned over: the time of two memories, 2/weight.
_SHORT_READY = math.floor(2.0 / _SHORT)
# Scales hardly fade: a calm month must not turn plain noise into news.
_SCALE = weight_of_half_life(20_000)
_MOST = 1e6
# How many past stretches may have been as strange as what is strange by one view alone. Levels
# come in runs, which fill several stretches; a flat line must be four times as long as any before.
_ALLOWED = {RESIDUAL: 0.5, VALUE: 1.0, FLAT: 0.03, LEVEL: 1.5, RESIDUAL_LEVEL: 0.5}
NAMES = tuple(_ALLOWED)
_POINT_VIEWS = 3
# And never more than this share of the stretches seen, or a young series would always be strange.
_ALLOWED_SHARE = 0.1


class View:
    """One raw number of a series, calibrated against the peaks of its own past stretches."""

    __slots__ = ("allowed", "bar", "moments", "most", "peaks", "x")

    def __init__(self, most: float, moments: Moments | None) -> None:
        self.most = most
        self.moments = moments  # None: the raw number is a scale of its own
        self.peaks = Peaks()
        self.x = 0.0
        self._set_bar()

    def _set_bar(self) -> None:
        self.allowed = min(self.most, _ALLOWED_SHARE * self.peaks.stretches)
        # The |z| from which a point is strange by this view alone; None while nothing is.
        self.bar = self.peaks.bar(self.allowed)

    def rarity(self, x: float) -> float:
        """Stretches allowed over past stretches as strange: strange by itself from 1 on."""
        self.x = x
        z = x if self.moments is None else self.moments.z(x)
        rarity = self.allowed / self.peaks.as_strange(z)
        return rarity if rarity < _MOST else _MOST

    def learn(self, age: float) -> None:
        """Take in the number last asked for, of a series that has seen `age` points."""
        if self.peaks.learn(age):
            self._set_bar()
        if self.moments is not None:
            self.moments.learn(self.x)

    def state(self) -> list[float]:
        scale = [] if self.moments is None else self.moments.state()
        return [*self.peaks.state(), *scale]

    def restore(self, numbers: Sequence[float]) -> None:
        if self.moments is None:
            self.peaks.restore(numbers)
        else:
            self.peaks.restore(numbers[:-3])
            self.moments.restore(numbers[-3:])
        self._set_bar()


class Views:
    """All views of one series.

    Their rarities are joined like independent evidence, by the root of the sum of squares: near
    the largest, but two views just short of their bars pass together.
    """

    __slots__ = ("all", "flatline", "residual", "residual_short", "short")

    def __init__(self) -> None:
        self.short = Average(_SHORT)
        self.residual_short = Average(_SHORT)
        self.flatline = Flatline()
        self.all = [
            View(_ALLOWED[name], None if name == FLAT else Moments(_SCALE)) for name in NAMES
        ]
        self.residual = self.all[0]

    def judge(self, value: float, expected: float, usual: float) -> tuple[float, str]:
        """How rare the point is (strange from 1 on), and the view that finds it rarest.

        `usual` is the long level, the value included.
        """
        residual = value - expected
        self.short.learn(value)
        self.residual_short.learn(residual)
        numbers = (
            residual,
            value,
            self.flatline.length(value),
            self.short.mean - usual,
            self.residual_short.mean,
        )
        most, found, total = -1.0, 0, 0.0
        for i in range(self._ready()):
            rarity = self.all[i].rarity(numbers[i])
            total += rarity * rarity
            if rarity > most:
                most, found = rarity, i
        return math.sqrt(total), NAMES[found]

    def _ready(self) -> int:
        """How many of the views can judge: those of the short averages, the last ones, wait."""
        return len(NAMES) if self.short.count > _SHORT_READY else _POINT_VIEWS

    def learn(self, age: float) -> None:
        """Take in the point last judged, of a series that has seen `age` points."""
        for view in self.all[: self._ready()]:
            view.learn(age)

    def band(self) -> tuple[float, float] | None:
        """Between which residuals a point is plain; None before the first stretches ended."""
        moments, bar = self.residual.moments, self.residual.bar
        if moments is None or bar is None:
            return None
        width = bar * math.sqrt(moments.variance)
        return moments.mean - width, moments.mean + width

    def state(self) -> list[float]:
        averages = [*self.short.state(), *self.residual_short.state(), *self.flatline.state()]
        return averages + [number for view in self.all for number in view.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.short.restore(numbers[:2])
        self.residual_short.restore(numbers[2:4])
        self.flatline.restore(numbers[4:8])
        start = 8
        for view in self.all:
            end = start + len(view.state())
            view.restore(numbers[start:end])
            start = end
