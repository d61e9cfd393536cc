"""Events a second of one core through the function, with SQLite: decode, judge, store, commit.

Each case is a fresh process of the function's own environment, several times over the same batches;
of each batch the least processor time counts. The tutorial's function gets one event an invocation,
for it knows no batches, and stores it as it came; it judges nothing.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson
from millrace.errors import StartupError

from benchmarks import tutorial_anomaly
from benchmarks.cold_start import ROOT
from benchmarks.figures import Figure, at_least, at_most
from benchmarks.least_cpu import least_s, timed
from benchmarks.metric_stream import event

SIZE = 1_000
FUNCTION = ROOT / "oci-fn/extract-features"
_PYTHON = ROOT / ".venv-oci/bin/python"
_MB = 1024 * 1024
_TUTORIAL_EVENTS = 500


class Case(NamedTuple):
    """A number of series; `warm` batches come first and do not count."""

    name: str
    series: int
    warm: int
    batches: int
    target: float


CASES = (
    Case("20 series, batches of 1,000", 20, 3, 12, 10_000.0),
    Case("1,000 series, batches of 1,000", 1_000, 2, 8, 2_500.0),
)
# A point a minute of each is 167 events a second.
MANY = Case("10,000 series in one run", 10_000, 2, 20, 1_000.0)


class Fed(NamedTuple):
    """What a process told of its batches."""

    seconds: list[float]
    events: int
    series: int
    state_bytes: float
    most_bytes: int


def feed(case: Case) -> Fed:
    """Run one process. Raises StartupError."""
    if not _PYTHON.exists():
        raise StartupError(f"There is no {_PYTHON}; run scripts/setup --oci")
    numbers = (case.series, case.warm + case.batches, SIZE)
    path = os.pathsep.join(str(one) for one in (FUNCTION, ROOT / "layers/core", ROOT))
    ended = subprocess.run(
        [str(_PYTHON), "-m", "benchmarks.metric_worker", *map(str, numbers)],
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise StartupError(f"The function failed under the benchmark: {ended.stderr[-1000:]}")
    return Fed(**orjson.loads(ended.stdout))


def events_a_second(case: Case, runs: int) -> tuple[float, Fed]:
    """By the least time of each batch, and the last run's other numbers."""
    fed = [feed(case) for _ in range(runs)]
    least = [min(times) for times in zip(*(one.seconds for one in fed), strict=True)]
    return SIZE * case.batches / sum(least[case.warm :]), fed[-1]


def tutorial_events_a_second(rounds: int = 5) -> float:
    """The tutorial's function over the same driver, one event an invocation."""

    def one_round() -> Iterator[float]:
        with tempfile.TemporaryDirectory() as folder:
            connect = tutorial_anomaly.connecting(Path(folder) / "tutorial.db")
            bodies = (event("host.cpu", n, 50.0 + n % 7) for n in range(_TUTORIAL_EVENTS))
            calls: Iterator[Callable[[], object]] = (
                partial(tutorial_anomaly.handler, None, orjson.dumps(body), connect)
                for body in bodies
            )
            yield sum(timed(calls))

    return _TUTORIAL_EVENTS / least_s(one_round, rounds)


def function_figures(runs: int = 3, cases: tuple[Case, ...] = (*CASES, MANY)) -> list[Figure]:
    """Events a second; of the last case also what its series take."""
    rival = (tutorial_anomaly.NAME, tutorial_events_a_second())
    figures = []
    for case in cases:
        speed, fed = events_a_second(case, runs)
        figures.append(at_least(case.name, speed, "events/s a core", case.target, rival))
        if case is cases[-1]:
            figures += [
                at_most(f"{case.name}: state", fed.state_bytes, "bytes a series"),
                at_most(f"{case.name}: most memory", fed.most_bytes / _MB, "MB", 512.0),
            ]
    return figures
