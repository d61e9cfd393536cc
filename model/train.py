"""scripts/train: from a history of events to model.tar.gz, and how good the model is."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError, MillraceError
from millrace.features.definitions import Definitions, load
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from model.packaging import archive, write_archive
from model.report import document, show, warnings
from model.rows import Rows, labelled
from model.sources import History, is_archive_at, opened
from model.target import ANY, Target
from model.training import Trained, train

ROOT = Path(__file__).parents[1]
_PIPED_WIDTH = 120
_EXAMPLES = """\
examples:
  scripts/train                                     a week of the built-in shop
  scripts/train --from events.jsonl --target purchase --within 10m
  scripts/train --from clicks.csv --map userId=SessionId,timestamp=Time --target any
  scripts/train --from s3://BUCKET                  what a stack with ArchiveEvents=on has kept
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
    target: str
    within: str
    features: Path
    out: Path
    json: bool


def parse(argv: list[str]) -> Arguments:
    """The options in `argv`; exits with status 2 where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/train",
        description="Train the model that runs behind the endpoint, on the features as they stood"
        " at each moment of a history, and compare it with simple rules on the newest part of it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="WHERE",
        help="JSONL, CSV or TSV; or an archive: its folder, or s3://BUCKET/PREFIX",
    )
    parser.add_argument(
        "--map", default="", metavar="FIELD=COLUMN,…", help="which column holds which field"
    )
    parser.add_argument("--stream", metavar="NAME", help="of an archive only this stream's events")
    parser.add_argument(
        "--target",
        default="purchase",
        metavar="TYPE",
        help=f"the event type to predict (default: purchase; {ANY}: whatever comes)",
    )
    parser.add_argument(
        "--within", default="10m", metavar="TIME", help="how far to look ahead (default: 10m)"
    )
    parser.add_argument(
        "--features",
        type=Path,
        default=ROOT / "features.toml",
        metavar="FILE",
        help="the definitions (default: the features.toml of this checkout)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("model.tar.gz"), metavar="FILE", help="where to write it"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    given = parser.parse_args(argv)
    is_archive = given.source is not None and is_archive_at(given.source)
    if given.map and (given.source is None or is_archive):
        parser.error("--map goes with --from FILE: an archive holds events as they came")
    if given.stream is not None and not is_archive:
        parser.error("--stream goes with --from an archive")
    return Arguments(
        given.source,
        given.map,
        given.stream,
        given.target,
        given.within,
        given.features,
        given.out,
        given.json,
    )


def main(argv: list[str]) -> int:
    """Train; the exit status."""
    arguments = parse(argv)
    console = _console(stderr=True)
    try:
        _train(arguments, console)
    except MillraceError as error:
        console.print(f"[bold red]millrace:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; nothing was written.")
        return 130
    return 0


def _train(arguments: Arguments, console: Console) -> None:
    target = Target.parse(arguments.target, arguments.within)
    definitions = load(arguments.features)
    with opened(arguments.source, definitions, arguments.mapping, arguments.stream) as history:
        rows = _rows(history, definitions, target, console)
        source = history.source
    _check_target(rows, target)
    trained = _trained(rows, definitions, target, source, console)
    body = archive(trained.contract, trained.model)
    write_archive(arguments.out, body)
    for line in warnings(trained, rows):
        console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    if arguments.json:
        report = document(trained, rows, str(arguments.out), len(body))
        print(json.dumps(report, indent=2))
        return
    results = _console(stderr=False)
    show(trained, rows, results)
    contract = trained.contract
    results.print(
        f"{arguments.out} ({len(body):,} bytes): model {contract.model_version}, for features"
        f" {contract.features_version}.",
        markup=False,
        soft_wrap=True,
    )


def _rows(history: History, definitions: Definitions, target: Target, console: Console) -> Rows:
    with _bars(console) as bars:
        bar = bars.add_task("replaying", total=history.total, words="")

        def on_record(count: int) -> None:
            done = history.position() if history.position is not None else count
            bars.update(bar, completed=done, words=f"{count:,} events")

        return labelled(history.records, definitions, target, on_record)


def _check_target(rows: Rows, target: Target) -> None:
    if not rows.summary.rows:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in rows.summary.invalid.most_common())
        raise ConfigurationError(
            f"The history holds no event: of {rows.summary.records:,} records"
            f" {reasons or 'none is left'}. For a table, --map says which column is which field."
        )
    if target.event_type is not None and target.event_type not in rows.types:
        found = ", ".join(f"{name or '(none)'} {n:,}" for name, n in rows.types.most_common(20))
        raise ConfigurationError(
            f"No event is of the type {target.event_type!r}; there are: {found}. Choose one with"
            f" --target TYPE, or --target {ANY}."
        )


def _trained(
    rows: Rows, definitions: Definitions, target: Target, source: str, console: Console
) -> Trained:
    with _bars(console) as bars:
        bar = bars.add_task("fitting", total=None, words="")
        steps = {"done": 0}

        def on_step(name: str, more: int) -> None:
            # How much is to come is known in parts: the models, then the rules.
            bars.update(bar, completed=steps["done"], total=steps["done"] + more + 1, words=name)
            steps["done"] += 1

        return train(rows, definitions, target, source, on_step)


@contextlib.contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as bars:
        yield bars


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
