"""An exponential average, and the weights that go with half-lives."""

from __future__ import annotations

import math
from collections.abc import Sequence


def weight_of_half_life(points: float) -> float:
    """The weight of a new point in an average whose memory halves every so many points.

    >>> weight_of_half_life(1)
    0.5
    """
    return 1.0 - math.exp2(-1.0 / points)


class Average:
    """An exponential average that starts as the plain mean."""

    SIZE = 2  # numbers of state
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
