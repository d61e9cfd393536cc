"""What goes onto the stream: the past of each series at once, then a stretch of it live.

The stretch begins before the last labelled anomaly of a series, so that something happens while
one looks. Times are moved by whole weeks, to end about now: hours and weekdays stay what they were.
Real streams are never clean, so a few events come twice, late, or as what is no event at all.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from localcloud.demo.anomalies.labelled import Labelled
from localcloud.faults.records import duplicated

MOST_PAST = 4_000
_WEEK_S = 7 * 86_400.0
_SPOILED = 0.004
_REPEATED = 0.01
_LATE_POINTS = 5


class Metric(NamedTuple):
    """A message for the stream, and when it is due, in seconds from the first one."""

    due_s: float
    key: bytes
    data: bytes


class Stretch(NamedTuple):
    """A series as it is replayed: `live` is the index of its first live point."""

    name: str
    times_s: list[float]
    values: list[float]
    live: int
    windows: list[range]

    def event_id(self, index: int) -> str:
        """The id of a point's event."""
        return f"{self.name}/{index}"

    @property
    def live_ms(self) -> int:
        """The time of the first live point."""
        return round(self.times_s[self.live] * 1000)

    @property
    def live_windows(self) -> list[range]:
        """The labelled anomalies that touch the live points."""
        return [window for window in self.windows if window[-1] >= self.live]


def stretches(series: Iterable[Labelled], points: int, now_s: float) -> list[Stretch]:
    """Each series cut to its past and `points` live points about its last anomaly."""
    return [_stretch(one, points, now_s) for one in series]


def _stretch(series: Labelled, points: int, now_s: float) -> Stretch:
    last = series.windows[-1]
    middle = last[len(last) // 2]  # where the benchmark's labels have the anomaly itself
    end = min(len(series.values), max(middle - points // 3, 1) + points)
    live = max(1, end - points)
    first = max(0, live - MOST_PAST)
    weeks = (now_s - series.times_s[end - 1]) // _WEEK_S
    times_s = [time_s + weeks * _WEEK_S for time_s in series.times_s[first:end]]
    windows = [
        range(max(0, window[0] - first), min(end, window[-1] + 1) - first)
        for window in series.windows
        if window[-1] >= first and window[0] < end
    ]
    return Stretch(series.name, times_s, series.values[first:end], live - first, windows)


def past(series: Sequence[Stretch], first: int, last: int | None = None) -> Iterator[Metric]:
    """The past of all series, side by side, from one index on and before another one."""
    lines = [
        _metrics(one, range(first, min(one.live, last or one.live)), 1.0, 0.0) for one in series
    ]
    merged = heapq.merge(*lines, key=lambda metric: metric.due_s)
    return (metric._replace(due_s=0.0) for metric in merged)


def live(series: Sequence[Stretch], pace: float) -> Iterator[Metric]:
    """The live points of all series, `pace` of each in a second, one series after the other."""
    lines = [
        _metrics(one, range(one.live, len(one.values)), 1 / pace, number / len(series) / pace)
        for number, one in enumerate(series)
    ]
    return heapq.merge(*lines, key=lambda metric: metric.due_s)


def _metrics(
    series: Stretch, indices: Sequence[int], step_s: float, first_s: float
) -> Iterator[Metric]:
    for place, index in enumerate(indices):
        data = _event(series.event_id(index), series.times_s[index], series.values[index])
        yield Metric(first_s + place * step_s, series.name.encode(), data)


def _event(name: str, time_s: float, value: object) -> bytes:
    time = datetime.fromtimestamp(time_s, UTC).isoformat()
    return orjson.dumps({"id": name, "time": time, "metric": value})


def spoiled(metrics: Iterable[Metric], seed: int) -> Iterator[Metric]:
    """The same, with what happens on the way."""
    again = duplicated(_disturbed(metrics, seed), seed=seed, probability=_REPEATED, within=50)
    latest_s = 0.0
    for metric in again:
        latest_s = max(latest_s, metric.due_s)
        yield metric._replace(due_s=latest_s)  # what comes again comes later


def _disturbed(metrics: Iterable[Metric], seed: int) -> Iterator[Metric]:
    rng = random.Random(f"{seed}/metrics")  # noqa: S311  a demo, not a secret
    before: dict[bytes, list[Metric]] = {}
    for metric in metrics:
        yield metric
        seen = before.setdefault(metric.key, [])
        seen.append(metric)
        if len(seen) > _LATE_POINTS:
            old = seen.pop(0)
            if rng.random() < _SPOILED:
                yield metric._replace(data=_late(old.data))
            if rng.random() < _SPOILED:
                yield metric._replace(data=rng.choice(_POISONS)(metric.data))


def _late(data: bytes) -> bytes:
    """Another event of a time that has passed."""
    event = orjson.loads(data)
    return orjson.dumps(event | {"id": f"{event['id']}-late"})


def _other_content(data: bytes) -> bytes:
    """The id of an event that is known, with another value."""
    return orjson.dumps(orjson.loads(data) | {"metric": -1})


def _no_number(data: bytes) -> bytes:
    event = orjson.loads(data)
    return orjson.dumps(event | {"id": f"{event['id']}-text", "metric": "n/a"})


def _cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _no_time(data: bytes) -> bytes:
    event = orjson.loads(data)
    return orjson.dumps({"id": f"{event['id']}-timeless", "metric": event["metric"]})


_POISONS = (_other_content, _no_number, _cut_off, _no_time)
