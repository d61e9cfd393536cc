"""The views of a series, and how their findings become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from millrace.anomaly.averages import Average, weight_of_half_life
from millrace.anomaly.flatline import Flatline
from millrace.anomaly.moments import Moments
from millrace.anomaly.peaks import Peaks
from millrace.anomaly.spread import Spread
from millrace.anomaly.verdict import (
    FEW_RESIDUALS,
    FLAT,
    LEVEL,
    MANY_RESIDUALS,
    RESIDUAL,
    RESIDUAL_SPREAD,
    STEPS,
    VALUE,
)

_FEW, _SHORT, _MANY, _WIDE = (weight_of_half_life(points) for points in (3, 12, 24, 48))
# Scales hardly fade: a calm month must not turn plain noise into news.
_SCALE = weight_of_half_life(20_000)
_MOST = 1e6
# No view allows more than this share of the stretches seen, or a young series would always be
# strange.
_ALLOWED_SHARE = 0.1


class Kind(NamedTuple):
    """What kind of view it is.

    `most` is how many past stretches may have been as strange as what is strange by this view
    alone: a level comes in runs, which fill several stretches; a flat line must be four times as
    long as any before. An average means nothing before it has turned over, so the view of one
    waits for `ready` points, twice its memory of 1/weight.
    """

    name: str
    most: float
    ready: int


_KINDS = (
    Kind(RESIDUAL, 0.5, 0),
    Kind(VALUE, 0.7, 0),
    Kind(FLAT, 0.03, 0),
    Kind(FEW_RESIDUALS, 0.5, math.floor(2 / _FEW)),
    Kind(LEVEL, 1.5, math.floor(2 / _SHORT)),
    Kind(MANY_RESIDUALS, 0.5, math.floor(2 / _MANY)),
    Kind(STEPS, 0.35, math.floor(2 / _WIDE)),
    Kind(RESIDUAL_SPREAD, 0.35, math.floor(2 / _WIDE)),
)
NAMES = tuple(kind.name for kind in _KINDS)


class View:
    """One raw number of a series, calibrated against the peaks of its own past stretches."""

    __slots__ = ("allowed", "bar", "moments", "most", "peaks", "size", "x")

    def __init__(self, most: float, moments: Moments | None) -> None:
        self.most = most
        self.moments = moments  # None: the raw number is a scale of its own
        self.peaks = Peaks()
        self.x = 0.0
        self.allowed = 0.0
        # The |z| from which a point is strange by this view alone; None while nothing is.
        self.bar: float | None = None
        self.size = Peaks.SIZE + (0 if moments is None else Moments.SIZE)

    def _set_bar(self) -> None:
        self.allowed = min(self.most, _ALLOWED_SHARE * self.peaks.stretches)
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
            self.peaks.restore(numbers[: Peaks.SIZE])
            self.moments.restore(numbers[Peaks.SIZE :])
        self._set_bar()


class Views:
    """All views of one series.

    Their rarities are joined like independent evidence, by the root of the sum of squares: near
    the largest, but two views just short of their bars pass together.
    """

    __slots__ = (
        "all",
        "few",
        "flatline",
        "last",
        "many",
        "residual",
        "residual_spread",
        "short",
        "steps",
    )

    def __init__(self) -> None:
        self.last = 0.0
        self.short = Average(_SHORT)
        self.few = Average(_FEW)
        self.many = Average(_MANY)
        self.flatline = Flatline()
        self.steps = Spread(_WIDE)
        self.residual_spread = Spread(_WIDE)
        self.all = [
            View(kind.most, None if kind.name == FLAT else Moments(_SCALE)) for kind in _KINDS
        ]
        self.residual = self.all[0]

    def judge(self, value: float, expected: float, usual: float) -> tuple[float, str]:
        """How rare the point is (strange from 1 on), and the view that finds it rarest.

        `usual` is the long level, the value included.
        """
        residual = value - expected
        step = abs(value - self.last) if self.short.count else 0.0
        self.last = value
        self.short.learn(value)
        self.few.learn(residual)
        self.many.learn(residual)
        numbers = (
            residual,
            value,
            self.flatline.length(step),
            self.few.mean,
            self.short.mean - usual,
            self.many.mean,
            self.steps.learned(step),
            self.residual_spread.learned(abs(residual)),
        )
        most, found, total = -1.0, 0, 0.0
        for i in range(self._ready()):
            rarity = self.all[i].rarity(numbers[i])
            total += rarity * rarity
            if rarity > most:
                most, found = rarity, i
        return math.sqrt(total), NAMES[found]

    def _ready(self) -> int:
        """How many of the views can judge; those that wait longest are the last."""
        points = self.short.count
        if points > _KINDS[-1].ready:
            return len(_KINDS)
        return sum(1 for kind in _KINDS if points > kind.ready)

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
        averages = [*self.short.state(), *self.few.state(), *self.many.state()]
        spreads = [*self.steps.state(), *self.residual_spread.state()]
        views = [number for view in self.all for number in view.state()]
        return [self.last, *averages, *self.flatline.state(), *spreads, *views]

    def restore(self, numbers: Sequence[float]) -> None:
        self.last = numbers[0]
        start = 1
        for average in (self.short, self.few, self.many):
            average.restore(numbers[start : start + Average.SIZE])
            start += Average.SIZE
        self.flatline.restore(numbers[start : start + Flatline.SIZE])
        start += Flatline.SIZE
        for spread in (self.steps, self.residual_spread):
            spread.restore(numbers[start : start + Spread.SIZE])
            start += Spread.SIZE
        for view in self.all:
            view.restore(numbers[start : start + view.size])
            start += view.size
