"""The detector, as shipped: NAB beside rivals run here and published ones, events, time, bytes.

    python -m benchmarks.anomaly [--json]

The NAB tables need the development half of the benchmark's data beside the checkout (see
benchmarks/nab.py) and are left out, by name, where it is absent. The seeded series need nothing.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from millrace.anomaly import Detector

from benchmarks import nab
from benchmarks.anomaly_rivals import RIVALS
from benchmarks.anomaly_series import LEARNED, POINTS, START_S, corpus

# On the same 31 series, from the benchmark's stored results; their thresholds were chosen on the
# whole corpus.
PUBLISHED = {
    "ARTime (published)": (78.2, 70.4, 83.1),
    "CAD OSE (published)": (74.1, 71.7, 76.9),
    "Numenta HTM (published)": (71.2, 65.0, 75.9),
    "KNN-CAD (published)": (64.4, 50.4, 71.0),
    "Random Cut Forest (published)": (52.0, 38.3, 61.0),
    "EWMA z (published)": (41.3, 25.5, 49.2),
    "Windowed Gaussian (published)": (36.7, 21.4, 45.2),
}
TARGETS = {"standard": 70.0, "low FP": 60.0, "low FN": 70.0}
TARGET_US = 50.0
TARGET_BYTES = 6000
TARGET_RECALL, TARGET_PRECISION = 0.9, 0.25
SENSITIVITIES = (0.7, 1.0, 1.4)
SEEDS = (1, 2)
DAY_S = 86_400.0

Alerts = list[int]


class Figure(NamedTuple):
    """One number, beside what it is compared with, and whether it holds its target."""

    name: str
    value: float
    unit: str
    rival: str | None = None
    rival_value: float | None = None
    target: float | None = None
    holds: bool | None = None


class Events(NamedTuple):
    """How alerts met the anomalies of the seeded series."""

    recall: float
    precision: float
    alerts_a_day: float


def alerts_of(series: nab.Series, sensitivity: float = 1.0) -> Alerts:
    """What our detector says of a series of the benchmark."""
    detector = Detector(sensitivity)
    rows = enumerate(zip(series.times, series.values, strict=True))
    return [i for i, (at, value) in rows if detector.update(at, value).alert]


# ---- NAB --------------------------------------------------------------------------------------


def rival_rows(corpus: Sequence[nab.Series]) -> dict[str, dict[str, float]]:
    """The scores of every rival that runs here."""
    return {
        name: nab.scores([nab.outcome(one, rival(one.times, one.values)) for one in corpus])
        for name, rival in RIVALS.items()
    }


def outcomes_by_sensitivity(corpus: Sequence[nab.Series]) -> dict[float, list[nab.Outcome]]:
    """What our alerts are worth, at a few sensitivities."""
    return {
        sensitivity: [nab.outcome(one, alerts_of(one, sensitivity)) for one in corpus]
        for sensitivity in SENSITIVITIES
    }


def cross_validated(
    corpus: Sequence[nab.Series], outcomes: dict[float, list[nab.Outcome]]
) -> dict[str, float]:
    """Each folder at the sensitivity that is best on all other folders."""
    held_out = []
    for folder in sorted({one.folder for one in corpus}):

        def elsewhere(sensitivity: float, folder: str = folder) -> float:
            rows = zip(corpus, outcomes[sensitivity], strict=True)
            return nab.score([o for s, o in rows if s.folder != folder], nab.PROFILES["standard"])

        rows = zip(corpus, outcomes[max(SENSITIVITIES, key=elsewhere)], strict=True)
        held_out += [o for s, o in rows if s.folder == folder]
    return nab.scores(held_out)


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


PERTURBED: dict[str, Callable[[nab.Series, random.Random], nab.Series]] = {
    "with noise": noisy,
    "without every fourth point": thinned,
    "at half the rate": halved,
    "upside down, six hours later": mirrored,
}


def perturbed_rows(corpus: Sequence[nab.Series]) -> dict[str, dict[str, float]]:
    """Our scores on series that nobody looked at: the same ones, disturbed."""
    rows = {}
    for name, change in PERTURBED.items():
        rng = random.Random(name)  # noqa: S311  noise, not a secret
        changed = [change(one, rng) for one in corpus]
        rows[name] = nab.scores([nab.outcome(one, alerts_of(one)) for one in changed])
    return rows


# ---- seeded series, time, bytes ---------------------------------------------------------------


def seeded_events(seeds: Sequence[int] = SEEDS) -> Events:
    """Recall and precision by event on the seeded series, once the detector has learned."""
    found = precise = alerts = series = 0
    days = 0.0
    for seed in seeds:
        for one in corpus(seed):
            detector = Detector()
            raised = [
                i
                for i, value in enumerate(one.values)
                if detector.update(START_S + i * one.step_s, value).alert and i >= LEARNED
            ]
            hits = [i for i in raised if i in one.window()]
            series, found = series + 1, found + bool(hits)
            alerts, precise = alerts + len(raised), precise + len(hits)
            days += (POINTS - LEARNED) * one.step_s / DAY_S
    return Events(found / series, precise / alerts, alerts / days)


def cost_us(runs: int = 5, points: int = 4000) -> float:
    """Least CPU time a point, in microseconds."""
    rng = random.Random(1)  # noqa: S311
    values = [rng.gauss(50.0, 1.0) for _ in range(points)]
    costs = []
    for _ in range(runs):
        detector, begun_s = Detector(), time.process_time()
        for i, value in enumerate(values):
            detector.update(300.0 * i, value)
        costs.append((time.process_time() - begun_s) / points)
    return 1e6 * min(costs)


def state_bytes(points: int = 20_000) -> int:
    """The size of a detector's bytes after a long and varied life."""
    rng = random.Random(2)  # noqa: S311
    detector = Detector()
    for i in range(points):
        detector.update(300.0 * i, rng.gauss(0.0, 1.0) * 10.0 ** rng.uniform(-3, 3))
    return len(detector.dumps())


# ---- reporting --------------------------------------------------------------------------------


def nab_table(series: Sequence[nab.Series]) -> tuple[list[Figure], list[str]]:
    """The figures of NAB, and the lines of its table."""
    outcomes = outcomes_by_sensitivity(series)
    ours = nab.scores(outcomes[1.0])
    rivals = rival_rows(series)
    held_out = cross_validated(series, outcomes)
    perturbed = perturbed_rows(series)
    shipped = outcomes[1.0]
    days = sum((one.times[-1] - one.times[0]).total_seconds() for one in series) / DAY_S
    hits, windows = sum(o.hits for o in shipped), sum(o.windows for o in shipped)
    alerts, false = sum(o.alerts for o in shipped), sum(o.false_alarms for o in shipped)
    lines = [
        f"NAB, {len(series)} series of the development half, no threshold chosen afterwards",
        f"{'':34s}" + "".join(f"{name:>10s}" for name in nab.PROFILES),
        _line("this detector, as shipped", ours),
        _line("  sensitivity by other folders", held_out),
        *(_line(f"  {name}", row) for name, row in perturbed.items()),
        *(_line(name, row) for name, row in rivals.items()),
        *(
            _line(name, dict(zip(nab.PROFILES, row, strict=True)))
            for name, row in PUBLISHED.items()
        ),
        f"windows hit {hits} of {windows}; {alerts} alerts, {false} of them false; "
        f"{alerts / days:.3f} alerts a series-day",
    ]
    sketch = rivals["sketch: three p-values"]
    figures = [
        _above(f"NAB {name}", ours[name], "points", "sketch", sketch[name], TARGETS[name])
        for name in nab.PROFILES
    ]
    figures += [
        _above("NAB standard, cross-validated", held_out["standard"], "points", target=70.0),
        _above("NAB standard, least perturbed", min(r["standard"] for r in perturbed.values())),
        _above("NAB event recall", hits / windows, "share"),
        _above("NAB event precision", (alerts - false) / alerts, "share"),
        Figure("NAB alerts a series-day", alerts / days, "alerts"),
        _above("blind row, NAB standard", rivals["blind, every 400 points"]["standard"]),
        _above("tutorial row, NAB standard", rivals["tutorial's |z| > 3, look-ahead"]["standard"]),
    ]
    return figures, lines


def _line(name: str, row: dict[str, float]) -> str:
    return f"{name:34s}" + "".join(f"{row[profile]:10.1f}" for profile in nab.PROFILES)


def _above(
    name: str,
    value: float,
    unit: str = "points",
    rival: str | None = None,
    rival_value: float | None = None,
    target: float | None = None,
) -> Figure:
    holds = None if target is None else value >= target
    return Figure(name, value, unit, rival, rival_value, target, holds)


def own_figures() -> list[Figure]:
    """The figures that need no data from outside."""
    events, us, size = seeded_events(), cost_us(), state_bytes()
    return [
        _above("seeded event recall", events.recall, "share", target=TARGET_RECALL),
        _above("seeded event precision", events.precision, "share", target=TARGET_PRECISION),
        Figure("seeded alerts a series-day", events.alerts_a_day, "alerts"),
        Figure("CPU a point", us, "µs", target=TARGET_US, holds=us <= TARGET_US),
        Figure("state a series", size, "bytes", target=TARGET_BYTES, holds=size <= TARGET_BYTES),
    ]


def measure() -> tuple[list[Figure], list[str]]:
    """All figures, and the lines for a terminal."""
    figures = own_figures()
    if nab.NAB_DEV.is_dir():
        of_nab, lines = nab_table(nab.load())
        figures = of_nab + figures
    else:
        lines = ["NAB: left out, nab-dev is not beside this checkout"]
    return figures, lines


def main(arguments: Sequence[str]) -> int:
    """Print every figure; 1 where one misses its target."""
    figures, lines = measure()
    if "--json" in arguments:
        sys.stdout.write(json.dumps({"figures": [figure._asdict() for figure in figures]}) + "\n")
    else:
        lines += [
            f"{f.name:34s}{f.value:10.3f} {f.unit}"
            + ("" if f.target is None else f"  (target {f.target:g}: {_word(f.holds)})")
            for f in figures
        ]
        sys.stdout.write("\n".join(lines) + "\n")
    return int(any(figure.holds is False for figure in figures))


def _word(holds: bool | None) -> str:
    return "holds" if holds else "missed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
