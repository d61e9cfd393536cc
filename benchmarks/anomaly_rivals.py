"""Detectors to stand beside ours: the blind one, the tutorial's rule, and what is usually done.

Each takes a series as a whole and gives the indices of its alerts; none but the tutorial's looks
ahead. The sketch is the best of the simple designs: the largest of three histogram p-values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import mean, stdev

Alerts = list[int]
Rival = Callable[[Sequence[datetime], Sequence[float]], Alerts]

_BLIND_EVERY = 400
_REST = 150
_DAY = 288.0
_FADES = 1.0 - 2.0 ** (-1.0 / _DAY)


def blind(times: Sequence[datetime], values: Sequence[float]) -> Alerts:
    """An alert every 400 points that looks at nothing."""
    return list(range(_BLIND_EVERY - 1, len(values), _BLIND_EVERY))


def tutorial(times: Sequence[datetime], values: Sequence[float]) -> Alerts:
    """The tutorial's rule, |z| > 3 over the whole table: it sees the future."""
    middle, spread = mean(values), stdev(values) or 1.0
    return [i for i, value in enumerate(values) if abs(value - middle) > 3 * spread]


def tutorial_rested(times: Sequence[datetime], values: Sequence[float]) -> Alerts:
    """The tutorial's rule with one alert per 150 points."""
    return _rested(tutorial(times, values))


def ewma(times: Sequence[datetime], values: Sequence[float]) -> Alerts:
    """|z| > 4 against an exponential mean and variance of half-life 288, with a rest."""
    scale = _Fading(_FADES)
    found = []
    for i, value in enumerate(values):
        if abs(scale.z(value)) > 4.0 and i >= 60:
            found.append(i)
        scale.learn(value)
    return _rested(found)


def _rested(found: Sequence[int]) -> Alerts:
    kept: Alerts = []
    for i in found:
        if not kept or i - kept[-1] >= _REST:
            kept.append(i)
    return kept


class _Fading:
    def __init__(self, floor: float) -> None:
        self.floor, self.count, self.mean, self.variance = floor, 0, 0.0, 0.0

    def z(self, x: float) -> float:
        return (x - self.mean) / math.sqrt(self.variance) if self.variance > 0 else 0.0

    def learn(self, x: float) -> None:
        self.count += 1
        a = max(self.floor, 1.0 / self.count)
        distance = x - self.mean
        self.mean += a * distance
        self.variance = (1.0 - a) * (self.variance + a * distance * distance)


class _Histogram:
    """|z| in 64 log bins, 8 an octave; half of it is forgotten in 5,000 points."""

    _BINS = 64
    _GROWTH = 2.0 ** (1.0 / 5000)

    def __init__(self) -> None:
        self.bins, self.total, self.worth = [0.0] * self._BINS, 0.0, 1.0

    def _bin(self, z: float) -> int:
        return max(0, min(self._BINS - 1, int(16 + 8 * math.log2(abs(z) + 1e-9))))

    def surprise(self, z: float) -> float:
        """−log₁₀ of the share of past points as far out; extrapolated beyond all of them."""
        if not self.total:
            return 0.0
        k = self._bin(z)
        tail = sum(self.bins[k + 1 :]) + 0.5 * self.bins[k]
        if tail > 0.0:
            return -math.log10((tail + 0.5 * self.worth) / (self.total + self.worth))
        top = max(i for i in range(self._BINS) if self.bins[i] > 0.0)
        return -math.log10(0.5 * self.worth / (self.total + self.worth)) + 0.15 * (k - top)

    def learn(self, z: float) -> None:
        self.worth *= self._GROWTH
        self.bins[self._bin(z)] += self.worth
        self.total += self.worth


def sketch(times: Sequence[datetime], values: Sequence[float]) -> Alerts:
    """The largest of three histogram p-values: by the hour, of the step, of the level."""
    hours = [_Fading(0.1) for _ in range(24)]
    level = _Fading(_FADES)
    scales = [_Fading(_FADES) for _ in range(3)]
    histograms = [_Histogram() for _ in range(3)]
    short, last = values[0], values[0]
    found = []
    for i, (time, value) in enumerate(zip(times, values, strict=True)):
        hour = hours[time.hour]
        short += (1.0 - 2.0 ** (-1.0 / 12)) * (value - short)
        expected = hour.mean if hour.count >= 12 else level.mean
        most = 0.0
        numbers = (value - expected, value - last, short - level.mean)
        for number, scale, histogram in zip(numbers, scales, histograms, strict=True):
            z = scale.z(number)
            most = max(most, histogram.surprise(z))
            histogram.learn(z)
            scale.learn(number)
        if most >= 2.7 and i > 60:
            found.append(i)
        hour.learn(value)
        level.learn(value)
        last = value
    return _rested(found)


RIVALS: dict[str, Rival] = {
    "blind, every 400 points": blind,
    "tutorial's |z| > 3, look-ahead": tutorial,
    "the same, one alert per 150": tutorial_rested,
    "EWMA |z| > 4, one per 150": ewma,
    "sketch: three p-values": sketch,
}
