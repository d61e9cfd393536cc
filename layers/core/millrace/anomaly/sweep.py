"""The sweep in plain Python: what sql/sweep.sql computes, to be read and held against it.

It judges rows that came into raw_events by other ways than the function, but for those without a
number below 1e125 in magnitude, without a time, or with one more than `future_s` after the row's
arrival: such a clock would have a series forgotten. It is not the detector. It claims exactly this,
per series, with values taken relative to a centre (the first value seen):

- Sums W, S1, S2 of the weights 2^((t - newest) / half-life), of the weighted values and of their
  squares. A late row adds at its own weight, so the sums do not depend on the order.
- The rows of a sweep are judged in the order of time and id, each against the sums before it:
  z = (value - S1/W) / sqrt(S2/W - (S1/W)²), held within ±1000. Where that variance is no more
  than 1e-12 of S2/W it counts as 0, and a value a millionth or more off the mean is strange.
- score = |z| / threshold. From 1 on a row is strange. No row is judged before `warm_up` others.
- Episodes: a strange row more than `quiet_s` after the strange row before it, or the first one,
  begins one and raises an alert.
- Features that a row lacks: against the row before it; a late row that is the first of its sweep
  has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from millrace.anomaly.metrics import LARGEST

MOST_Z = 1000.0
LONGEST_PASS = 144.0  # half-lives, so that weights stay far within a double
_FORGOTTEN = 1000.0


class SweepSettings(NamedTuple):
    """As in the table sweep_settings, which also says by `future_s` what comes here at all."""

    half_life_s: float = 86400.0
    threshold: float = 4.0
    warm_up: int = 30
    quiet_s: float = 3600.0


class NewRow(NamedTuple):
    """A row that was not judged yet."""

    event_id: str
    at_s: float
    value: float
    feature1: float | None = None
    feature2: float | None = None


class SweptRow(NamedTuple):
    """The same row, judged."""

    event_id: str
    feature1: float | None
    feature2: float | None
    z: float | None
    score: float | None
    strange: bool
    begins: bool
    episode_id: str | None


class SweepState(NamedTuple):
    """What is known of a series; the sums are as of `last_s`."""

    centre: float
    w: float
    s1: float
    s2: float
    seen: int
    last_s: float
    last_value: float
    strange_s: float | None = None
    episode_id: str | None = None


def sweep(
    rows: Iterable[NewRow], state: SweepState | None, settings: SweepSettings
) -> tuple[list[SweptRow], SweepState | None]:
    """Judge the new rows of one series, as many passes as it takes."""
    waiting = sorted(rows, key=lambda row: (row.at_s, row.event_id))
    swept: list[SweptRow] = []
    while waiting:
        origin_s = waiting[0].at_s
        if state is not None:
            origin_s = max(origin_s, state.last_s)
        taken = [
            row for row in waiting if (row.at_s - origin_s) / settings.half_life_s <= LONGEST_PASS
        ]
        judged, state = _pass(taken, state, settings)
        swept += judged
        waiting = waiting[len(taken) :]
    return swept, state


def _pass(
    rows: list[NewRow], known: SweepState | None, settings: SweepSettings
) -> tuple[list[SweptRow], SweepState]:
    """One pass; nothing but the state before it and the order of the rows matters."""
    first = rows[0]
    state = known or SweepState(first.value, 0.0, 0.0, 0.0, 0, first.at_s, first.value)
    before: tuple[float, float] | None = None  # of the row before, in this pass
    swept = []
    for row in rows:
        last = None if known is None else (known.last_s, known.last_value)
        previous = _previous(row.at_s, before, last)
        feature1, feature2 = _features(row, previous)
        z = _z(row.value - state.centre, state, settings)
        strange = z is not None and abs(z) >= settings.threshold
        begins = strange and (
            state.strange_s is None or row.at_s - state.strange_s > settings.quiet_s
        )
        state = _learned(row, state, settings)
        if strange:
            episode_id = row.event_id if begins else state.episode_id
            state = state._replace(strange_s=row.at_s, episode_id=episode_id)
        swept.append(
            SweptRow(
                event_id=row.event_id,
                feature1=feature1,
                feature2=feature2,
                z=z,
                score=None if z is None else abs(z) / settings.threshold,
                strange=strange,
                begins=begins,
                episode_id=state.episode_id if strange else None,
            )
        )
        before = (row.at_s, row.value)
    if known is not None and known.strange_s is not None and state.strange_s is not None:
        state = state._replace(strange_s=max(known.strange_s, state.strange_s))
    return swept, state


def _z(deviation: float, state: SweepState, settings: SweepSettings) -> float | None:
    if state.seen < settings.warm_up or not state.w > 0.0:
        return None
    mean, square = state.s1 / state.w, state.s2 / state.w
    variance = square - mean * mean
    sigma = math.sqrt(variance) if variance > 1e-12 * square else 0.0
    if sigma == 0.0 and abs(deviation - mean) <= 1e-6 * abs(mean):
        return 0.0
    if abs(deviation - mean) > MOST_Z * sigma:
        return math.copysign(MOST_Z, deviation - mean)
    return (deviation - mean) / sigma


def _learned(row: NewRow, state: SweepState, settings: SweepSettings) -> SweepState:
    """The state with one more row, its sums as of the newest row."""
    newest_s = max(row.at_s, state.last_s)
    fade = _fade(newest_s - state.last_s, settings)
    weight = _fade(newest_s - row.at_s, settings)
    deviation = row.value - state.centre
    return state._replace(
        w=state.w * fade + weight,
        s1=state.s1 * fade + weight * deviation,
        s2=state.s2 * fade + weight * deviation * deviation,
        seen=state.seen + 1,
        last_s=newest_s,
        last_value=row.value if row.at_s >= state.last_s else state.last_value,
    )


def _fade(passed_s: float, settings: SweepSettings) -> float:
    half_lives = passed_s / settings.half_life_s
    return 0.0 if half_lives > _FORGOTTEN else 2.0**-half_lives


def _previous(
    at_s: float, before: tuple[float, float] | None, last: tuple[float, float] | None
) -> float | None:
    """The value that a row's features are against."""
    if before is not None and (last is None or before[0] >= last[0] or at_s < last[0]):
        return before[1]
    if last is not None and at_s >= last[0]:
        return last[1]
    return None


def _features(row: NewRow, previous: float | None) -> tuple[float | None, float | None]:
    change, ratio = row.feature1, row.feature2
    if change is None and previous is not None:
        change = row.value - previous
    if ratio is None and previous and abs(row.value) < LARGEST * abs(previous):
        ratio = row.value / previous
    return change, ratio
