"""Seeded series with one anomaly each, and the window in which an alert for it counts."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

POINTS = 4000
# Alerts count from here on: two weeks of hours, two days of five minutes.
LEARNED = 600
# An alert is for an anomaly when it comes within so many points of its beginning.
WINDOW = 100
START_S = 1_700_006_400.0  # a midnight

Values = list[float]


class Labelled(NamedTuple):
    """A series: its values at an even step, and where its anomaly begins."""

    name: str
    step_s: float
    values: Values
    begins: int

    def window(self) -> range:
        return range(self.begins, self.begins + WINDOW)


def _level(rng: random.Random, step_s: float) -> Values:
    return [50.0 + rng.gauss(0, 2) for _ in range(POINTS)]


def _daily(rng: random.Random, step_s: float) -> Values:
    turn = 2 * math.pi * step_s / 86400
    return [100 + 40 * math.sin(turn * i) + rng.gauss(0, 4) for i in range(POINTS)]


def _working_week(rng: random.Random, step_s: float) -> Values:
    def load(i: int) -> float:
        day, hour = divmod(int((START_S + i * step_s) // 3600), 24)
        return 200.0 if day % 7 < 5 and 8 <= hour < 18 else 40.0

    return [load(i) * (1 + rng.gauss(0, 0.05)) for i in range(POINTS)]


def _drifting(rng: random.Random, step_s: float) -> Values:
    values, x = [], 0.0
    for _ in range(POINTS):
        x = 0.97 * x + rng.gauss(0, 1)
        values.append(20 + x)
    return values


def _counts(rng: random.Random, step_s: float) -> Values:
    """Poisson counts of about three, by inversion."""
    return [float(_poisson(rng, 3.0)) for _ in range(POINTS)]


def _poisson(rng: random.Random, mean: float) -> int:
    count, product = 0, rng.random()
    while product > math.exp(-mean):
        count, product = count + 1, product * rng.random()
    return count


def _heavy(rng: random.Random, step_s: float) -> Values:
    """Response times: log-normal, with a spike a day that belongs to it."""
    a_day = round(86400 / step_s)
    return [
        30 * math.exp(rng.gauss(0, 0.3)) * (6.0 if i % a_day == a_day // 3 else 1.0)
        for i in range(POINTS)
    ]


def _spread(values: Values) -> float:
    ordered = sorted(values)
    return (ordered[-len(ordered) // 20] - ordered[len(ordered) // 20]) or 1.0


def _spike(values: Values, at: int, rng: random.Random) -> None:
    height = 3 * _spread(values)
    for i in range(at, at + 3):
        values[i] += height


def _shift(values: Values, at: int, rng: random.Random) -> None:
    height = 1.5 * _spread(values)
    for i in range(at, len(values)):
        values[i] += height


def _miss(values: Values, at: int, rng: random.Random) -> None:
    """The values of another time of day (or week), for a while."""
    half_period = len(values) // 2 + at % 97
    values[at : at + 60] = [values[(at + half_period) % at] - _spread(values) for _ in range(60)]


def _wild(values: Values, at: int, rng: random.Random) -> None:
    """A spread four times as wide, for a while."""
    width = _spread(values)
    for i in range(at, at + 80):
        values[i] += rng.gauss(0, width)


def _stuck(values: Values, at: int, rng: random.Random) -> None:
    values[at : at + 150] = [values[at]] * 150


BASES: dict[str, Callable[[random.Random, float], Values]] = {
    "level": _level,
    "daily": _daily,
    "working week": _working_week,
    "drifting": _drifting,
    "counts": _counts,
    "heavy": _heavy,
}
ANOMALIES: dict[str, Callable[[Values, int, random.Random], None]] = {
    "spike": _spike,
    "shift": _shift,
    "miss": _miss,
    "wild": _wild,
    "stuck": _stuck,
}


def corpus(seed: int) -> Iterator[Labelled]:
    """Every base with every anomaly, at steps of five minutes and of an hour."""
    for step_s in (300.0, 3600.0):
        for base, make in BASES.items():
            for anomaly, spoil in ANOMALIES.items():
                name = f"{base}, {anomaly}, {step_s:.0f} s"
                rng = random.Random(f"{seed} {name}")  # noqa: S311
                values = make(rng, step_s)
                begins = rng.randrange(1500, POINTS - 500)
                spoil(values, begins, rng)
                yield Labelled(name, step_s, values, begins)
