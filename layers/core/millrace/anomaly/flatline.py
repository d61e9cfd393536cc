"""How long a series has stood still: a sensor that hangs sends its last value for ever."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.anomaly.averages import Average

# A step below this share of the usual step is none.
_STILL = 0.02


class Flatline:
    """The length of the running stretch of points without a step."""

    __slots__ = ("last", "run", "step")

    def __init__(self) -> None:
        self.last = 0.0
        self.run = 0.0
        self.step = Average(0.0)  # the mean size of a step, all weighing the same

    def length(self, value: float) -> float:
        """Points without a step, this one included; 0 for a series that never steps."""
        size = abs(value - self.last) if self.step.count else 0.0
        self.run = self.run + 1.0 if size < _STILL * self.step.mean else 0.0
        self.step.learn(size)
        self.last = value
        return self.run

    def state(self) -> list[float]:
        return [self.last, self.run, *self.step.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.last, self.run = numbers[:2]
        self.step.restore(numbers[2:])
