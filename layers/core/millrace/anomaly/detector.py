"""The detector of one series: what is expected, views of what came, peaks, episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from millrace.anomaly import blob
from millrace.anomaly.averages import weight_of_half_life
from millrace.anomaly.counters import Counters
from millrace.anomaly.episodes import Episode, Episodes
from millrace.anomaly.forecast import Forecast
from millrace.anomaly.pace import Pace
from millrace.anomaly.points import Timestamp, number_of, seconds_of
from millrace.anomaly.scale import Scale
from millrace.anomaly.verdict import LEARNING, NO_NUMBER, NO_TIME, ORDINARY, Verdict
from millrace.anomaly.views import Views
from millrace.errors import ConfigurationError

# Nothing is judged before so many points.
WARM_UP = 100
# Numbers that a detector keeps beside those of its parts.
_OWN = 4
_DOUBT_FADES = 1.0 - weight_of_half_life(2000)
# Whatever the sensitivity: a score is a number, which JSON can say.
_RAREST = 1e300


class _Part(Protocol):
    """A part of a detector whose state is a fixed number of numbers."""

    def state(self) -> list[float]: ...

    def restore(self, numbers: Sequence[float]) -> None: ...


class Detector:
    """Judges the points of one series in the order in which they come.

    `sensitivity` multiplies what is rare: at 2, things twice as common raise alerts, at 0.5 only
    things twice as rare. Each point takes the same short time, and the state has a fixed size.

    >>> detector = Detector()
    >>> [detector.update(60.0 * minute, 20.0).alert for minute in range(3)]
    [False, False, False]
    """

    __slots__ = (
        "_counters",
        "_doubt",
        "_episodes",
        "_forecast",
        "_pace",
        "_points",
        "_scale",
        "_seen",
        "_views",
        "sensitivity",
    )

    def __init__(self, sensitivity: float = 1.0) -> None:
        if not 0.0 < sensitivity < math.inf:
            raise ConfigurationError(
                f"a detector's sensitivity is a number above 0, with 1 for the usual one, "
                f"not {sensitivity!r}"
            )
        self.sensitivity = float(sensitivity)
        self._doubt = 0.0
        self._seen = 0.0  # points, for the rests of the episodes
        self._pace = Pace()
        self._counters = Counters()
        self._episodes = Episodes()
        self._restart()

    def _restart(self) -> None:
        """Forget the values, but neither the times nor the episodes."""
        self._points = 0.0  # that what is known was learned from
        self._scale = Scale()
        self._forecast = Forecast()
        self._views = Views()

    @property
    def episode(self) -> Episode | None:
        """The latest episode; None before the first."""
        return self._episodes.latest

    def false_alarm(self) -> None:
        """Take in that the latest alert was none: the next ones must be rarer, for a while.

        Each such answer raises the bar by one more time the usual; half of it is forgotten after
        2,000 points.
        """
        self._doubt += 1.0

    def update(self, timestamp: Timestamp, value: float | None) -> Verdict:
        """Judge a value by what is known, then learn it.

        A timestamp is a datetime (without a zone: UTC), ISO 8601, or a Unix time (see
        `points.seconds_of`). Points are taken in the order of arrival, whatever their times: a late
        or repeated time is judged and learned at its own hour. A value that is no finite number
        changes nothing. Raises InvalidEvent for what is neither a time nor a number.
        """
        number, time_s = number_of(value), seconds_of(timestamp)
        if not math.isfinite(number):
            return Verdict(0.0, False, NO_NUMBER, number)
        gap_s = self._pace.gap_s(time_s)
        if self._counters.turned(number):
            self._restart()
        rate = self._counters.rate(number, time_s) if self._counters.active else number
        self._counters.remember(number, time_s)
        if rate is None or not math.isfinite(rate):
            return Verdict(0.0, False, NO_TIME, number)
        return self._judged(time_s, rate, gap_s)

    def _judged(self, time_s: float, value: float, gap_s: float | None) -> Verdict:
        if self._scale.outgrown(value):
            scale = self._scale
            self._restart()
            self._scale = scale
        scaled = self._scale.down(value)
        expected = self._forecast.expected(time_s, scaled)
        self._forecast.learn(scaled)
        rarity, view = self._views.judge(scaled, expected, self._forecast.usual.mean)
        self._doubt *= _DOUBT_FADES
        rarity = min(rarity * self.sensitivity / (1.0 + self._doubt), _RAREST)
        verdict = self._verdict(time_s, value, expected, rarity, view, gap_s)
        self._views.learn(self._points)
        self._points += 1.0
        self._seen += 1.0
        return verdict

    def _verdict(
        self,
        time_s: float,
        value: float,
        expected: float,
        rarity: float,
        view: str,
        gap_s: float | None,
    ) -> Verdict:
        up, of_rate = self._scale.up, self._counters.active > 0.0
        if self._points < WARM_UP:
            return Verdict(0.0, False, LEARNING, value, up(expected), None, None, of_rate, gap_s)
        score, alert = 0.0, False
        if rarity > 0.1:
            score = 1.0 + math.log10(rarity)
        if rarity >= 1.0:
            alert = self._episodes.strange(self._seen, time_s, score, value)
        else:
            view = ORDINARY
        low = high = None
        band = self._views.band()
        if band is not None:
            low, high = up(expected + band[0]), up(expected + band[1])
        return Verdict(score, alert, view, value, up(expected), low, high, of_rate, gap_s)

    def dumps(self) -> bytes:
        """The whole state, from which `loads` goes on exactly as this detector would."""
        return blob.pack(self._state())

    @classmethod
    def loads(cls, data: bytes) -> Detector:
        """A detector as it was when dumped. Raises UnreadableState."""
        detector = cls()
        sizes = _sizes()
        numbers = blob.unpack(data, _OWN + sum(sizes))
        detector.sensitivity, detector._doubt = numbers[0], numbers[1]
        detector._points, detector._seen = numbers[2], numbers[3]
        start = _OWN
        for part, size in zip(detector._parts(), sizes, strict=True):
            part.restore(numbers[start : start + size])
            start += size
        return detector

    def _parts(self) -> tuple[_Part, ...]:
        return (
            self._pace,
            self._counters,
            self._episodes,
            self._scale,
            self._forecast,
            self._views,
        )

    def _state(self) -> list[float]:
        own = [self.sensitivity, self._doubt, self._points, self._seen]
        return own + [number for part in self._parts() for number in part.state()]


@cache
def _sizes() -> tuple[int, ...]:
    """How many numbers each part of a detector keeps: always as many."""
    return tuple(len(part.state()) for part in Detector()._parts())
