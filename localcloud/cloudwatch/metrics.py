"""Metrics over the last hour: added one by one, asked for by window and statistic."""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STEP_MS: Final = 5_000
_KEPT_MS: Final = 3_600_000
# Whoever makes a metric for each user does not fill the memory; CloudWatch would bill it.
_MOST_METRICS: Final = 5_000
# Percentiles are exact to 1 %, as CloudWatch's own are about.
_RATIO: Final = math.log(1.01)
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")

STATISTICS: Final = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")


@dataclass(frozen=True, slots=True)
class Metric:
    """What identifies a metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, namespace: str, name: str, **dimensions: str) -> Metric:
        """A metric with its dimensions by name."""
        return cls(namespace, name, frozenset(dimensions.items()))


@dataclass(slots=True)
class Summary:
    """Values of a while."""

    count: float = 0.0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    _spread: Counter[int | None] = field(default_factory=Counter)

    def add(self, value: float, count: float = 1.0) -> None:
        """Count a value so many times."""
        self.count += count
        self.total += value * count
        self.low, self.high = min(self.low, value), max(self.high, value)
        # Zero and what is below, which have no logarithm, share one place.
        self._spread[round(math.log(value) / _RATIO) if value > 0 else None] += int(count)

    def merge(self, other: Summary) -> None:
        """Add the values of another."""
        self.count += other.count
        self.total += other.total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self._spread.update(other._spread)

    def statistic(self, name: str) -> float:
        """One of STATISTICS or a percentile such as p99; of nothing there is none."""
        match name:
            case "Average":
                return self.total / self.count
            case "Maximum":
                return self.high
            case "Minimum":
                return self.low
            case "SampleCount":
                return self.count
            case "Sum":
                return self.total
        return self._percentile(float(name[1:]) / 100)

    def _percentile(self, share: float) -> float:
        wanted = share * sum(self._spread.values())
        ordered = sorted(self._spread.items(), key=lambda item: (item[0] is not None, item[0] or 0))
        for place, times in ordered:
            wanted -= times
            if wanted <= 1e-9:
                value = 0.0 if place is None else math.exp(place * _RATIO)
                return min(max(value, self.low), self.high)
        return self.high


def is_statistic(name: str) -> bool:
    """Whether `Summary.statistic` knows it."""
    return name in STATISTICS or _PERCENTILE.fullmatch(name) is not None


@dataclass(slots=True)
class _Series:
    unit: str
    steps: deque[tuple[int, Summary]] = field(default_factory=deque)


@dataclass(slots=True)
class MetricStore:
    """The values of every metric, in steps; `dropped` counts those of metrics beyond the bound."""

    dropped: int = 0
    _series: dict[Metric, _Series] = field(default_factory=dict)
    _fresh: dict[Metric, Summary] = field(default_factory=dict)

    def add(
        self, metric: Metric, value: float, now_ms: int, unit: str = "None", count: float = 1.0
    ) -> None:
        """Add a value that was measured just now; what is no number is left out."""
        if not math.isfinite(value) or count <= 0:
            return
        series = self._series.get(metric)
        if series is None:
            if len(self._series) >= _MOST_METRICS:
                self.dropped += 1
                return
            series = self._series[metric] = _Series(unit)
        step = now_ms // STEP_MS
        if not series.steps or series.steps[-1][0] < step:
            series.steps.append((step, Summary()))
            while series.steps[0][0] < (now_ms - _KEPT_MS) // STEP_MS:
                series.steps.popleft()
        series.steps[-1][1].add(value, count)
        self._fresh.setdefault(metric, Summary()).add(value, count)

    def window(self, metric: Metric, end_ms: int, length_ms: int) -> Summary | None:
        """The values of the steps that begin within `length_ms` before `end_ms`; None without."""
        series = self._series.get(metric)
        if series is None:
            return None
        last, first = end_ms // STEP_MS, (end_ms - length_ms) // STEP_MS
        found = Summary()
        for step, summary in reversed(series.steps):
            if step <= first:
                break
            if step <= last:
                found.merge(summary)
        return found if found.count else None

    def take_fresh(self) -> Mapping[Metric, tuple[str, Summary]]:
        """What was added since this was last called, with its unit."""
        fresh, self._fresh = self._fresh, {}
        return {metric: (self._series[metric].unit, summary) for metric, summary in fresh.items()}

    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that has had a value."""
        return tuple(self._series)
