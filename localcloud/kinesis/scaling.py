"""Uniform scaling: from any set of shards to `n` of equal size, as splits and merges.

Every boundary that the target has and the stream has not becomes a split; every one that the
stream has and the target has not becomes a merge. Splits come first, so that a merge never covers
a boundary that is still to come. Doubling is splits only, halving merges only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from localcloud.kinesis.shard import HASH_KEYS


def uniform_starts(count: int) -> list[int]:
    """Starting hash keys of `count` shards of equal size.

    >>> [start * 4 // HASH_KEYS for start in uniform_starts(4)]
    [0, 1, 2, 3]
    """
    return [index * HASH_KEYS // count for index in range(count)]


def splits(starts: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
    """What to split, as (starting hash key of the shard, hash key to split it at), in this order.

    >>> splits([0, 50], [0, 25, 30])
    [(0, 25), (25, 30)]
    """
    known = sorted(starts)
    planned = []
    for start in target:
        position = bisect_right(known, start)
        if known[position - 1] != start:
            planned.append((known[position - 1], start))
            known.insert(position, start)
    return planned


def merges(starts: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
    """What to merge, as starting hash keys of the lower and the upper shard, in this order.

    >>> merges([0, 25, 30, 50], [0, 25])
    [(25, 30), (25, 50)]
    """
    wanted = set(target)
    planned = []
    lower = 0
    for start in sorted(starts):
        if start in wanted:
            lower = start
        else:
            planned.append((lower, start))
    return planned
