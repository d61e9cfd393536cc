"""Spoiling a stream of records as producers and networks do: duplicates and disorder.

Pure functions from an iterable to an iterator, which hold no more records than are out of place.
None of them loses a record, and the same seed over the same records gives the same stream.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from localcloud.faults.draws import draw

R = TypeVar("R")


def duplicated(
    records: Iterable[R], *, seed: int, probability: float, within: int = 100
) -> Iterator[R]:
    """Each record with `probability` once more, 1 to `within` records later (or at the end).

    Sent again by a producer, such a record gets a sequence number of its own.

    >>> list(duplicated("ab", seed=1, probability=1.0, within=1))
    ['a', 'b', 'a', 'b']
    """
    again: list[tuple[int, int, R]] = []
    for index, record in enumerate(records):
        yield record
        while again and again[0][0] <= index:
            yield heapq.heappop(again)[2]
        if draw(seed, "duplicate", index) < probability:
            due = index + 1 + math.floor(within * draw(seed, "after", index))
            heapq.heappush(again, (due, index, record))
    while again:
        yield heapq.heappop(again)[2]


def reordered_within(
    records: Iterable[R],
    *,
    seed: int,
    probability: float,
    bound: float,
    position: Callable[[R], float],
) -> Iterator[R]:
    """Each record with `probability` held back, but never beyond `bound`.

    `position` is what the bound is measured in, for example a record's event time in seconds: when
    a record comes out, no record that is more than `bound` further came out before it (as long as
    the records come in ordered so).
    """
    held: list[tuple[float, int, R]] = []
    for index, record in enumerate(records):
        here = position(record)
        while held and held[0][0] <= here:
            yield heapq.heappop(held)[2]
        if draw(seed, "hold", index) < probability:
            heapq.heappush(held, (here + bound * draw(seed, "for", index), index, record))
        else:
            yield record
    while held:
        yield heapq.heappop(held)[2]


def delayed_beyond(
    records: Iterable[R],
    *,
    seed: int,
    probability: float,
    bound: float,
    position: Callable[[R], float],
) -> Iterator[R]:
    """Each record with `probability` held back until the stream is more than `bound` beyond it.

    What is held when the stream ends comes then, however far the stream got: such a record may
    still be within the bound.
    """
    held: list[tuple[float, int, R]] = []
    for index, record in enumerate(records):
        if draw(seed, "delay", index) < probability:
            due = position(record) + bound * (1.0 + draw(seed, "by", index))
            heapq.heappush(held, (due, index, record))
            continue
        yield record
        while held and held[0][0] < position(record):
            yield heapq.heappop(held)[2]
    while held:
        yield heapq.heappop(held)[2]


def interleaved(
    records: Iterable[R], extra: Callable[[int], R], *, seed: int, probability: float
) -> Iterator[R]:
    """The records, each followed with `probability` by `extra(n)`, n counting from 0."""
    count = 0
    for index, record in enumerate(records):
        yield record
        if draw(seed, "extra", index) < probability:
            yield extra(count)
            count += 1
