"""The series of the benchmark, disturbed: the nearest thing at hand to series never seen."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta

from benchmarks import nab


def noisy(series: nab.Series, rng: random.Random) -> nab.Series:
    """With noise of a twentieth of the inner spread."""
    ordered = sorted(series.values)
    spread = 0.05 * (ordered[-len(ordered) // 10] - ordered[len(ordered) // 10])
    return series._replace(values=[value + rng.gauss(0.0, spread) for value in series.values])


def thinned(series: nab.Series, rng: random.Random) -> nab.Series:
    """Without a random quarter of the points."""
    kept = [i for i in range(len(series.times)) if rng.random() > 0.25]
    return _picked(series, kept)


def halved(series: nab.Series, rng: random.Random) -> nab.Series:
    """At half the rate."""
    return _picked(series, list(range(0, len(series.times), 2)))


def _picked(series: nab.Series, kept: Sequence[int]) -> nab.Series:
    spans = [[n for n, i in enumerate(kept) if i in window] for window in series.windows]
    windows = [range(span[0], span[-1] + 1) for span in spans if span]
    times, values = [series.times[i] for i in kept], [series.values[i] for i in kept]
    return nab.Series(series.name, times, values, windows)


def mirrored(series: nab.Series, rng: random.Random) -> nab.Series:
    """Upside down, and six hours later in the day."""
    times = [at + timedelta(hours=6) for at in series.times]
    return series._replace(times=times, values=[-value for value in series.values])


DISTURBED: dict[str, Callable[[nab.Series, random.Random], nab.Series]] = {
    "with noise": noisy,
    "without every fourth point": thinned,
    "at half the rate": halved,
    "upside down, six hours later": mirrored,
}
