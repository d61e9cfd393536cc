"""The views of a series: each turns a value into one number that is near 0 on plain days."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.anomaly.moments import Moments
from millrace.anomaly.peaks import Peaks


def weight_of_half_life(points: float) -> float:
    """The weight of a new point in an average whose memory halves every so many points."""
    return float(1.0 - 2.0 ** (-1.0 / points))


SHORT = weight_of_half_life(24)
LONG = weight_of_half_life(288)
# Scales of the views hardly fade: a calm month must not turn plain noise into news.
_SCALE = weight_of_half_life(20_000)


class Average:
    """An exponential average that starts as the plain mean."""

    __slots__ = ("count", "mean", "weight")

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.count = 0.0
        self.mean = 0.0

    def learn(self, x: float) -> None:
        self.count += 1.0
        self.mean += max(self.weight, 1.0 / self.count) * (x - self.mean)

    def state(self) -> list[float]:
        return [self.count, self.mean]

    def restore(self, numbers: Sequence[float]) -> None:
        self.count, self.mean = numbers


class View:
    """One view's scale and peaks: from its raw number to how many stretches were as strange."""

    __slots__ = ("allowed", "bar", "moments", "peaks", "z")

    def __init__(self, allowed: float) -> None:
        self.allowed = allowed  # alerts are for what fewer past stretches than these held
        self.moments = Moments(_SCALE)
        self.peaks = Peaks()
        self.z = 0.0
        self.bar: float | None = None

    def rarity(self, x: float) -> float:
        """`allowed` over the number of past stretches as strange: an alert's due from 1 on."""
        self.z = self.moments.z(x)
        return self.allowed / self.peaks.as_strange(self.z)

    def learn(self, x: float) -> None:
        """Take in the number last asked for."""
        if self.peaks.learn(self.z, self.moments.count):
            self.bar = self.peaks.bar(self.allowed)
        self.moments.learn(x)

    def state(self) -> list[float]:
        return [*self.moments.state(), *self.peaks.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.moments.restore(numbers[:3])
        self.peaks.restore(numbers[3:])
        self.bar = self.peaks.bar(self.allowed)
