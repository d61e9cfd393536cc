"""scripts/bench: measure one part, beside what the tutorials have for it."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import NamedTuple

from benchmarks.figures import Measured, print_json, print_table

_EPILOG = """\
examples:
  scripts/bench features                 requests, throughput, reading, sizes, lag
  scripts/bench cold-start --json        what importing each function costs, for a machine
  scripts/bench layers                   cold starts and sizes, as others and we build layers

exit status: 0 when every target holds, 1 when one is missed, 2 for wrong options. Times are those
of the processor unless a figure says otherwise; the least, or the median, of many.
"""


class Part(NamedTuple):
    """A benchmark: the module whose `measure` gives what it found, and what it is about."""

    module: str
    about: str


PARTS = {
    "features": Part("benchmarks.features", "the enrich function and the reading of features"),
    "cold-start": Part("benchmarks.cold_start", "what importing each function costs"),
    "predict": Part("benchmarks.predict", "POST /predict inside the handler"),
    "layers": Part("benchmarks.layers", "Lambda layers: cold starts, sizes, builds"),
    "anomaly": Part("benchmarks.anomaly", "the anomaly detector and its pipeline"),
}


def main(arguments: list[str]) -> int:
    """Measure one part; 1 where a figure misses its target."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure one part of Millrace, beside the tutorials' own code in the same run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    for name, part in PARTS.items():
        one = parts.add_parser(name, help=part.about, description=f"Measure {part.about}.")
        one.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    chosen = PARTS[given.part]
    measured: Measured = importlib.import_module(chosen.module).measure()
    if given.json:
        print_json(measured)
    else:
        print_table(measured, chosen.about)
    return 0 if measured.held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
