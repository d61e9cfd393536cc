"""How many stretches of a series held something as strange: the calibration of every view.

A z score says little by itself: recurrent spikes, heavy tails and seasons all make large ones.
So each view keeps the peaks of past stretches in a fading log₂ histogram, and asks of a new z
how many of those peaks were as high. That is the block-maxima reading of extreme value theory
(Gumbel, "Statistics of Extremes", 1958) without fitting a tail. A point stranger than all but c
of k exchangeable stretches comes up with odds c/k, so that alerts grow with the logarithm of a
series' length and not with the length: c·ln(k₂/k₁) between the k₁th stretch and the k₂th.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

BINS = 96
BINS_AN_OCTAVE = 4
_SMALLEST: float = 2.0**-6
_LARGEST: float = 2.0**17
# Stretches grow with the series, as its episodes are not known to be of any length.
SHORTEST_STRETCH = 48
LONGEST_STRETCH = 300
_STRETCH_SHARE = 0.05
# Peaks lose half their weight in so many stretches.
_HALF_LIFE = 100.0
_GROWTH = 2.0 ** (1.0 / _HALF_LIFE)
# Beyond the highest peak, each octave counts as so many powers of ten.
_TAIL = 0.6
# Of a peak: a z in the very bin of the highest peak reaches it or not.
_HALF = 0.5
_RESCALE_AT = 1e12


def _position(z: float) -> float:
    """The place of |z| on the log scale of the histogram, in bins."""
    size = abs(z)
    if size < _SMALLEST:
        return 0.0
    return 1.0 + BINS_AN_OCTAVE * math.log2(min(size, _LARGEST) / _SMALLEST)


class Peaks:
    """The fading histogram of stretch maxima of |z|."""

    SIZE = BINS + 3  # numbers of state
    __slots__ = (
        "above",
        "held",
        "highest",
        "left",
        "position",
        "stretches",
        "top",
        "weights",
        "worth",
    )

    def __init__(self) -> None:
        self.weights = [0.0] * BINS
        self.worth = 1.0  # of a peak added now; grows, so that older ones fade in comparison
        self.position = 0.0  # of the z last asked for
        self.highest = -1.0  # of the running stretch's peak
        self.left = float(SHORTEST_STRETCH)
        # What judging needs of the weights, which change at the end of a stretch only.
        self.held = [0.0] * BINS
        self.above = [0.0] * BINS  # for each bin, the number of peaks in the bins above it
        self.stretches = 0.0  # the (faded) number of all past ones
        self.top = 0  # the highest bin with at least half a peak at or above it

    def _summarise(self) -> None:
        worth = self.worth
        self.held = [weight / worth for weight in self.weights]
        sums = list(accumulate(reversed(self.held)))
        self.stretches = sums[-1]
        self.above = [*reversed(sums[:-1]), 0.0]
        self.top = max(0, BINS - 1 - bisect_left(sums, _HALF))

    def as_strange(self, z: float) -> float:
        """The (faded) number of past stretches whose peak was at least |z|; never 0."""
        self.position = position = _position(z)
        k = int(position)
        within = _HALF if k == 0 else 1.0 - (position - k)
        number = self.above[k] + within * self.held[k]
        if number >= _HALF:
            return number
        beyond = max(0.0, position - self.top - 1.0) / BINS_AN_OCTAVE
        return _HALF * math.pow(10.0, -_TAIL * beyond)

    def bar(self, most: float) -> float | None:
        """The |z| that `most` past stretches reached; None where that says nothing."""
        if most <= 0.0 or most >= self.above[0]:
            return None
        if most < _HALF:
            position = self.top + 1.0 + BINS_AN_OCTAVE * math.log10(_HALF / most) / _TAIL
        else:
            k = next(k for k in range(BINS - 1, 0, -1) if self.above[k] + self.held[k] >= most)
            position = k + 1.0 - (most - self.above[k]) / self.held[k]
        return _SMALLEST * math.exp2((position - 1.0) / BINS_AN_OCTAVE)

    def learn(self, age: float) -> bool:
        """Take in the z last asked for, when the series has seen `age` points.

        True at the end of a stretch.
        """
        if self.position > self.highest:
            self.highest = self.position
        self.left -= 1.0
        if self.left > 0.0:
            return False
        self.worth *= _GROWTH
        self.weights[int(self.highest)] += self.worth
        self.highest = -1.0
        self.left = min(LONGEST_STRETCH, max(SHORTEST_STRETCH, math.floor(_STRETCH_SHARE * age)))
        if self.worth > _RESCALE_AT:
            self.weights = [weight / self.worth for weight in self.weights]
            self.worth = 1.0
        self._summarise()
        return True

    def state(self) -> list[float]:
        return [self.worth, self.highest, self.left, *self.weights]

    def restore(self, numbers: Sequence[float]) -> None:
        self.worth, self.highest, self.left = numbers[:3]
        self.weights = list(numbers[3:])
        self._summarise()
