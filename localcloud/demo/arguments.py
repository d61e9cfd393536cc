"""The options of scripts/demo."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

AWS, OCI = "aws", "oci"
# How long it streams, where nothing else is asked for.
SECONDS = 30.0

_DESCRIPTION = """\
Run the whole of Millrace on this machine: a shop's events through the local
AWS, with features a second later; metrics through the local Oracle Cloud,
with an alert for each strange episode; and a proof that all of it is exact.
"""
_EXAMPLES = """\
examples:
  scripts/demo                       both clouds, for half a minute
  scripts/demo --only oci            the anomalies alone
  scripts/demo --seconds 120 --keep  longer, and then stay up to be tried
  scripts/demo --events clicks.csv --map userId=SessionId,timestamp=Time
  scripts/demo --json summary.json   the summary for a machine, too

The metrics are series with labelled anomalies: of --series, or MILLRACE_SERIES,
a folder like that of the Numenta Anomaly Benchmark; else of
../shared/data/nab-dev, where it is; else made from --seed.

exit status: 0 when nothing was lost and every feature, row and alert is exact,
else 1; 2 for wrong options.
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for."""

    events: Path | None
    mapping: str
    seconds: float | None
    rate: float
    seed: int
    keep: bool
    json: Path | None
    parameters: dict[str, str]
    clouds: frozenset[str]
    series: Path | None


def parse(argv: list[str]) -> Arguments:
    """The options in `argv`; exits with status 2 where they are wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    if problem := _problem(given):
        parser.error(problem)
    return Arguments(
        events=given.events,
        mapping=given.map,
        seconds=given.seconds,
        rate=given.rate,
        seed=given.seed,
        keep=given.keep,
        json=given.json,
        parameters={name: value for name, _, value in _parted(given)},
        clouds=frozenset({given.only} if given.only else {AWS, OCI}),
        series=_series(given),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--only", choices=(AWS, OCI), help="leave the other cloud out")
    option("--events", type=Path, metavar="FILE", help="JSONL, CSV or TSV to stream")
    option("--map", default="", metavar="FIELD=COLUMN,…", help="which column holds which field")
    option("--series", type=Path, metavar="FOLDER", help="labelled series to stream as metrics")
    option(
        "--seconds", type=_positive, metavar="N", help="how long to stream (30 without --events)"
    )
    option("--rate", type=_positive, default=100.0, metavar="N", help="the shop's events a second")
    option("--seed", type=int, default=1, metavar="N", help="which shop, which metrics")
    option("--keep", action="store_true", help="stay up afterwards, until Ctrl-C")
    option("--json", type=Path, metavar="OUT", help="write the summary there as well")
    option(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of template.yaml, such as EnhancedFanOut=on; may be repeated",
    )
    return parser


def _problem(given: argparse.Namespace) -> str | None:
    """What is wrong with the options together, or with what they name."""
    if given.events is not None and not given.events.is_file():
        return f"--events {given.events}: there is no such file"
    if given.map and given.events is None:
        return f"--map {given.map}: maps the columns of a file; name it with --events"
    if given.json is not None and not given.json.parent.is_dir():
        return f"--json {given.json}: there is no folder {given.json.parent}"
    if given.only == OCI and (given.events is not None or given.parameter):
        return "--only oci: --events and --parameter are for the part on AWS"
    series = _series(given)
    if series is not None and not series.is_dir():
        return f"--series {series}: there is no such folder"
    for name, equals, value in _parted(given):
        if not equals:
            return f"--parameter {name + value!r}: must be NAME=VALUE"
    return None


def _parted(given: argparse.Namespace) -> list[tuple[str, str, str]]:
    return [text.partition("=") for text in given.parameter]


def _series(given: argparse.Namespace) -> Path | None:
    """The folder of the option, or of the environment."""
    named = given.series or os.environ.get("MILLRACE_SERIES")
    return Path(named) if named else None


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
