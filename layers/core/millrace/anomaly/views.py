"""The views of a series, and how their findings become one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from millrace.anomaly.averages import Average, weight_of_half_life
from millrace.anomaly.flatline import Flatline
from millrace.anomaly.moments import Moments
from millrace.anomaly.peaks import Peaks
from millrace.anomaly.verdict import FLAT, LEVEL, QUICK_LEVEL, RESIDUAL, VALUE

_QUICK = weight_of_half_life(6)
_SLOW = weight_of_half_life(100)
# Scales hardly fade: a calm month must not turn plain noise into news.
_SCALE = weight_of_half_life(20_000)
_MOST = 1e6
# How many past stretches may have been as strange as what is still worth an alert. Slow levels
# move together over several stretches; a flat line must be four times as long as any before.
_ALLOWED = {RESIDUAL: 1.25, VALUE: 1.25, QUICK_LEVEL: 1.25, LEVEL: 3.0, FLAT: 0.03}
NAMES = tuple(_ALLOWED)


class View:
    """One raw number of a series, calibrated against the peaks of its own past stretches."""

    __slots__ = ("allowed", "bar", "moments", "peaks", "x", "z")

    def __init__(self, allowed: float, moments: Moments | None) -> None:
        self.allowed = allowed
        self.moments = moments  # None: the raw number is a scale of its own
        self.peaks = Peaks()
        self.x = 0.0
        self.z = 0.0
        self.bar: float | None = None  # the |z| from which a residual is strange

    def rarity(self, x: float) -> float:
        """`allowed` over the number of past stretches as strange: strange from 1 on."""
        self.x = x
        self.z = x if self.moments is None else self.moments.z(x)
        return min(_MOST, self.allowed / self.peaks.as_strange(self.z))

    def learn(self, age: float) -> None:
        """Take in the number last asked for, of a series that has seen `age` points."""
        if self.peaks.learn(self.z, age):
            self.bar = self.peaks.bar(self.allowed)
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
        self.bar = self.peaks.bar(self.allowed)


class Views:
    """All views of one series.

    Their rarities are joined by the 4-norm: near their maximum, but two views just short of
    their bars pass together.
    """

    __slots__ = ("flatline", "quick", "residual", "slow", "views")

    def __init__(self) -> None:
        self.quick = Average(_QUICK)
        self.slow = Average(_SLOW)
        self.flatline = Flatline()
        self.views = [
            View(_ALLOWED[name], None if name == FLAT else Moments(_SCALE)) for name in NAMES
        ]
        self.residual = self.views[0]

    def judge(self, value: float, expected: float, usual: float) -> tuple[float, str]:
        """How rare the point is (strange from 1 on), and the view that finds it rarest.

        `usual` is the long level, the value included.
        """
        self.quick.learn(value)
        self.slow.learn(value)
        numbers = (
            value - expected,
            value,
            self.quick.mean - usual,
            self.slow.mean - usual,
            self.flatline.length(value),
        )
        most, found, total = -1.0, RESIDUAL, 0.0
        for view, name, number in zip(self.views, NAMES, numbers, strict=True):
            rarity = view.rarity(number)
            total += (rarity * rarity) ** 2
            if rarity > most:
                most, found = rarity, name
        return math.sqrt(math.sqrt(total)), found

    def learn(self, age: float) -> None:
        """Take in the point last judged, of a series that has seen `age` points."""
        for view in self.views:
            view.learn(age)

    def band(self) -> tuple[float, float] | None:
        """Between which residuals a point is plain; None before the first stretches ended."""
        moments, bar = self.residual.moments, self.residual.bar
        if moments is None or bar is None:
            return None
        width = bar * math.sqrt(moments.variance)
        return moments.mean - width, moments.mean + width

    def state(self) -> list[float]:
        averages = [*self.quick.state(), *self.slow.state(), *self.flatline.state()]
        return averages + [number for view in self.views for number in view.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.quick.restore(numbers[:2])
        self.slow.restore(numbers[2:4])
        self.flatline.restore(numbers[4:8])
        start = 8
        for view in self.views:
            end = start + len(view.state())
            view.restore(numbers[start:end])
            start = end
