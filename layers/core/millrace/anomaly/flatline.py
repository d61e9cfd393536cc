"""How long a series has stood still: a sensor that hangs sends its last value for ever."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.anomaly.averages import Average

# A step below this share of the usual step is none.
_STILL = 0.02


class Flatline:
    """The length of the running stretch of points without a step."""

    __slots__ = ("run", "step")

    SIZE = 3  # numbers of state

    def __init__(self) -> None:
        self.run = 0.0
        self.step = Average(0.0)  # the mean size of a step, all weighing the same

    def length(self, step: float) -> float:
        """Points without a step, this one included, and at least 1: two values that are as good as
        equal are no stretch yet, even where there were none before.

        `step` is the size of the step to this point. A series that never steps has 1, too.
        """
        self.run = self.run + 1.0 if step < _STILL * self.step.mean else 0.0
        self.step.learn(step)
        return max(self.run, 1.0)

    def state(self) -> list[float]:
        return [self.run, *self.step.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.run = numbers[0]
        self.step.restore(numbers[1:])
