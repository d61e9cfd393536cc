"""One run of scripts/train: from a history to model.tar.gz, and how good the model is."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions, load
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from model.arguments import Arguments
from model.consoles import console_for
from model.outcomes import answered
from model.packaging import archive, write_archive
from model.report import document, show, warnings
from model.rows import Rows, labelled
from model.sources import History, archive_at, archive_name, opened
from model.target import ANY, Target
from model.training import Trained, train


def run(arguments: Arguments, console: Console) -> None:
    """Train, write the model, and show what was found; `console` takes progress and warnings.

    Raises MillraceError; then nothing was written.
    """
    target = Target.parse(arguments.target, arguments.within)
    definitions = load(arguments.features)
    source, rows = _history(arguments, definitions, target, console)
    trained = _trained(rows, definitions, target, source, console)
    body = archive(trained.contract, trained.model)
    write_archive(arguments.out, body)
    for line in warnings(trained, rows):
        console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    if arguments.json:
        report = document(trained, rows, str(arguments.out), len(body))
        print(json.dumps(report, indent=2))
        return
    results = console_for(sys.stdout)
    show(trained, rows, results)
    contract = trained.contract
    results.print(
        f"{arguments.out} ({len(body):,} bytes): model {contract.model_version}, for features"
        f" {contract.features_version}.",
        markup=False,
        soft_wrap=True,
    )


def _history(
    arguments: Arguments, definitions: Definitions, target: Target, console: Console
) -> tuple[str, Rows]:
    """What the rows are from, and the rows."""
    where = arguments.source
    if arguments.outcomes is not None:
        assert where is not None
        with _bars(console) as bars:
            bars.add_task("joining", total=None, words="predictions and outcomes")
            objects = archive_at(where)
            rows = answered(objects, definitions, target, arguments.outcomes, arguments.stream)
        return archive_name(where), rows
    with opened(where, definitions, arguments.mapping, arguments.stream) as history:
        rows = _rows(history, definitions, target, console)
        _check_target(rows, target)
        return history.source, rows


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
