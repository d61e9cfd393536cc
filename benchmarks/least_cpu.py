"""Processor time on a machine that others use as well: the least of many rounds.

What others do can only add to it (they take the caches, not the work), so the least is the figure
that comes nearest to what the code costs. It is taken for each piece of work by itself: a short one
finds a quiet moment sooner than all of them in a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

# Rounds go on until the sum of the least has not fallen by a hundredth for so many of them. Several
# in a row may be slow together, where a virtual machine is given its memory anew.
_SETTLED_ROUNDS = 10
_SETTLED = 0.99

# One round: the processor seconds of each piece of work, in the same order every time.
Round = Callable[[], Iterable[float]]


def least_each_s(one_round: Round, most: int) -> list[float]:
    """The least that each piece took in as many rounds as it takes to settle, at most `most`."""
    least: list[float] = []
    best, since = float("inf"), 0
    for _ in range(most):
        taken = list(one_round())
        least = [min(pair) for pair in zip(least or taken, taken, strict=True)]
        since = 0 if sum(least) < best * _SETTLED else since + 1
        best = min(best, sum(least))
        if since >= _SETTLED_ROUNDS:
            break
    return least


def least_s(one_round: Round, most: int) -> float:
    """The sum of the least of all pieces."""
    return sum(least_each_s(one_round, most))


def timed(pieces: Iterable[Callable[[], object]]) -> Iterator[float]:
    """The processor seconds of each piece, one after the other."""
    for piece in pieces:
        begun_s = time.process_time()
        piece()
        yield time.process_time() - begun_s
