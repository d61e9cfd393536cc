"""One alert for what a person would call one event, none for plain days, and no crash ever."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st
from millrace.anomaly import Detector, Verdict

STEP_S = 300.0


def judged(values: list[float]) -> list[Verdict]:
    detector = Detector()
    return [detector.update(i * STEP_S, value) for i, value in enumerate(values)]


def noise(count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [50.0 + rng.gauss(0.0, 1.0) for _ in range(count)]


def test_a_spike_raises_one_alert() -> None:
    values = noise(2000)
    values[1500:1503] = [90.0, 95.0, 88.0]
    alerts = [i for i, verdict in enumerate(judged(values)) if verdict.alert and i >= 1000]
    assert alerts == [1500]


@given(st.lists(st.floats(width=64), max_size=200))
def test_no_number_raises_or_gets_a_score_that_is_none(values: list[float]) -> None:
    assert all(math.isfinite(verdict.score) for verdict in judged(values))


def test_goes_on_from_its_bytes() -> None:
    values = noise(1500)
    whole = judged(values)
    detector = Detector()
    for i, value in enumerate(values):
        if i % 97 == 0:
            detector = Detector.loads(detector.dumps())
        assert detector.update(i * STEP_S, value) == whole[i]
