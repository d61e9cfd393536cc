"""The options of scripts/train."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from model.outcomes import OUTCOMES, Outcomes
from model.sources import is_archive_at
from model.target import ANY

ROOT = Path(__file__).parents[1]
_DESCRIPTION = """\
Train the model that runs behind the endpoint, on the features as they stood
at each moment of a history, and compare it with simple rules on the newest
part of it.
"""
_EXAMPLES = """\
examples:
  scripts/train                                     a week of the built-in shop
  scripts/train --from events.jsonl --target purchase --within 10m
  scripts/train --from clicks.csv --map userId=SessionId,timestamp=Time --target any
  scripts/train --from s3://BUCKET                  what a stack with ArchiveEvents=on has kept
  scripts/train --from s3://BUCKET --outcomes feedback   the predictions that were made
  scripts/train --from archive/ --json > report.json   a copy of it in a folder

exit status: 0 when the model is written, 1 when it cannot be trained, 2 for wrong options, 130
after Ctrl-C.
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for."""

    source: str | None
    mapping: str
    stream: str | None
    outcomes: Outcomes | None
    target: str
    within: str
    features: Path
    out: Path
    json: bool


def parse(argv: list[str]) -> Arguments:
    """The options in `argv`; exits with status 2 where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/train",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(parser)
    given = parser.parse_args(argv)
    is_archive = given.source is not None and is_archive_at(given.source)
    if given.map and (given.source is None or is_archive):
        parser.error("--map goes with --from FILE: an archive holds events as they came")
    for name in ("stream", "outcomes"):
        if getattr(given, name) is not None and not is_archive:
            parser.error(f"--{name} goes with --from an archive")
    return Arguments(
        given.source,
        given.map,
        given.stream,
        given.outcomes,
        given.target,
        given.within,
        given.features,
        given.out,
        given.json,
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--from",
        dest="source",
        metavar="WHERE",
        help="JSONL, CSV or TSV; or an archive: its folder, or s3://BUCKET/PREFIX",
    )
    add("--map", default="", metavar="FIELD=COLUMN,…", help="which column holds which field")
    add("--stream", metavar="NAME", help="of an archive only this stream's events")
    add(
        "--outcomes",
        choices=OUTCOMES,
        help="train on the predictions that an archive holds, with the outcomes that were reported"
        " as feedback or that the events tell, instead of replaying the events",
    )
    add(
        "--target",
        default="purchase",
        metavar="TYPE",
        help=f"the event type to predict (default: purchase; {ANY}: whatever comes)",
    )
    add("--within", default="10m", metavar="TIME", help="how far to look ahead (default: 10m)")
    add(
        "--features",
        type=Path,
        default=ROOT / "features.toml",
        metavar="FILE",
        help="the definitions (default: the features.toml of this checkout)",
    )
    add("--out", type=Path, default=Path("model.tar.gz"), metavar="FILE", help="where to write it")
    add("--json", action="store_true", help="print the report as JSON")
