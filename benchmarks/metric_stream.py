"""Batches of metrics as Connector Hub hands them over: seeded, each series at its own pace."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator

NOW_MS = 1_800_000_000_000
_START_S = 1_790_000_000
_STEP_S = 300


def batches(series: int, count: int, size: int, first: int = 0) -> Iterator[bytes]:
    """So many bodies of `size` records; the series come in turn, in one partition.

    `first` is the number of each one's first point.
    """
    rng = random.Random(1)  # noqa: S311  traffic, not a secret
    offset = 0
    for _ in range(count):
        records = []
        for _ in range(size):
            point, number = divmod(offset, series)
            records.append(_record(named(number), first + point, value(rng), offset))
            offset += 1
        yield json.dumps(records).encode()


def named(number: int) -> str:
    """A series."""
    return f"host-{number:05}.cpu"


def value(rng: random.Random) -> float:
    """What it measures."""
    return 50.0 + rng.gauss(0, 2)


def time_s(point: int) -> int:
    """When a point is."""
    return _START_S + _STEP_S * point


def event(name: str, point: int, metric: float) -> dict[str, object]:
    """One point of a series."""
    return {"id": f"{name}/{point}", "time": time_s(point), "metric": metric}


def _record(name: str, point: int, metric: float, offset: int) -> dict[str, object]:
    data = json.dumps(event(name, point, metric)).encode()
    return {
        "stream": "metrics",
        "partition": "0",
        "key": base64.b64encode(name.encode()).decode(),
        "value": base64.b64encode(data).decode(),
        "offset": offset,
        "timestamp": NOW_MS,
    }
