"""`millrace anomalies score`: any table with numbers, judged and drawn in the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError

from cli.anomaly_chart import draw, legend, needs_ascii
from cli.anomaly_columns import Columns, Wanted
from cli.anomaly_rows import Rows
from cli.anomaly_scoring import Episode, Judged, Scorer, verdicts_to
from cli.commands import JsonOption, MillraceCommand, epilog, finish
from cli.figures import NOTHING, duration, moment
from cli.inputs import STANDARD_INPUT, opened
from cli.output import (
    WIDE,
    complain,
    print_json,
    print_line,
    print_table,
    print_wrapped,
    quantity,
    say,
    stdout,
)
from cli.progress import progress, watched

_WIDEST = 120
_LISTED = 50

TimeOption = Annotated[
    str | None,
    typer.Option("--time", metavar="COLUMN", help="The column of times; guessed by default."),
]
TimeFormatOption = Annotated[
    str | None,
    typer.Option(
        "--time-format",
        metavar="FORMAT",
        help="How times are written, as strptime has it, such as %d/%m/%Y; seen by default.",
    ),
]
ValueOption = Annotated[
    list[str] | None,
    typer.Option(
        "--value",
        metavar="COLUMN",
        help="A column of values; guessed by default, and each a series where there are several."
        " May be repeated.",
    ),
]
SeriesColumnOption = Annotated[
    str | None,
    typer.Option(
        "--series-column",
        metavar="COLUMN",
        help="The column that names the series of a row; guessed by default.",
    ),
]
FileArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="CSV, TSV or JSON lines, plain or gzipped; - is standard input."
    ),
]

EXAMPLES = epilog(
    "millrace anomalies score cpu.csv",
    "millrace anomalies score metrics.csv --time ts --value cpu --value memory --draw 2",
    "millrace anomalies score metrics.csv.gz --series-column host --out scored.csv --json",
    "kubectl top … | millrace anomalies score - --fail-on-alert",
    s0="the file was scored",
    s1="a line could not be read, or with --fail-on-alert something is strange",
)


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(name="score", cls=MillraceCommand, epilog=EXAMPLES)(score)


def score(
    file: FileArgument,
    time: TimeOption = None,
    value: ValueOption = None,
    series_column: SeriesColumnOption = None,
    time_format: TimeFormatOption = None,
    sensitivity: Annotated[
        float, typer.Option(metavar="N", help="Above 1 for more alerts, below for fewer.")
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write every value with score, alert, band and reason to this CSV."
        ),
    ] = None,
    drawn: Annotated[
        int,
        typer.Option(
            "--draw", metavar="N", min=0, help="Draw so many series, the strangest first."
        ),
    ] = 3,
    fail_on_alert: Annotated[
        bool, typer.Option("--fail-on-alert", help="Exit with 1 where something is strange.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Score any table of numbers with the detector, and draw it. It needs no database.

    Each row is judged by the rows before it, in the order of the file. Columns are guessed from
    their names and contents, and said. Where a table has no times, no hour of the day is learned.
    """
    if out is not None and file != STANDARD_INPUT and out.exists() and out.samefile(file):
        raise ConfigurationError(f"--out {out} is the file that is read; name another one.")
    wanted = Wanted(time, tuple(value or ()), series_column, time_format)
    scorer = Scorer(sensitivity, draws=bool(drawn) and not as_json)
    with opened(file) as source, verdicts_to(out) as write:
        rows = Rows(source, wanted, series_name_of(source.name))
        with progress("scoring", source.size) as advance:
            scorer.score(watched(rows, advance, "row", source.position), write)
    if as_json:
        print_json(_document(scorer, rows.columns, file, out))
    else:
        _show(scorer, rows.columns, file, out, drawn)
    _complain(scorer, file)
    found = any(one.episodes for one in scorer.series.values())
    finish(not scorer.bad and not (fail_on_alert and found))


def series_name_of(name: str) -> str:
    """What a file's series is called where nothing in it says so."""
    stem = Path(name).name.removesuffix(".gz")
    return Path(stem).stem if name != "standard input" else "default"


def _show(scorer: Scorer, columns: Columns, file: str, out: Path | None, drawn: int) -> None:
    say(f"{file}: {columns.words()}")
    strangest = sorted(
        scorer.series.values(),
        key=lambda one: max((e.peak_score for e in one.episodes), default=0.0),
        reverse=True,
    )
    for one in strangest[:drawn]:
        _print_chart(one)
    if drawn and strangest:
        print_line(legend(ascii_only=needs_ascii()))
    episodes = scorer.episodes()
    if episodes:
        _print_episodes(episodes)
    _print_sum(scorer, episodes, out)


def _print_chart(one: Judged) -> None:
    if one.sketch is None:
        return
    width = min(_WIDEST, stdout().width)
    title = f"{one.series}{' (rate per second)' if one.of_rate else ''}"
    print_line(f"{title}  {_span(one)}", style="bold")
    for line in draw(one.sketch.dabs(), width=width, ascii_only=needs_ascii()):
        print_line(line)
    print_line()


def _span(one: Judged) -> str:
    if one.first_ms is None or one.last_ms is None:
        return quantity(one.points, "value")
    return f"{moment(one.first_ms)} to {moment(one.last_ms)}, {quantity(one.points, 'value')}"


def _print_episodes(episodes: Sequence[Episode]) -> None:
    several = len({one.series for one in episodes}) > 1
    if stdout().width < WIDE:
        _print_narrow(episodes[:_LISTED], several=several)
    else:
        columns = ["alert", *(["series"] if several else []), "lasts", "points", "score", "reason"]
        print_table(
            columns,
            [_row(one, several=several) for one in episodes[:_LISTED]],
            right=("points", "score"),
        )
    if len(episodes) > _LISTED:
        print_line(f"… and {len(episodes) - _LISTED:,} more; --json has all of them.")


def _print_narrow(episodes: Sequence[Episode], *, several: bool) -> None:
    """Two lines or three for each: beside other columns a reason would be two words wide."""
    for one in episodes:
        start, *series, length, _, score, reason = _row(one, several=several)
        figures = [quantity(one.points, "point"), f"score {score}"]
        lasts = [] if length == NOTHING else [length]
        print_line("  ".join([start, *series, *lasts, *figures]))
        print_wrapped(reason)
    print_line()


def _row(one: Episode, *, several: bool) -> list[str]:
    return [
        _when(one),
        *([one.series] if several else []),
        _length(one),
        f"{one.points:,}",
        f"{one.peak_score:.2f}",
        one.reason,
    ]


def _when(one: Episode) -> str:
    return f"line {one.line:,}" if one.start_ms is None else moment(one.start_ms)


def _length(one: Episode) -> str:
    if one.start_ms is None or one.end_ms is None or one.end_ms <= one.start_ms:
        return NOTHING
    return duration((one.end_ms - one.start_ms) / 1000)


def _print_sum(scorer: Scorer, episodes: Sequence[Episode], out: Path | None) -> None:
    points = sum(one.points for one in scorer.series.values())
    parts = [
        f"{quantity(points, 'value')} in {quantity(len(scorer.series), 'series', 'series')}",
        quantity(len(episodes), "alert"),
    ]
    if empty := sum(one.empty for one in scorer.series.values()):
        parts.append(f"{empty:,} empty")
    print_line(f"{', '.join(parts)}.{'' if out is None else f' All of it: {out}'}")


def _complain(scorer: Scorer, file: str) -> None:
    """Everything about the file that a person should know, on stderr."""
    for line, problem in scorer.problems[:5]:
        complain(f"{file}, line {line}: {problem}")
    if scorer.bad > 5:
        complain(f"{file}: {scorer.bad:,} lines could not be read; the first are above.")
    if backwards := sum(one.backwards for one in scorer.series.values()):
        say(f"{quantity(backwards, 'row')} went back in time: rows are judged as they come.")
    short = [one for one in scorer.series.values() if one.points <= 100]
    if short:
        say(
            f"{quantity(len(short), 'series', 'series')} of at most 100 values: nothing is judged"
            " before the 101st."
        )


def _document(scorer: Scorer, columns: Columns, file: str, out: Path | None) -> dict[str, object]:
    return {
        "file": file,
        "columns": columns.document(),
        "rows": scorer.rows,
        "bad_lines": scorer.bad,
        "problems": [one._asdict() for one in scorer.problems],
        "out": None if out is None else os.fspath(out),
        "series": [
            {
                "series": one.series,
                "values": one.points,
                "empty": one.empty,
                "back_in_time": one.backwards,
                "first_ms": one.first_ms,
                "last_ms": one.last_ms,
                "of_rate": one.of_rate,
                "alerts": len(one.episodes),
                "episodes": [_episode(episode) for episode in one.episodes],
            }
            for one in scorer.series.values()
        ],
    }


def _episode(one: Episode) -> dict[str, object]:
    names = [name for name in Episode.__slots__ if name != "series"]
    return {name: getattr(one, name) for name in names}
