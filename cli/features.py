"""`millrace features`: what they are by features.toml, what they are now, and what they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError, InvalidEvent, StateError
from millrace.events import read_time_ms
from millrace.features.definitions import Definitions, load
from millrace.features.entry import storage_key
from millrace.features.plan import Plan, plans_of
from millrace.features.replay import Replay
from millrace.features.store import Key, Store

from cli.commands import (
    EntityOption,
    FormatOption,
    JsonOption,
    LocalOption,
    MapOption,
    MillraceCommand,
    StackOption,
    epilog,
    finish,
    new_group,
    surroundings,
)
from cli.definition_tables import print_features, print_summary
from cli.feature_tables import Found, print_found
from cli.histories import History, history_in, history_of
from cli.inputs import Layout
from cli.output import complain, print_json
from cli.progress import progress, watched
from cli.replays import show_replay
from cli.surroundings import Surroundings
from cli.training_rows import rows_to

app = new_group()

DefinitionsArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", help="A features.toml (MILLRACE_FEATURES; ./features.toml by default)."
    ),
]


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace features get customer-0007",
        "millrace features get --local customer-0007 customer-0008",
        "millrace features get customer-0007 --at 2026-01-31T12:00:00Z --json",
        s0="every key has features",
        s1="something is not known, or could not be read",
    ),
)
def get(
    ctx: typer.Context,
    keys: Annotated[
        list[str], typer.Argument(metavar="KEY", help="Such as a user's id, as events have it.")
    ],
    entity: EntityOption = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="As of this time, ISO 8601 or Unix; now by default. A time before a key's newest"
            " event is taken as that event's: what came since cannot be undone.",
        ),
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    local: LocalOption = None,
) -> None:
    """Show the features of users (or items, or devices), as of now.

    Windows are evaluated at that moment from what the table holds: a count falls as time passes,
    without a write.
    """
    around = surroundings(ctx)
    at_ms = around.now_ms() if at is None else _time_ms(at)
    target = around.target(stack, local)
    definitions = around.definitions(target)
    plan = _plan(definitions, entity)
    store = around.connect(target).store(definitions)
    found = list(_found(store, definitions, plan, keys, at_ms))
    if as_json:
        shown = [one.document for one in found]
        print_json({"target": target.where, "entity": plan.entity.name, "keys": shown})
    for one in found:
        if one.problem is not None:
            complain(f"{plan.entity.name} {one.key!r}: {one.problem}")
        elif one.entry is None:
            complain(f"No features of {plan.entity.name} {one.key!r} on {target.where}.")
        elif not as_json:
            print_found(one)
    finish(all(one.entry is not None for one in found))


def _found(
    store: Store, definitions: Definitions, plan: Plan, keys: Sequence[str], at_ms: int
) -> Iterator[Found]:
    """What is stored of each key, each once. Raises Unavailable."""
    places = {key: Key(storage_key(definitions, plan, key), plan) for key in keys}
    entries = store.read(list(places.values()))
    for key, place in places.items():
        entry = entries[place.storage]
        if isinstance(entry, StateError):
            yield Found(key, plan, None, at_ms, str(entry))
        elif isinstance(entry, Exception):
            raise entry
        else:
            yield Found(key, plan, entry, at_ms)


def _time_ms(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = None
    try:
        return read_time_ms(text if value is None else value, "--at")
    except InvalidEvent as error:
        raise ConfigurationError(f"{error}.") from error


def _plan(definitions: Definitions, entity: str | None) -> Plan:
    chosen = definitions.primary if entity is None else definitions.entity(entity)
    return plans_of(definitions)[definitions.entities.index(chosen)]


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace features check",
        "millrace features check drafts/features.toml --json",
        s0="the file is valid",
        s2="it is not: file, line, key and what is allowed are named",
    ),
)
def check(
    ctx: typer.Context, file: DefinitionsArgument = None, as_json: JsonOption = False
) -> None:
    """Say what a features.toml means, or what is wrong with it."""
    print_summary(_definitions(surroundings(ctx), file), as_json=as_json)


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace features show",
        "millrace features show --entity user --json",
        s0="the file is valid",
        s2="it is not: file, line, key and what is allowed are named",
    ),
)
def show(
    ctx: typer.Context,
    file: DefinitionsArgument = None,
    entity: EntityOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every feature that a features.toml computes, by its name, with its meaning."""
    definitions = _definitions(surroundings(ctx), file)
    plans = plans_of(definitions) if entity is None else [_plan(definitions, entity)]
    print_features(list(plans), as_json=as_json)


def _definitions(around: Surroundings, file: Path | None) -> Definitions:
    return around.definitions() if file is None else load(file)


HistoryArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A history in its order of arrival: JSON lines, CSV or TSV, plain or gzipped; - is"
        " standard input. Or a folder that holds a copy of an archive.",
    ),
]


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace features replay events.jsonl --out rows.jsonl",
        "millrace features replay clicks.csv --map userId=SessionId,timestamp=Time --out rows.csv",
        "millrace features replay --archive --stack millrace --out rows.jsonl.gz",
        "millrace features replay events.jsonl | head -1 | jq .features",
        s0="there are rows; what gave none is counted",
        s1="there is no row, or not all of the history could be read",
    ),
)
def replay(
    ctx: typer.Context,
    file: HistoryArgument = None,
    archive: Annotated[
        bool,
        typer.Option(
            "--archive", help="Replay the archive of a stack that has ArchiveEvents=on, not a file."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the rows go: .jsonl or .csv, with .gz gzipped; stdout by default.",
        ),
    ] = None,
    entity: EntityOption = None,
    mapping: MapOption = None,
    form: FormatOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON (with --out only).")
    ] = False,
    stack: StackOption = None,
    local: LocalOption = None,
) -> None:
    """Write training rows: for each event the features of its key as they stood just before it.

    It is the fold that works live, so a model is trained on what it will be served. Duplicates,
    late and invalid events give no row, as they give no feature live; they are counted.
    """
    if (file is None) is not archive:
        raise ConfigurationError("Name one history: a FILE, or --archive.")
    if as_json and out is None:
        raise ConfigurationError("--json needs --out FILE: without it the rows go to stdout.")
    around = surroundings(ctx)
    began_s = around.monotonic_s()
    with contextlib.ExitStack() as exits:
        if file is None:
            target = around.target(stack, local)
            definitions = around.definitions(target)
            history = history_in(around.connect(target), target)
        else:
            definitions = around.definitions()
            layout = Layout.of(form, mapping)
            history = exits.enter_context(history_of(file, definitions, layout))
        work = Replay(definitions, entity)
        _write_rows(work, history, out)
    show_replay(work, out, around.monotonic_s() - began_s, as_json=as_json)
    finish(work.summary.rows > 0)


def _write_rows(work: Replay, history: History, out: Path | None) -> None:
    with progress("replaying", history.size) as advance, rows_to(out, work.plan) as write:
        records = watched(history.records, advance, "event", history.position)
        for row in work.rows(records):
            write(row)
