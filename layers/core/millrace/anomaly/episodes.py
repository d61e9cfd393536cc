"""From strange points to episodes: one alert each, then a rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

# An alert is followed by a rest of this share of the points seen, within these bounds: what
# comes so soon after is the same story.
_REST_SHARE = 0.03
_SHORTEST_REST = 60
_LONGEST_REST = 400
# And so is what comes before so many plain points in a row.
_CALM = 60
# Unless, after a few plain points, it comes to be three times as rare as all of the episode: a
# blip must not hide the breakdown that follows.
_BREAK = 5
_WORSE = 0.5  # log₁₀ of three
_NEVER = -1.0


class Episode(NamedTuple):
    """A run of strange points with one alert. Times are seconds since the Unix epoch."""

    start_s: float
    end_s: float  # of the last strange point so far
    peak_s: float
    peak_score: float
    peak_value: float
    strange_points: int


class Episodes:
    """Tells which strange point begins an episode, and keeps the latest one."""

    __slots__ = ("alerts", "bar", "last_alert", "last_strange", "latest")

    def __init__(self) -> None:
        self.last_alert = _NEVER  # how many points had been seen
        self.last_strange = _NEVER
        self.bar = math.inf  # the score at which the running burst is news of its own
        self.alerts = 0.0
        self.latest: Episode | None = None

    def strange(self, points: float, time_s: float, score: float, value: float) -> bool:
        """Take in a strange point, after so many others; True where it begins an episode."""
        begins = self._begins(points, score)
        self.last_strange = points
        if self.latest is not None and not begins:
            self.latest = _continued(self.latest, time_s, score, value)
            return False
        self.last_alert, self.bar = points, math.inf
        self.alerts += 1.0
        self.latest = Episode(time_s, time_s, time_s, score, value, 1)
        return True

    def _begins(self, points: float, score: float) -> bool:
        if self.latest is None:
            return True
        if points - self.last_strange > _BREAK:
            self.bar = self.latest.peak_score + _WORSE
        rest = min(_LONGEST_REST, max(_SHORTEST_REST, _REST_SHARE * points))
        rested = points - self.last_alert >= rest and points - self.last_strange > _CALM
        return rested or score >= self.bar

    def state(self) -> list[float]:
        own = [self.last_alert, self.last_strange, self.bar, self.alerts]
        return [*own, *(self.latest or [_NEVER] * len(Episode._fields))]

    def restore(self, numbers: Sequence[float]) -> None:
        self.last_alert, self.last_strange, self.bar, self.alerts = numbers[:4]
        start_s, end_s, peak_s, peak_score, peak_value, strange_points = numbers[4:]
        self.latest = None
        if strange_points > 0:
            self.latest = Episode(
                start_s, end_s, peak_s, peak_score, peak_value, int(strange_points)
            )


def _continued(episode: Episode, time_s: float, score: float, value: float) -> Episode:
    longer = episode._replace(end_s=time_s, strange_points=episode.strange_points + 1)
    if score <= episode.peak_score:
        return longer
    return longer._replace(peak_s=time_s, peak_score=score, peak_value=value)
