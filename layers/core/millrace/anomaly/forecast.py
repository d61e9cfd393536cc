"""What value to expect: by the hour of the day, of the week, or by the usual level."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.anomaly.averages import Average, weight_of_half_life
from millrace.anomaly.season import HOURS_A_DAY, HOURS_A_WEEK, Season

_DAY_WEIGHT = 0.3
_WEEK_WEIGHT = 0.5
_USUAL = weight_of_half_life(288)


class Forecast:
    """Expects what any of its memories can explain: a value is as strange as the nearest says.

    A Saturday that is like other days is plain, and so is one like the last Saturdays.
    """

    __slots__ = ("day", "usual", "week")

    def __init__(self) -> None:
        self.day = Season(HOURS_A_DAY, _DAY_WEIGHT)
        self.week = Season(HOURS_A_WEEK, _WEEK_WEIGHT)
        self.usual = Average(_USUAL)

    def expected(self, time_s: float, value: float) -> float:
        """The expectation nearest to a value; the value itself while nothing is known."""
        by_day = self.day.expected(time_s)
        by_week = self.week.expected(time_s)
        if by_day is None:
            by_day = self.usual.mean if self.usual.count else value
        if by_week is not None and abs(value - by_week) < abs(value - by_day):
            return by_week
        return by_day

    def learn(self, value: float) -> None:
        """Take in the value last asked for."""
        self.day.learn(value)
        self.week.learn(value)
        self.usual.learn(value)

    def state(self) -> list[float]:
        return [*self.usual.state(), *self.day.state(), *self.week.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        days = 2 + len(self.day.state())
        self.usual.restore(numbers[:2])
        self.day.restore(numbers[2:days])
        self.week.restore(numbers[days:])
