"""Features by brute force: every event kept, every window counted one event at a time.

The engine is held against this, in tests and at the end of every demo. It shares nothing with the
engine but the event, the plan and, where distinct counts are estimates, the hash: an estimate is
what the 64 smallest hashes of a window say, and that is worked out here from all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, sqrt
from typing import NamedTuple

from millrace.events import MISSING, Event
from millrace.features.definitions import OTHER_TYPE, Entity
from millrace.features.distinct import EXACT, K, hash32
from millrace.features.plan import Plan


class Window(NamedTuple):
    """A window of one moment: its name and the first millisecond that is in it."""

    name: str
    start_ms: int


def features(
    events: Iterable[Event], plan: Plan, at_ms: int, types: Collection[str] | None = None
) -> dict[str, float | int | None]:
    """What `snapshot` must answer for these events (distinct, none late) as of `at_ms`.

    `types` are the event types that the profile keeps apart, where there were more than it takes:
    which those are depends on which came first.
    """
    kept = sorted(events, key=lambda event: event.time_ms)
    if types is not None:
        kept = [e if e.type in types else e._replace(type=OTHER_TYPE) for e in kept]
    latest_ms = kept[-1].time_ms if kept else 0
    at_ms = max(at_ms, latest_ms)
    found: dict[str, float | int | None] = {}
    windows = _windows(plan.entity, at_ms)
    _scope(found, kept, plan, windows, plan.entity.all_types, "", at_ms)
    found.update(_sessions(kept, plan.session_gap_ms, at_ms))
    for event_type in {event.type for event in kept} - {""}:
        of_type = [event for event in kept if event.type == event_type]
        wanted = plan.entity.wanted(event_type)
        _scope(found, of_type, plan, windows, wanted, f".{event_type}", at_ms)
    return found


def _windows(entity: Entity, at_ms: int) -> list[Window]:
    return [
        Window(w.name, ceil(Fraction(at_ms - w.length_s * 1000, w.tile_s * 1000)) * w.tile_s * 1000)
        for w in entity.windows
    ]


def _scope(
    found: dict[str, float | int | None],
    events: Sequence[Event],
    plan: Plan,
    windows: Sequence[Window],
    wanted: Mapping[str, tuple[str, ...]],
    behind: str,
    at_ms: int,
) -> None:
    for window in windows:
        inside = [event for event in events if event.time_ms >= window.start_ms]
        found[f"count_{window.name}{behind}"] = len(inside)
        for index, field in enumerate(plan.fields):
            aggregates = wanted.get(field.name, ())
            values = [e.fields[index] for e in inside if e.fields[index] != MISSING]
            for name, value in _aggregates(values, plan.units[index]).items():
                if name in aggregates:
                    found[f"{field.name}_{name}_{window.name}{behind}"] = value
    found[f"recency_s{behind}"] = (at_ms - events[-1].time_ms) / 1000 if events else None
    for index, field in enumerate(plan.fields):
        if "last" in wanted.get(field.name, ()):
            having = [e for e in events if e.fields[index] != MISSING]
            last = max(having, key=lambda e: (e.time_ms, e.type, e.fields[index]), default=None)
            value = last and last.fields[index] / plan.units[index]
            found[f"{field.name}_last{behind}"] = value


def _aggregates(values: Sequence[int], unit: int) -> dict[str, float | int | None]:
    n = len(values)
    if not n:
        return {"sum": 0.0, "mean": None, "min": None, "max": None, "std": None, "distinct": 0}
    mean = Fraction(sum(values), n)
    variance = sum((value - mean) ** 2 for value in values) / n
    return {
        "sum": sum(values) / unit,
        "mean": sum(values) / (n * unit),
        "min": min(values) / unit,
        "max": max(values) / unit,
        "std": sqrt(variance * n * n) / (n * unit),
        "distinct": _distinct(set(values)),
    }


def _distinct(values: set[int]) -> int:
    if len(values) <= EXACT:
        return len(values)
    smallest = sorted({hash32(value) for value in values})[K - 1 : K]
    if not smallest:
        return EXACT + 1
    return max(EXACT + 1, round((K - 1) / ((smallest[0] + 1) / 2**32)))


def _sessions(events: Sequence[Event], gap_ms: int, at_ms: int) -> dict[str, float | int]:
    count = in_session = 0
    start_ms = end_ms = -(10**18)
    for event in events:
        if event.time_ms - end_ms > gap_ms:
            count, start_ms, in_session = count + 1, event.time_ms, 0
        end_ms = event.time_ms
        in_session += 1
    on = at_ms - end_ms <= gap_ms
    return {
        "session_count": count,
        "session_length_s": (end_ms - start_ms) / 1000 if on else 0.0,
        "session_events": in_session if on else 0,
    }
