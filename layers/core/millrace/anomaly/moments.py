"""Mean and variance of a stream, kept in three numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Constants by construction wobble in their last digits; a change below this share of the mean
# is none.
_ROUNDING = 1e-9
# No z is told from fewer points: the variance of a handful is anything.
_ENOUGH = 20
# Standard deviations said of the first change after nothing but the same value.
FIRST_CHANGE = 50.0


class Moments:
    """All points weigh the same until there are 1/floor of them, then the oldest fade.

    West (1979), "Updating mean and variance estimates", with the weight a = max(floor, 1/n):
    mean += a·d and variance = (1 − a)(variance + a·d²), where d = x − mean.
    """

    SIZE = 3  # numbers of state
    __slots__ = ("count", "floor", "mean", "variance")

    def __init__(self, floor: float) -> None:
        self.floor = floor
        self.count = 0.0
        self.mean = 0.0
        self.variance = 0.0

    def z(self, x: float) -> float:
        """How many standard deviations x lies from the mean; 0 while too few are known."""
        if self.count < _ENOUGH:
            return 0.0
        distance = x - self.mean
        if self.variance > 0.0:
            return distance / math.sqrt(self.variance)
        if abs(distance) <= _ROUNDING * abs(self.mean):
            return 0.0
        return math.copysign(FIRST_CHANGE, distance)

    def learn(self, x: float) -> None:
        self.count += 1.0
        a = max(self.floor, 1.0 / self.count)
        distance = x - self.mean
        self.mean += a * distance
        self.variance = (1.0 - a) * (self.variance + a * distance * distance)

    def state(self) -> list[float]:
        return [self.count, self.mean, self.variance]

    def restore(self, numbers: Sequence[float]) -> None:
        self.count, self.mean, self.variance = numbers
