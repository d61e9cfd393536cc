"""The state of a detector: bounded, compact, versioned; and its time a point."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from millrace.anomaly import Detector
from millrace.errors import UnreadableState

from tests.anomaly.making import STEP_S, judged, noise

LARGEST_BYTES = 6000


def test_goes_on_from_its_bytes_exactly() -> None:
    values = noise(1500)
    values[1200] = 99.0
    whole = Detector()
    detector = Detector()
    for i, value in enumerate(values):
        if i % 97 == 0:
            detector = Detector.loads(detector.dumps())
        assert detector.update(i * STEP_S, value) == whole.update(i * STEP_S, value)
    assert detector.episode == whole.episode
    assert detector.episode is not None


def test_keeps_sensitivity_and_doubt() -> None:
    detector = Detector(sensitivity=0.5)
    detector.false_alarm()
    again = Detector.loads(detector.dumps())
    assert again.sensitivity == 0.5
    assert again.dumps() == detector.dumps()


def test_the_state_stays_small() -> None:
    rng = random.Random(3)
    detector = Detector()
    sizes = []
    for i in range(20_000):
        detector.update(i * STEP_S, rng.gauss(0.0, 1.0) * 10.0 ** rng.uniform(-3, 3))
        if i % 1000 == 999:
            sizes.append(len(detector.dumps()))
    assert max(sizes) <= LARGEST_BYTES


@pytest.mark.parametrize("length", [0, 3, 9, 20, 400])
def test_refuses_bytes_that_are_cut_off(length: int) -> None:
    detector = Detector()
    judged(noise(300), detector)
    with pytest.raises(UnreadableState, match="start"):
        Detector.loads(detector.dumps()[:length])


@pytest.mark.parametrize(
    "change", [lambda blob: blob[:-1], lambda blob: blob[:-5], lambda blob: blob + b"x"]
)
def test_refuses_what_does_not_end_where_it_should(change: Callable[[bytes], bytes]) -> None:
    detector = Detector()
    judged(noise(300), detector)
    with pytest.raises(UnreadableState, match="cut off or goes on"):
        Detector.loads(change(detector.dumps()))


def test_refuses_other_bytes_and_other_versions() -> None:
    data = Detector().dumps()
    with pytest.raises(UnreadableState, match="begins with b'MRAD', not b'PK"):
        Detector.loads(b"PK\x03\x04" + data[4:])
    with pytest.raises(UnreadableState, match="version 9"):
        Detector.loads(data[:4] + b"\x09" + data[5:])


def test_refuses_a_length_that_is_a_lie() -> None:
    data = Detector().dumps()
    with pytest.raises(UnreadableState):
        Detector.loads(data[:5] + b"\xff\xff\xff\xff" + data[9:])


def test_a_point_takes_little_time() -> None:
    """At most 50 µs of CPU a point: the least of a few runs, since machines are shared."""
    values = noise(2000)
    costs = []
    for _ in range(5):
        started = time.process_time()
        judged(values)
        costs.append((time.process_time() - started) / len(values))
    assert min(costs) <= 50e-6
