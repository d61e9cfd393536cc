"""The proof of predictions: each answer used the features that stood at its time.

A user's events are applied in the order of the stream, so what stood at any time is what a prefix
of them makes. It must hold every event that had been processed before the request was made, and
none that reached the stream after the answer: of the prefixes in between, one must give exactly
the features of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from millrace.events import Event, read_time_ms
from millrace.features.definitions import OTHER_TYPE
from millrace.features.entry import storage_key
from millrace.features.plan import Plan

from localcloud import oracle
from localcloud.demo.asking import Asked

# What predict adds to the features for readers of the tutorials' items.
_PLAIN = {
    "userId",
    "lastTimestamp",
    "lastUpdate",
    "lastMetric",
    "lastEventType",
    "count",
    "count5min",
}
_SHOWN = 5


class Arrived(NamedTuple):
    """An event that was applied, with its sequence number and arrival at the stream."""

    sequence: int
    arrival_ms: int
    event: Event


@dataclass(slots=True)
class UsedFeatures:
    """What became of predictions that were asked for.

    `answered` of `asked` came with a prediction; the features of each were compared, and `wrong`
    tells of some of the `mismatches`.
    """

    asked: int = 0
    answered: int = 0
    mismatches: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def check_used(
    asked: Sequence[Asked], arrived: Mapping[str, Sequence[Arrived]], plan: Plan
) -> UsedFeatures:
    """Compare the features in every answer with what stood at its time.

    `arrived` has the distinct events of each key in the table, none late, in the order of the
    stream.
    """
    result = UsedFeatures(asked=len(asked))
    for one in asked:
        result.statuses[one.status] = result.statuses.get(one.status, 0) + 1
        if one.answer is None:
            continue
        result.answered += 1
        key = storage_key(plan.definitions, plan, one.user)
        problem = _problem(one, one.answer, arrived.get(key, ()), plan)
        if problem:
            result.mismatches += 1
            if len(result.wrong) < _SHOWN:
                result.wrong.append(problem)
    return result


def _problem(
    asked: Asked,
    answer: Mapping[str, object],
    arrived: Sequence[Arrived],
    plan: Plan,
) -> str | None:
    """What is wrong with the features of an answer; None where nothing is."""
    features = answer["features"]
    assert isinstance(features, Mapping)
    used = {name: value for name, value in features.items() if name not in _PLAIN}
    # A profile of too many types keeps only some apart; those have features of their own.
    kept = {name.removeprefix("recency_s.") for name in used if name.startswith("recency_s.")}
    types = kept if OTHER_TYPE in kept else None
    as_of_ms = read_time_ms(answer["featuresAsOf"], "featuresAsOf")
    fewest = sum(one.sequence <= asked.done_upto for one in arrived)
    most = sum(one.arrival_ms <= asked.ended_ms for one in arrived)
    events = [one.event for one in arrived]
    states: list[list[str]] = []
    for count in range(fewest, most + 1):
        expected = oracle.features(events[:count], plan, as_of_ms, types)
        states.append(_differing(expected, used))
        if not states[-1]:
            return None
    # Of the state that comes nearest.
    name = min(states, key=len)[0] if states else ""
    shown = f"{name} is {used.get(name)!r}" if name else "it knows what had not arrived"
    return (
        f"{asked.user} as of {answer['featuresAsOf']}: {shown}; none of the states with {fewest} to"
        f" {most} events gives these features"
    )


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """The features that differ, or that only one side has."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if one.get(name, ...) != other.get(name, ...)
    ]
