"""Decode and snapshot of all shipped features, without botocore: what every reader pays."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from millrace.events import Event, EventReader
from millrace.features.dynamodb import to_wire
from millrace.features.entry import Entry
from millrace.features.fold import fold
from millrace.features.item import from_item, to_item
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.snapshot import snapshot

from benchmarks.enriching import shipped
from benchmarks.figures import Figure, at_most
from benchmarks.traffic import START_MS, document
from localcloud.moto_server.capacity import item_bytes

_DAY_S = 86_400
_BATCH = 500
_EXPIRES_S = 1_900_000_000
_CALLS, _ROUNDS = 200, 15


def events(times_s: Sequence[float], rng: random.Random) -> list[Event]:
    """Events of one user at these seconds after the start, of five types."""
    reader = EventReader(shipped())
    read = []
    for second in times_s:
        time_ms = START_MS + round(second * 1000)
        read.append(reader.from_document(document("user-1", time_ms, rng), time_ms))
    return read


def item_of(plan: Plan, history: Sequence[Event]) -> Mapping[str, Any]:
    """The item that these events leave, written in batches."""
    profile = Profile(len(plan.fields))
    for start in range(0, len(history), _BATCH):
        profile, _ = fold(profile, history[start : start + _BATCH], plan)
    return to_item("user-1", Entry(profile, None, (), 1), plan, _EXPIRES_S)


def typical(seed: int) -> list[Event]:
    """Thirty events of a day, at any time of it."""
    rng = random.Random(seed)  # noqa: S311
    return events(sorted(rng.uniform(0, _DAY_S) for _ in range(30)), rng)


def busiest() -> list[Event]:
    """Five events a second for a day: every window is full."""
    return events([n / 5 for n in range(5 * _DAY_S)], random.Random(1))  # noqa: S311


def read_us(plan: Plan, item: Mapping[str, Any], at_ms: int) -> float:
    """Processor microseconds of a read: the least of several rounds of many."""
    rounds = []
    for _ in range(_ROUNDS):
        begun_s = time.process_time()
        for _ in range(_CALLS):
            snapshot(from_item(item, plan, reading=True).profile, plan, at_ms)
        rounds.append((time.process_time() - begun_s) / _CALLS * 1e6)
    return min(rounds)


def reading_figures(users: int = 40) -> list[Figure]:
    """What reading costs, and how large the items are."""
    plan = Plan(shipped(), shipped().primary)
    at_ms = START_MS + _DAY_S * 1000
    items = [item_of(plan, typical(seed)) for seed in range(users)]
    sizes = sorted(item_bytes(to_wire(item)) for item in items)
    busy = item_of(plan, busiest())
    return [
        at_most(
            "decode + snapshot, 30 events a day, p50",
            median(read_us(plan, item, at_ms) for item in items[:9]),
            "µs",
            50.0,
        ),
        at_most("decode + snapshot, 5 events/s", read_us(plan, busy, at_ms), "µs", 200.0),
        at_most("item of 30 events a day, median", median(sizes), "bytes", 1024.0),
        at_most("item of 30 events a day, largest", float(sizes[-1]), "bytes"),
        at_most("item of 5 events/s", float(item_bytes(to_wire(busy))), "bytes", 65_536.0),
    ]
