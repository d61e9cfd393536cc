"""What the detector says of one point."""

from __future__ import annotations

from typing import NamedTuple

ORDINARY = "ordinary"
LEARNING = "learning"
NO_NUMBER = "no number"
RESIDUAL = "residual"
LEVEL = "level"


class Verdict(NamedTuple):
    """One point judged by what was known before it.

    `score` is 0 for the plainest points; from 1 on a point is stranger than the series' own
    bar, and each further 1 stands for ten times rarer. `alert` is set once an episode.
    `expected`, `low` and `high` are in the units of the series (of its rate per second, when it
    is a counter), None while nothing is known; `view` names what found the point strange.
    """

    score: float
    alert: bool
    view: str
    value: float
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    of_rate: bool = False
    gap_s: float | None = None

    @property
    def reason(self) -> str:
        """The verdict in words, with the expected value and band."""
        if self.view == NO_NUMBER:
            return "not judged: the value is no finite number"
        if self.view == LEARNING or self.expected is None:
            return f"not judged: {_number(self.value)} is among the first values of the series"
        return f"{self._finding()}{self._expectation()}{self._after_gap()}"

    def _finding(self) -> str:
        what = "rate" if self.of_rate else "value"
        assert self.expected is not None
        side = "above" if self.value >= self.expected else "below"
        value = _number(self.value)
        if self.view == LEVEL:
            return f"the recent level moved as seldom before, with the {what} at {value}"
        if self.view == RESIDUAL:
            return f"{what} {value} is {side} what this time of day leads to expect"
        return f"{what} {value} is ordinary"

    def _expectation(self) -> str:
        assert self.expected is not None
        text = f"; expected {_number(self.expected)}"
        if self.low is None or self.high is None:
            return text
        return f"{text}, between {_number(self.low)} and {_number(self.high)}"

    def _after_gap(self) -> str:
        return "" if self.gap_s is None else f"; first value after a gap of {self.gap_s:.0f} s"


def _number(value: float) -> str:
    return f"{value:.4g}"
