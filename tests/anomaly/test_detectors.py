"""A warm process's detectors: they save time and change nothing."""

from __future__ import annotations

import random

import pytest
from millrace.anomaly import Detector
from millrace.anomaly.detectors import Detectors
from millrace.anomaly.pipeline import Pipeline

from tests.oci.making import NOW_MS, Kept, history, payload


def test_only_what_was_packed_to_these_very_bytes_comes_back() -> None:
    detectors, detector = Detectors(), Detector()
    detectors.keep("cpu", b"packed", detector)
    assert detectors.take("memory", b"packed") is None
    assert detectors.take("cpu", b"other") is None
    assert detectors.take("cpu", b"packed") is None, "it was of no use, and is gone"
    detectors.keep("cpu", b"packed", detector)
    assert detectors.take("cpu", b"packed") is detector
    assert detectors.take("cpu", b"packed") is None, "it is somebody's now"


def test_the_oldest_goes_first() -> None:
    detectors = Detectors(most=2)
    for name in ("a", "b", "a", "c"):
        detectors.take(name, b"")
        detectors.keep(name, b"", Detector())
    assert detectors.take("b", b"") is None
    assert detectors.take("a", b"")
    assert detectors.take("c", b"")


@pytest.mark.parametrize("seed", range(3))
def test_a_warm_process_ends_where_cold_ones_do(seed: int) -> None:
    """Warm ones, with another process between them, and each batch by a new process."""
    rng = random.Random(seed)
    told = [one for name in ("cpu", "memory") for one in history(900, name, seed, [600])]
    warm, cold = Kept(), Kept()
    other = Pipeline(warm.store)
    while told:
        size = rng.randint(1, 120)
        batch, told = told[:size], told[size:]
        (warm.pipeline if rng.random() < 0.7 else other).handle(payload(batch), NOW_MS)
        Pipeline(cold.store).handle(payload(batch), NOW_MS)
    assert warm.results() == cold.results()
    assert warm.rows("SELECT alert_id FROM alerts")
