"""Decode and snapshot of all shipped features, without botocore: what every reader pays.

The typical user has thirty events a day of five types, at any time of day; the busiest five events
a second, so that every window is full. The tutorial reads a handful of attributes, which is all
that it has: what boto3 takes to turn those into Python values stands beside.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from millrace.events import Event, EventReader
from millrace.features.dynamodb import to_wire
from millrace.features.entry import Entry
from millrace.features.fold import fold
from millrace.features.item import from_item, to_item
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.snapshot import Features, snapshot
from millrace.kinesis import Position

from benchmarks import tutorial_enrichment
from benchmarks.enriching import shipped
from benchmarks.figures import Figure, at_most
from benchmarks.least_cpu import least_each_s, timed
from benchmarks.traffic import START_MS, document, stream
from benchmarks.tutorial_table import CountedTable
from localcloud.moto_server.capacity import item_bytes

_DAY_S = 86_400
_DAYS = 3
_BATCH = 500
_EXPIRES_S = 1_900_000_000
_CALLS, _ROUNDS = 50, 25
# The length of what stands in every item.
_WATERMARK = Position(START_MS, 0, 49 * 10**54, 0)


def events(times_s: Sequence[float], rng: random.Random) -> list[Event]:
    """Events of one user at these seconds after the start, of five types."""
    reader = EventReader(shipped())
    read = []
    for second in times_s:
        time_ms = START_MS + round(second * 1000)
        read.append(reader.from_document(document("user-1", time_ms, rng), time_ms))
    return read


def item_of(plan: Plan, history: Sequence[Event], size: int = _BATCH) -> Mapping[str, Any]:
    """The item that these events leave, written in batches of `size`."""
    profile = Profile(len(plan.fields))
    for start in range(0, len(history), size):
        profile, _ = fold(profile, history[start : start + size], plan)
    entry = Entry(profile, _WATERMARK, (), len(history))
    return to_item("user-1", entry, plan, _EXPIRES_S)


def typical(seed: int, days: int = _DAYS) -> list[Event]:
    """Thirty events a day, at any time of it."""
    rng = random.Random(seed)  # noqa: S311  traffic, not a secret
    return events(sorted(rng.uniform(0, days * _DAY_S) for _ in range(30 * days)), rng)


def busiest(seconds: int = _DAY_S) -> list[Event]:
    """Five events a second: after a day every window is full."""
    return events([n / 5 for n in range(5 * seconds)], random.Random(1))  # noqa: S311


def read(plan: Plan, item: Mapping[str, Any], at_ms: int) -> Features:
    """All features in an item, as of now."""
    return snapshot(from_item(item, plan, reading=True).profile, plan, at_ms)


def tutorial_item() -> Mapping[str, Any]:
    """What the tutorial's handler leaves, as DynamoDB hands it over."""
    table = CountedTable()
    records = stream(["user-1"] * 30, 30 / _DAY_S, random.Random(1))  # noqa: S311
    tutorial_enrichment.lambda_handler({"Records": records}, table)
    return to_wire(table.items["user-1"])


def least_us(call: Callable[[], object], calls: int = _CALLS, rounds: int = _ROUNDS) -> float:
    """Least processor microseconds of a call, taken over rounds of many."""

    def many() -> None:
        for _ in range(calls):
            call()

    (seconds,) = least_each_s(lambda: timed([many]), rounds)
    return seconds / calls * 1e6


def reading_figures(users: int = 100, busy_s: int = _DAY_S) -> list[Figure]:
    """What reading costs, and how large the items are."""
    plan = Plan(shipped(), shipped().primary)
    items = [item_of(plan, typical(seed), size=1) for seed in range(users)]
    busy = item_of(plan, busiest(busy_s))
    now_ms, busy_ms = START_MS + _DAYS * _DAY_S * 1000, START_MS + busy_s * 1000
    its = tutorial_item()
    deserialize = TypeDeserializer().deserialize
    rival_us = least_us(lambda: {name: deserialize(value) for name, value in its.items()})
    rival = f"{tutorial_enrichment.NAME}: {len(its)} attributes by boto3"
    sizes = sorted(float(item_bytes(to_wire(item))) for item in items)
    return [
        at_most(
            "decode and snapshot, 30 events a day, p50",
            median(least_us(partial(read, plan, item, now_ms)) for item in items),
            "µs",
            50.0,
            (rival, rival_us),
        ),
        at_most(
            "decode and snapshot, 5 events/s, every window full",
            least_us(partial(read, plan, busy, busy_ms)),
            "µs",
            200.0,
        ),
        at_most(
            "item of 30 events a day, p50",
            median(sizes),
            "bytes",
            1024.0,
            (tutorial_enrichment.NAME, float(item_bytes(its))),
        ),
        at_most("item of 30 events a day, p90", sizes[len(sizes) * 9 // 10], "bytes"),
        at_most("item of 30 events a day, largest", sizes[-1], "bytes"),
        at_most("item of 5 events/s", float(item_bytes(to_wire(busy))), "bytes", 65_536.0),
    ]
