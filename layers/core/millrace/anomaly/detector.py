"""The detector of one series: views, calibrated against the series' own past, and episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from millrace.anomaly import blob
from millrace.anomaly.episodes import Episode, Episodes
from millrace.anomaly.season import DayProfile
from millrace.anomaly.verdict import LEARNING, LEVEL, NO_NUMBER, ORDINARY, RESIDUAL, Verdict
from millrace.anomaly.views import LONG, SHORT, Average, View

# Nothing is judged before so many points.
WARM_UP = 60
# Alerts are for what fewer past stretches than these held.
_RESIDUALS_ALLOWED = 1.5
_LEVELS_ALLOWED = 3.0


class _Part(Protocol):
    """A part of a detector whose state is a fixed number of numbers."""

    def state(self) -> list[float]: ...

    def restore(self, numbers: Sequence[float]) -> None: ...


class Detector:
    """Judges the points of one series in the order in which they come.

    >>> detector = Detector()
    >>> detector.update(0.0, 20.5).alert
    False
    """

    __slots__ = ("_day", "_episodes", "_level", "_long", "_points", "_residual", "_short")

    def __init__(self) -> None:
        self._points = 0.0
        self._day = DayProfile()
        self._short = Average(SHORT)
        self._long = Average(LONG)
        self._residual = View(_RESIDUALS_ALLOWED)
        self._level = View(_LEVELS_ALLOWED)
        self._episodes = Episodes()

    @property
    def episode(self) -> Episode | None:
        """The latest episode; None before the first."""
        return self._episodes.latest

    def update(self, timestamp: datetime | float, value: float) -> Verdict:
        """Judge a value by what is known, then learn it.

        A timestamp is a datetime (without a zone: UTC) or seconds since the Unix epoch. Points are
        taken in the order of arrival, whatever their times; a time only tells the hour of the day.
        A value that is no finite number changes nothing.
        """
        value = float(value)
        if not math.isfinite(value):
            return Verdict(0.0, False, NO_NUMBER, value)
        time_s = _seconds(timestamp)
        expected = self._expected(time_s, value)
        residual = value - expected
        self._short.learn(value)
        self._long.learn(value)
        level = self._short.mean - self._long.mean
        rarity, view = self._residual.rarity(residual), RESIDUAL
        by_level = self._level.rarity(level)
        if by_level > rarity:
            rarity, view = by_level, LEVEL
        verdict = self._verdict(time_s, value, expected, rarity, view)
        self._residual.learn(residual)
        self._level.learn(level)
        self._day.learn(value)
        self._points += 1.0
        return verdict

    def _expected(self, time_s: float, value: float) -> float:
        expected = self._day.expected(time_s)
        if expected is not None:
            return expected
        return self._long.mean if self._points else value

    def _verdict(
        self, time_s: float, value: float, expected: float, rarity: float, view: str
    ) -> Verdict:
        if self._points < WARM_UP:
            return Verdict(0.0, False, LEARNING, value, expected)
        score = max(0.0, 1.0 + math.log10(rarity))
        low = high = None
        if self._residual.bar is not None:
            width = self._residual.bar * math.sqrt(self._residual.moments.variance)
            low, high = expected - width, expected + width
        if rarity <= 1.0:
            return Verdict(score, False, ORDINARY, value, expected, low, high)
        alert = self._episodes.strange(self._points, time_s, score, value)
        return Verdict(score, alert, view, value, expected, low, high)

    def dumps(self) -> bytes:
        """The whole state, from which `loads` goes on exactly as this detector would."""
        return blob.pack(self._state())

    @classmethod
    def loads(cls, data: bytes) -> Detector:
        """A detector as it was when dumped. Raises UnreadableState."""
        detector = cls()
        numbers = iter(blob.unpack(data, len(detector._state())))
        detector._points = next(numbers)
        for part in detector._parts():
            part.restore([next(numbers) for _ in part.state()])
        return detector

    def _parts(self) -> tuple[_Part, ...]:
        return (
            self._day,
            self._short,
            self._long,
            self._residual,
            self._level,
            self._episodes,
        )

    def _state(self) -> list[float]:
        return [self._points, *(number for part in self._parts() for number in part.state())]


def _seconds(timestamp: datetime | float) -> float:
    """Seconds since the Unix epoch."""
    if isinstance(timestamp, datetime):
        aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
        return aware.timestamp()
    return float(timestamp)
