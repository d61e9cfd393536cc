"""Metrics of an operation that does not exist, made from a seed, with anomalies that are known.

Eight series at five-minute steps for two weeks: they breathe with the day and the week, have their
noise and their harmless peaks. Each goes wrong once on the last day, in a way that its kind does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from localcloud.demo.anomalies.labelled import Labelled

STEP_S = 300.0
POINTS = 14 * 288
_START_S = 1_704_067_200.0  # a Monday's midnight
_WINDOW = 80

Draw = random.Random
Values = list[float]


class _Metric(NamedTuple):
    name: str
    make: Callable[[Draw, int], float]
    spoil: Callable[[Values, int, Draw], None]


def _day(index: int) -> float:
    """-1 in the small hours, 1 in the early afternoon."""
    return -math.cos(2 * math.pi * (index * STEP_S / 86_400 - 0.05))


def _weekend(index: int) -> bool:
    return int(index * STEP_S // 86_400) % 7 >= 5


def _cpu(rng: Draw, index: int) -> float:
    backup = 25.0 if index % 288 in range(36, 42) else 0.0
    return min(100.0, max(1.0, 38 + 17 * _day(index) + backup + rng.gauss(0, 2.5)))


def _latency(rng: Draw, index: int) -> float:
    return (90 + 30 * _day(index)) * math.exp(rng.gauss(0, 0.18))


def _orders(rng: Draw, index: int) -> float:
    mean = (34 + 26 * _day(index)) * (0.55 if _weekend(index) else 1.0)
    return float(max(0, round(rng.gauss(mean, math.sqrt(mean)))))


def _errors(rng: Draw, index: int) -> float:
    return float(sum(rng.random() < 0.03 for _ in range(60)))


def _queue(rng: Draw, index: int) -> float:
    return float(round(12 * rng.expovariate(1.0) * (1.6 + _day(index))))


def _temperature(rng: Draw, index: int) -> float:
    return 21.5 + 0.8 * _day(index) + rng.gauss(0, 0.15)


def _sessions(rng: Draw, index: int) -> float:
    office = 260 if 90 <= index % 288 < 220 and not _weekend(index) else 30
    return float(max(0, round(office + rng.gauss(0, 9))))


def _memory(rng: Draw, index: int) -> float:
    """A leak that a restart at night mends."""
    return 2_000 + 4.0 * (index % 288) + rng.gauss(0, 25)


def _burst(values: Values, at: int, rng: Draw) -> None:
    for index in range(at, at + 12):
        values[index] = values[index] * 4 + 40


def _outage(values: Values, at: int, rng: Draw) -> None:
    for index in range(at, at + 30):
        values[index] = 0.0


def _stays_up(values: Values, at: int, rng: Draw) -> None:
    height = 0.7 * (max(values[at - 288 : at]) - min(values[at - 288 : at]))
    for index in range(at, min(len(values), at + 250)):
        values[index] += height


def _creeps(values: Values, at: int, rng: Draw) -> None:
    for index in range(at, min(len(values), at + 120)):
        values[index] += 0.06 * (index - at)


def _frozen(values: Values, at: int, rng: Draw) -> None:
    values[at : at + 100] = [values[at]] * len(values[at : at + 100])


METRICS = (
    _Metric("web-1.cpu", _cpu, _stays_up),
    _Metric("checkout.latency-ms", _latency, _burst),
    _Metric("shop.orders", _orders, _outage),
    _Metric("api.errors", _errors, _burst),
    _Metric("mail.queue", _queue, _burst),
    _Metric("hall-2.temperature", _temperature, _creeps),
    _Metric("vpn.sessions", _sessions, _outage),
    _Metric("app.memory-mb", _memory, _frozen),
)


def made(seed: int) -> list[Labelled]:
    """The metrics of one seed."""
    return [_made(metric, random.Random(f"{seed}/{metric.name}")) for metric in METRICS]  # noqa: S311


def _made(metric: _Metric, rng: Draw) -> Labelled:
    values = [metric.make(rng, index) for index in range(POINTS)]
    at = POINTS - 288 + rng.randrange(100, 170)
    metric.spoil(values, at, rng)
    times = [_START_S + index * STEP_S for index in range(POINTS)]
    return Labelled(metric.name, times, values, [range(at, at + _WINDOW)])
