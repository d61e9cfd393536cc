"""Series for the tests of the detector, and what it says of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

from millrace.anomaly import Detector, Verdict

STEP_S = 300.0
A_DAY = 288
# Until here alerts are those of a detector that still gets to know its series.
LEARNED = 1000


def noise(count: int, seed: int = 1, level: float = 50.0, spread: float = 1.0) -> list[float]:
    rng = random.Random(seed)
    return [level + rng.gauss(0.0, spread) for _ in range(count)]


def daily(count: int, seed: int = 1) -> list[float]:
    """A plain sine a day, with some noise."""
    rng = random.Random(seed)
    turn = 2 * math.pi / A_DAY
    return [100.0 + 40.0 * math.sin(turn * i) + rng.gauss(0.0, 2.0) for i in range(count)]


def judged(values: Iterable[float], detector: Detector | None = None) -> list[Verdict]:
    """A verdict for each of the values, which come every five minutes."""
    detector = detector or Detector()
    return [detector.update(i * STEP_S, value) for i, value in enumerate(values)]


def alerts(verdicts: Sequence[Verdict], since: int = 0) -> list[int]:
    return [i for i, verdict in enumerate(verdicts) if verdict.alert and i >= since]
