"""The rules of the Numenta Anomaly Benchmark, for detectors that decide by themselves.

Lavin and Ahmad (2015), "Evaluating Real-time Anomaly Detection Algorithms": the first detection in
a labelled window earns more the earlier it comes, each detection outside costs, and a window that
nothing hit costs too. 0 is the score of a detector that says nothing, 100 that of a perfect one.
The data lie outside the project: `NAB_DEV` is where they are looked for.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

NAB_DEV = Path(__file__).parents[2] / "shared" / "data" / "nab-dev"
# The share of a series, at most of its first 5,000 points, that is not scored.
_PROBATION = 0.15
_PROBATION_OF = 5000


class Profile(NamedTuple):
    """What a hit, a false alarm and a miss weigh."""

    hit: float
    false_alarm: float
    miss: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low FP": Profile(1.0, 0.22, 1.0),
    "low FN": Profile(1.0, 0.11, 2.0),
}


class Series(NamedTuple):
    """A series of the benchmark; windows are index ranges."""

    name: str
    times: list[datetime]
    values: list[float]
    windows: list[range]

    @property
    def folder(self) -> str:
        """The kind of series that it is; both artificial folders are one."""
        kind = self.name.split("/")[0]
        return "artificial" if kind.startswith("artificial") else kind

    @property
    def probation(self) -> int:
        """From this index on detections count."""
        return int(min(_PROBATION * len(self.times), _PROBATION * _PROBATION_OF))


class Outcome(NamedTuple):
    """What the alerts of one series are worth, before a profile weighs it."""

    windows: int
    hits: int
    hit_worth: float
    false_alarms: int
    false_worth: float  # below 0
    alerts: int


def load(folder: Path = NAB_DEV) -> list[Series]:
    """The series of a folder with combined_windows.json."""
    labels: Mapping[str, list[list[str]]] = json.loads(
        (folder / "combined_windows.json").read_text()
    )
    return [_series(folder, name, labels[name]) for name in sorted(labels)]


def _series(folder: Path, name: str, labels: list[list[str]]) -> Series:
    with (folder / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    place = {time: i for i, time in enumerate(times)}
    spans = [[place[datetime.fromisoformat(end)] for end in label] for label in labels]
    windows = [range(first, last + 1) for first, last in sorted(spans)]
    return Series(name, times, [float(row["value"]) for row in rows], windows)


def _sigmoid(place: float) -> float:
    return -1.0 if place > 3.0 else 2.0 / (1.0 + math.exp(5.0 * place)) - 1.0


def _worth(series: Series, alert: int) -> tuple[int | None, float]:
    """The number of the window that an alert hits, if any, and what it is worth."""
    for number, window in enumerate(series.windows):
        if alert in window:
            early = -(window[-1] - alert + 1) / len(window)
            return number, _sigmoid(early) / _sigmoid(-1.0)
    past = [window for window in series.windows if window[-1] < alert]
    if not past:
        return None, -1.0
    return None, _sigmoid((alert - past[-1][-1]) / (len(past[-1]) - 1))


def outcome(series: Series, alerts: Iterable[int]) -> Outcome:
    """What these alerts (indices) are worth."""
    best: dict[int, float] = {}
    false_alarms, false_worth, count = 0, 0.0, 0
    for alert in alerts:
        if alert < series.probation:
            continue
        count += 1
        window, worth = _worth(series, alert)
        if window is None:
            false_alarms, false_worth = false_alarms + 1, false_worth + worth
        else:
            best[window] = max(worth, best.get(window, worth))
    hits = sum(best.values())
    return Outcome(len(series.windows), len(best), hits, false_alarms, false_worth, count)


def score(outcomes: Sequence[Outcome], profile: Profile) -> float:
    """The normalised score of a whole corpus."""
    windows = sum(one.windows for one in outcomes)
    total = sum(
        profile.hit * one.hit_worth
        + profile.false_alarm * one.false_worth
        + profile.miss * one.hits  # a hit is a miss less
        for one in outcomes
    )
    return 100.0 * total / ((profile.hit + profile.miss) * windows)


def scores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The score by each profile."""
    return {name: score(outcomes, profile) for name, profile in PROFILES.items()}


def tuned(corpus: Sequence[Series], scores: Sequence[Sequence[float]]) -> dict[str, float]:
    """The score by each profile where every point from some score on is an alert.

    The benchmark's own convention: one threshold for all series, the best on these very ones.
    """
    points = sorted(_weighed(corpus, scores), key=lambda point: -point[0])
    windows = sum(len(series.windows) for series in corpus)
    return {name: _best(points, windows, profile) for name, profile in PROFILES.items()}


def _weighed(
    corpus: Sequence[Series], scores: Sequence[Sequence[float]]
) -> Iterator[tuple[float, tuple[str, int] | None, float]]:
    """Each point's score, its window, and what it is worth as an alert."""
    for series, found in zip(corpus, scores, strict=True):
        for index in range(series.probation, len(found)):
            window, worth = _worth(series, index)
            yield found[index], None if window is None else (series.name, window), worth


def _best(
    points: Sequence[tuple[float, tuple[str, int] | None, float]], windows: int, profile: Profile
) -> float:
    total = top = 0.0
    hits: dict[tuple[str, int], float] = {}
    for number, (score, window, worth) in enumerate(points, 1):
        if window is None:
            total += profile.false_alarm * worth
        else:
            hit = profile.hit * worth + profile.miss
            total += max(0.0, hit - hits.get(window, 0.0))
            hits[window] = max(hit, hits.get(window, 0.0))
        if number == len(points) or points[number][0] != score:  # equal scores are alerts together
            top = max(top, total)
    return 100.0 * top / ((profile.hit + profile.miss) * windows)
