"""What the detector says of one point."""

from __future__ import annotations

import math
from typing import NamedTuple

# Why a point was not judged.
NO_NUMBER = "no number"
NO_TIME = "no time"
LEARNING = "learning"
# What was judged: nothing strange, or the view that found the point strangest.
ORDINARY = "ordinary"
RESIDUAL = "residual"
VALUE = "value"
LEVEL = "level"
FEW_RESIDUALS = "few residuals"
MANY_RESIDUALS = "many residuals"
STEPS = "steps"
RESIDUAL_SPREAD = "residual spread"
FLAT = "flat"

_FINDINGS = {
    RESIDUAL: "is {side} what this hour of the day or week leads to expect",
    VALUE: "is {side} nearly all that was seen before",
    LEVEL: "comes with a run of values {side} the usual level",
    FEW_RESIDUALS: "comes with a few values {side} what this hour leads to expect",
    MANY_RESIDUALS: "comes with a long run of values {side} what these hours lead to expect",
    STEPS: "comes among steps of an unusual size",
    RESIDUAL_SPREAD: "comes among values unusually far from what these hours lead to expect",
    FLAT: "has not changed for longer than ever",
    ORDINARY: "is ordinary",
}


class Verdict(NamedTuple):
    """One point judged by what was known before it.

    `score` is 0 for the plainest points; from 1 on a point is stranger than the series' own bar,
    and each further 1 stands for ten times rarer. `alert` is set once an episode. `view` names
    what found the point strangest. `value`, `expected`, `low` and `high` are in the units of the
    series, or of its rate per second when it is a counter (`of_rate`); `low` and `high` are None
    until enough is known. `gap_s` is how long nothing came before this point, if that is a gap.
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
        if self.view == NO_TIME:
            return "not judged: no time passed since the last value of this counter"
        if self.view == LEARNING or self.expected is None:
            return f"not judged: {self.value:.4g} is among the first values of the series"
        what = "rate" if self.of_rate else "value"
        side = "above" if self.value >= self.expected else "below"
        finding = _FINDINGS[self.view].format(side=side)
        shown = self._shown(self.value)
        return f"{what} {shown} {finding}{self._expectation(self.expected)}{self._after_gap()}"

    def _expectation(self, expected: float) -> str:
        text = f"; expected {self._shown(expected)}"
        if self.low is None or self.high is None:
            return text
        return f"{text}, between {self._shown(self.low)} and {self._shown(self.high)}"

    def _shown(self, number: float) -> str:
        """Four digits, or as many as tell the edges of the band apart, or value and expectation."""
        apart = 0.0
        if self.low is not None and self.high is not None:
            apart = self.high - self.low
        apart = apart or abs(self.value - (self.expected or 0.0))
        digits = 4
        if 0.0 < apart < abs(number) < math.inf:
            digits = min(max(digits, 3 + math.ceil(math.log10(abs(number) / apart))), 16)
        return f"{number:.{digits}g}"

    def _after_gap(self) -> str:
        return "" if self.gap_s is None else f"; first value after a gap of {self.gap_s:.0f} s"
