"""The enrich function and the reading of features, beside the tutorials' handlers."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.figures import Figure, Measured
from benchmarks.hot_user import hot_user_figures
from benchmarks.lag import lag_figures
from benchmarks.memory import memory_figures
from benchmarks.reading import reading_figures
from benchmarks.requests import request_figures
from benchmarks.throughput import throughput_figures

PARTS: dict[str, Callable[[], list[Figure]]] = {
    "requests": request_figures,
    "throughput": throughput_figures,
    "a hot user": hot_user_figures,
    "reading and sizes": reading_figures,
    "memory": memory_figures,
    "lag": lag_figures,
}


def measure() -> Measured:
    """Every figure of features."""
    figures: list[Figure] = []
    for name, part in PARTS.items():
        sys.stderr.write(f"millrace: measuring {name} …\n")
        figures += part()
    return Measured(figures)
