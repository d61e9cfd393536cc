"""How long something took, over many times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Lag(NamedTuple):
    """Median and 99th percentile in milliseconds; None where there was nothing to measure."""

    p50: float | None
    p99: float | None

    @classmethod
    def of(cls, times_ms: Iterable[float]) -> Lag:
        """Of these times.

        >>> Lag.of(range(1, 101))
        Lag(p50=51, p99=100)
        """
        ordered = sorted(times_ms)
        if not ordered:
            return cls(None, None)
        last = len(ordered) - 1
        return cls(*(ordered[min(last, int(share * len(ordered)))] for share in (0.5, 0.99)))
