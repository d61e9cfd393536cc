"""Counters: series that only grow, as of requests served, are judged by their rate."""

from __future__ import annotations

from collections.abc import Sequence

# A series is taken for a counter when so many steps never fell,
_STEPS = 100.0
# this share of them rose,
_RISES = 0.2
# and at most this share began again from (nearly) nothing.
_RESETS = 0.02
# A step to below this share of the last value is such a new beginning.
_RESET_BELOW = 0.5


class Counters:
    """Tells whether a series is a counter, and the rate of one that is.

    One step down that is no reset settles for good that a series is none.
    """

    __slots__ = ("active", "fell", "resets", "rises", "steps", "time_s", "value")

    def __init__(self) -> None:
        self.active = 0.0
        self.fell = 0.0
        self.steps = 0.0
        self.rises = 0.0
        self.resets = 0.0
        self.value = 0.0  # the last one
        self.time_s = 0.0

    def turned(self, value: float) -> bool:
        """Take in the next value; True when the series now begins, or ceases, to be a counter."""
        was = self.active
        if not self.fell:
            if self.steps:
                self._step(value)
            self.steps += 1.0
        return self.active != was

    def _step(self, value: float) -> None:
        if value > self.value:
            self.rises += 1.0
        elif value < self.value:
            if 0.0 <= value < _RESET_BELOW * self.value:
                self.resets += 1.0
            else:
                self.fell = 1.0
        if self.resets > max(1.0, _RESETS * self.steps):
            self.fell = 1.0
        grown = self.steps >= _STEPS and self.rises >= _RISES * self.steps
        self.active = float(not self.fell and (grown or self.active > 0.0))

    def rate(self, value: float, time_s: float) -> float | None:
        """Growth per second since the last value; None where no time passed.

        After a reset the counter is taken to have begun at 0.
        """
        passed_s = time_s - self.time_s
        growth = value - self.value if value >= self.value else value
        return growth / passed_s if passed_s > 0.0 else None

    def remember(self, value: float, time_s: float) -> None:
        self.value, self.time_s = value, time_s

    def state(self) -> list[float]:
        return [getattr(self, name) for name in self.__slots__]

    def restore(self, numbers: Sequence[float]) -> None:
        for name, number in zip(self.__slots__, numbers, strict=True):
            setattr(self, name, number)
