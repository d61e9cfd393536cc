"""The detector and its pipeline: NAB, events, time and bytes; function, alerts, sweep.

NAB stands beside rivals run here and published ones. Its tables need the development half of the
benchmark's data beside the checkout (see benchmarks/nab.py) and are left out, by name, where it is
absent. The seeded series need nothing. The pipeline's figures are those of their own modules.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import NamedTuple

from millrace.anomaly import Detector

from benchmarks import nab
from benchmarks.anomaly_function import function_figures
from benchmarks.anomaly_latency import latency_figures
from benchmarks.anomaly_rivals import RIVALS
from benchmarks.anomaly_series import LEARNED, POINTS, START_S, corpus
from benchmarks.anomaly_sweep import sweep_figures
from benchmarks.figures import Figure, Measured, at_least, at_most
from benchmarks.nab_disturbed import DISTURBED

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
# Rows of the table that are figures, too, for a machine.
BESIDE = {
    "blind": "blind, every 400 points",
    "the tutorial's rule": "tutorial's |z| > 3, look-ahead",
}
RECORD = "ARTime (published)"
TARGET_US = 50.0
TARGET_BYTES = 6000
TARGET_RECALL, TARGET_PRECISION = 0.9, 0.25
SENSITIVITIES = (0.7, 1.0, 1.4)
SEEDS = (1, 2)
DAY_S = 86_400.0

Alerts = list[int]


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


def scores_of(series: nab.Series) -> list[float]:
    """How strange our detector finds each point."""
    detector = Detector()
    rows = zip(series.times, series.values, strict=True)
    return [detector.update(at, value).score for at, value in rows]


def disturbed_rows(corpus: Sequence[nab.Series]) -> dict[str, dict[str, float]]:
    """Our scores on series that nobody looked at: the same ones, disturbed."""
    rows = {}
    for name, change in DISTURBED.items():
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


def nab_table(series: Sequence[nab.Series]) -> Measured:
    """The figures of NAB, and the lines of its table."""
    outcomes = outcomes_by_sensitivity(series)
    shipped = outcomes[1.0]
    ours, rivals = nab.scores(shipped), rival_rows(series)
    held_out, disturbed = cross_validated(series, outcomes), disturbed_rows(series)
    best = nab.tuned(series, [scores_of(one) for one in series])
    lines = [
        f"NAB, {len(series)} series of the development half; nothing chosen afterwards but in the "
        "published rows",
        f"{'':34s}" + "".join(f"{name:>10s}" for name in nab.PROFILES),
        _line("this detector, as shipped", ours),
        _line("  sensitivity by other folders", held_out),
        _line("  by NAB's threshold on the scores", best),
        *(_line(f"  {name}", row) for name, row in disturbed.items()),
        *(_line(name, row) for name, row in rivals.items()),
        *(
            _line(name, dict(zip(nab.PROFILES, row, strict=True)))
            for name, row in PUBLISHED.items()
        ),
    ]
    figures = [
        at_least(f"NAB {name}", ours[name], "points", TARGETS[name], ("sketch", row))
        for name, row in rivals["sketch: three p-values"].items()
    ]
    figures += [
        at_least(
            f"NAB {name}, a threshold on scores", best[name], "points", None, (RECORD, published)
        )
        for name, published in zip(nab.PROFILES, PUBLISHED[RECORD], strict=True)
    ]
    figures += [
        Figure(f"NAB {name}: {row}", rivals[rival][name], "points")
        for row, rival in BESIDE.items()
        for name in nab.PROFILES
    ]
    standard = [row["standard"] for row in disturbed.values()]
    blind = rivals["blind, every 400 points"]["standard"]
    figures += [
        at_least("NAB standard, cross-validated", held_out["standard"], "points", 70.0),
        at_least("NAB standard, disturbed (mean)", sum(standard) / len(standard), "points"),
        at_least(
            "NAB standard, disturbed (least)", min(standard), "points", None, ("blind", blind)
        ),
        *_by_event(series, shipped),
    ]
    return Measured(figures, lines)


def _line(name: str, row: dict[str, float]) -> str:
    return f"{name:34s}" + "".join(f"{row[profile]:10.1f}" for profile in nab.PROFILES)


def _by_event(series: Sequence[nab.Series], shipped: Sequence[nab.Outcome]) -> list[Figure]:
    days = sum((one.times[-1] - one.times[0]).total_seconds() for one in series) / DAY_S
    hits, windows = sum(o.hits for o in shipped), sum(o.windows for o in shipped)
    alerts, false = sum(o.alerts for o in shipped), sum(o.false_alarms for o in shipped)
    return [
        at_least("NAB event recall", hits / windows, "of the windows"),
        at_least("NAB event precision", (alerts - false) / alerts, "of the alerts"),
        at_most("NAB alerts", alerts / days, "a series-day"),
    ]


def own_figures() -> list[Figure]:
    """The figures that need no data from outside."""
    events = seeded_events()
    return [
        at_least("seeded event recall", events.recall, "of the anomalies", TARGET_RECALL),
        at_least("seeded event precision", events.precision, "of the alerts", TARGET_PRECISION),
        at_most("seeded alerts", events.alerts_a_day, "a series-day"),
        at_most("CPU", cost_us(), "µs a point", TARGET_US),
        at_most("state", state_bytes(), "bytes a series", TARGET_BYTES),
    ]


def measure() -> Measured:
    """All figures; those of NAB only where its data are."""
    own = [*own_figures(), *function_figures(), *latency_figures(), *sweep_figures()]
    if not nab.NAB_DEV.is_dir():
        return Measured(own, ["NAB: left out, nab-dev is not beside this checkout"])
    of_nab = nab_table(nab.load())
    return Measured([*of_nab.figures, *own], of_nab.lines)
