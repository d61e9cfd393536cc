"""How fast points usually come, and which came after a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence

from millrace.anomaly.averages import Average, weight_of_half_life

_WEIGHT = weight_of_half_life(100)
# A gap is longer than so many usual steps.
_GAP_STEPS = 10.0
_ENOUGH = 10.0


class Pace:
    """The usual step of time, and the newest time seen."""

    __slots__ = ("newest_s", "step")

    def __init__(self) -> None:
        self.newest_s = -math.inf
        self.step = Average(_WEIGHT)

    def gap_s(self, time_s: float) -> float | None:
        """Take in the next time; how long nothing came, where that is a gap."""
        if not math.isfinite(time_s) or time_s <= self.newest_s:
            return None
        passed_s, self.newest_s = time_s - self.newest_s, time_s
        if not math.isfinite(passed_s):
            return None
        if self.step.count >= _ENOUGH and passed_s > _GAP_STEPS * self.step.mean:
            return passed_s
        self.step.learn(passed_s)
        return None

    def state(self) -> list[float]:
        return [self.newest_s, *self.step.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.newest_s = numbers[0]
        self.step.restore(numbers[1:])
