"""`millrace anomalies backfill`: the past, judged as if it had come in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated

import orjson
import typer
from millrace.anomaly.history import Historian, History, Loaded
from millrace.anomaly.metrics import Metric, read
from millrace.anomaly.sql_store import Database
from millrace.connector_hub import Delivery
from millrace.errors import ConfigurationError, InvalidEvent

from cli.anomaly_columns import Wanted
from cli.anomaly_place import DatabaseOption, environment, opened, place_name
from cli.anomaly_rows import Bad, Row, Rows, missing
from cli.anomaly_score import (
    SeriesColumnOption,
    TimeFormatOption,
    TimeOption,
    ValueOption,
    series_name_of,
)
from cli.anomaly_scoring import Problem
from cli.commands import JsonOption, MillraceCommand, epilog, finish, surroundings
from cli.inputs import opened as opened_file
from cli.output import complain, print_json, print_line, print_table, quantity, say
from cli.progress import progress, watched

_BATCH = 1000
_PROBLEMS_KEPT = 20

EXAMPLES = epilog(
    "millrace anomalies backfill",
    "millrace anomalies backfill --series host1.cpu",
    "millrace anomalies backfill history.csv.gz --series host1.cpu",
    "millrace anomalies backfill export.csv --time ts --series-column host --value cpu --dry-run",
    s0="the past is judged, and all of the file is in the database",
    s1="a line of the file could not be read, or a series was left out",
)


FileArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="History to load first: CSV, TSV or JSON lines, plain or gzipped; - is standard"
        " input. Without it, what stands in the database is judged.",
    ),
]
SeriesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--series",
        metavar="NAME",
        help="Only this series; with FILE, the series of rows that name none. May be repeated.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(name="backfill", cls=MillraceCommand, epilog=EXAMPLES)(backfill)


@dataclass(slots=True)
class _Loaded:
    """What became of a file."""

    rows: int = 0
    empty: int = 0
    bad: int = 0
    report: Loaded = field(default_factory=Loaded)
    series: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def spoil(self, line: int, problem: str) -> None:
        """Count a line that cannot be used."""
        self.bad += 1
        if len(self.problems) < _PROBLEMS_KEPT:
            self.problems.append(Problem(line, problem))


def backfill(
    ctx: typer.Context,
    file: FileArgument = None,
    series: SeriesOption = None,
    time: TimeOption = None,
    value: ValueOption = None,
    series_column: SeriesColumnOption = None,
    time_format: TimeFormatOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let the detector learn the past: rows that came late, by other ways, or from a file.

    Each series with rows that the detector has not judged is judged anew, from its oldest row to
    its newest, and live events go on from there. It is safe to stop and to run again: what is
    loaded is not loaded twice, and judging goes on where it was.

    Alerts of the past are kept, muted and acknowledged, and never sent. A series whose older rows
    are gone from the database is left out unless --series names it: its detector would forget them.
    """
    names = list(series or ())
    if file is not None and len(names) > 1:
        raise ConfigurationError("--series names one series where a FILE is loaded.")
    only_read = file is not None and dry_run
    at = None if only_read else opened(ctx, database, make=file is not None)
    loaded = None
    if file is not None:
        wanted = Wanted(time, tuple(value or ()), series_column, time_format)
        loaded = _load(ctx, at, file, wanted, names[0] if names else None)
        names = sorted(loaded.series)
    histories = [] if at is None else Historian(at).histories(surroundings(ctx).now_ms())
    chosen, left = _chosen(histories, names, from_file=file is not None)
    done = _judged(ctx, at, chosen) if at is not None and not dry_run else {}
    where = place_name(environment(ctx, database))
    if as_json:
        print_json(_document(where, dry_run, loaded, chosen, left, done))
    else:
        _show(where, dry_run, loaded, chosen, done)
    _complain(file, loaded, left)
    finish(not left and (loaded is None or not loaded.bad))


def _complain(file: str | None, loaded: _Loaded | None, left: Sequence[History]) -> None:
    """What a person should know, on stderr."""
    for one in left:
        complain(
            f"{one.series} was left out: its detector knows {one.known:,} events, and the database"
            f" holds {one.rows:,}; --series {one.series} judges it all the same."
        )
    if loaded is None:
        return
    for line, problem in loaded.problems[:5]:
        complain(f"{file}, line {line}: {problem}")
    if loaded.bad > 5:
        complain(f"{file}: {loaded.bad:,} lines could not be used; the first are above.")


def _chosen(
    histories: Sequence[History], names: Sequence[str], *, from_file: bool
) -> tuple[list[History], list[History]]:
    """What is to be judged, and what is left out. Raises ConfigurationError."""
    known = {one.series: one for one in histories}
    if names and not from_file:
        for name in names:
            if name not in known:
                raise ConfigurationError(f"There are no rows of a series {name!r} to be judged.")
        return [known[name] for name in dict.fromkeys(names)], []
    waiting = [one for one in histories if one.waits and (not names or one.series in names)]
    return [one for one in waiting if not one.cut], [one for one in waiting if one.cut]


def _load(
    ctx: typer.Context, at: Database | None, file: str, wanted: Wanted, series: str | None
) -> _Loaded:
    """Put a file through the pipeline, its alerts muted; with no database it is only read."""
    loaded = _Loaded()
    now_ms = surroundings(ctx).now_ms()
    with opened_file(file) as source:
        rows = Rows(source, wanted, series or series_name_of(source.name))
        if rows.columns.time is None:
            raise ConfigurationError(
                f"{source.name}: no column looks like times, which history needs; say which one"
                " with --time, and how they are written with --time-format."
            )
        say(f"{source.name}: {rows.columns.words()}")
        with progress("loading", source.size) as advance:
            every = watched(rows, advance, "row", source.position)
            for batch in _batched(_metrics(every, now_ms, loaded)):
                loaded.series |= {metric.series for metric in batch}
                if at is not None:
                    loaded.report = loaded.report.plus(Historian(at).load(batch, now_ms))
    return loaded


def _metrics(rows: Iterable[Row | Bad], now_ms: int, loaded: _Loaded) -> Iterator[Metric]:
    for row in rows:
        if isinstance(row, Bad):
            loaded.spoil(row.line, row.problem)
            continue
        loaded.rows += 1
        if missing(row):
            loaded.empty += 1
            continue
        event = {"id": row.id, "series": row.series, "time": row.time_ms, "metric": row.value}
        if row.id is None:
            event["id"] = id_of(row)
        try:
            yield read(Delivery(None, None, orjson.dumps(event), None), now_ms)
        except InvalidEvent as error:
            loaded.spoil(row.line, str(error))


def id_of(row: Row) -> str:
    """The id of a row that has none: of its series, time and value, so that it is always the same.

    >>> id_of(Row(2, "cpu", 1000, 1.5, None)) == id_of(Row(7, "cpu", 1000, 1.5, None))
    True
    """
    text = f"{row.series}\0{row.time_ms}\0{row.value!r}"
    return f"h-{sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:20]}"


def _batched(metrics: Iterator[Metric]) -> Iterator[list[Metric]]:
    batch: list[Metric] = []
    for metric in metrics:
        batch.append(metric)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _judged(
    ctx: typer.Context, at: Database, chosen: Sequence[History]
) -> dict[str, dict[str, int]]:
    """Judge these series to their ends; how many rows, strange ones and new alerts each had."""
    historian = Historian(at)
    done: dict[str, dict[str, int]] = {}
    before = 0
    with progress("judging", sum(one.rows for one in chosen)) as advance:
        for one in chosen:
            counts: Counter[str] = Counter()
            for passed in historian.judge(one.series, surroundings(ctx).now_ms()):
                counts["rows"] = passed.rows
                counts["strange"] += passed.strange
                counts["alerts"] += passed.alerts
                advance(before + passed.rows, one.series)
            before += one.rows
            done[one.series] = dict(counts)
    return done


def _show(
    where: str,
    dry_run: bool,
    loaded: _Loaded | None,
    chosen: Sequence[History],
    done: dict[str, dict[str, int]],
) -> None:
    if loaded is not None:
        _show_loaded(loaded, dry_run)
    if chosen:
        print_table(
            ("series", "rows", "not judged before", "strange", "new alerts, not sent"),
            [_row(one, done.get(one.series)) for one in chosen],
            right=("rows", "not judged before", "strange", "new alerts, not sent"),
        )
    elif loaded is None:
        print_line(f"Nothing waits in {where}: the detector has judged every row, in order.")
    if dry_run:
        print_line("Nothing was changed: --dry-run.")


def _row(one: History, done: dict[str, int] | None) -> tuple[str, ...]:
    counts = ("–", "–") if done is None else (f"{done['strange']:,}", f"{done['alerts']:,}")
    return (one.series, f"{one.rows:,}", f"{one.unjudged:,}", *counts)


def _show_loaded(loaded: _Loaded, dry_run: bool) -> None:
    total = quantity(loaded.rows - loaded.empty, "value")
    names = quantity(len(loaded.series), "series", "series")
    if dry_run:
        print_line(f"{total} of {names} would be loaded.")
        return
    report = loaded.report
    parts = [f"{report.stored:,} stored"]
    if report.there:
        parts.append(f"{report.there:,} were there")
    if report.quarantined:
        parts.append(f"{report.quarantined:,} in quarantine, for their ids are taken")
    print_line(
        f"{total} of {names}: {', '.join(parts)};"
        f" {quantity(report.alerts, 'alert')} of the past, kept and not sent."
    )


def _document(
    where: str,
    dry_run: bool,
    loaded: _Loaded | None,
    chosen: Sequence[History],
    left: Sequence[History],
    done: dict[str, dict[str, int]],
) -> dict[str, object]:
    file = None
    if loaded is not None:
        report = loaded.report
        file = {
            "rows": loaded.rows,
            "empty": loaded.empty,
            "bad_lines": loaded.bad,
            "problems": [one._asdict() for one in loaded.problems],
            "stored": report.stored,
            "already_there": report.there,
            "quarantined": report.quarantined,
            "alerts": report.alerts,
            "series": sorted(loaded.series),
        }
    judged = [{**one._asdict(), "judged": done.get(one.series)} for one in chosen]
    return {
        "database": where,
        "dry_run": dry_run,
        "file": file,
        "series": judged,
        "left_out": [one._asdict() for one in left],
    }
