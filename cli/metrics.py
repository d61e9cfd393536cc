"""`millrace metrics`: tables of metrics, checked and put on OCI Streaming."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

import typer
from millrace.anomaly.kafka import KafkaProducer, StreamPool
from millrace.anomaly.outgoing import Outgoing, outgoing
from millrace.anomaly.streaming import StreamingProducer
from millrace.errors import ConfigurationError, InvalidEvent
from millrace.table_rows import Line

from cli.anomaly_columns import Wanted
from cli.anomaly_rows import Bad, Row, Rows, missing
from cli.anomaly_score import (
    FileArgument,
    SeriesColumnOption,
    TimeFormatOption,
    TimeOption,
    ValueOption,
)
from cli.checking import id_of_line
from cli.commands import JsonOption, MillraceCommand, epilog, finish, new_group, surroundings
from cli.figures import counted
from cli.inputs import opened
from cli.output import complain, print_facts, print_json, quantity, say
from cli.progress import progress, watched
from cli.sending import Pace
from cli.surroundings import Surroundings

app = new_group()

KafkaOption = Annotated[
    bool | None,
    typer.Option(
        "--kafka/--streaming",
        help="By Streaming's Kafka-compatible way (MILLRACE_STREAM_POOL_ID, MILLRACE_KAFKA_USER and"
        " _TOKEN; MILLRACE_KAFKA_BOOTSTRAP or MILLRACE_OCI_REGION), or by its own API, as the oci"
        " command is set up.",
        show_default=False,
    ),
]
StreamOption = Annotated[
    str | None,
    typer.Option(
        metavar="STREAM",
        help="The stream: its name with --kafka (MILLRACE_STREAM_NAME), else its OCID"
        " (MILLRACE_STREAM_ID).",
    ),
]

_SHOWN = 10
_MOST = 500


@app.callback()
def metrics() -> None:
    """Put metrics on OCI Streaming."""


class Puts(Protocol):
    """Puts metrics on a stream."""

    def put(self, events: Iterable[Outgoing]) -> int:
        """Put every event; how many there were. Raises Unavailable, ConfigurationError."""
        ...


@dataclass(slots=True)
class _Tally:
    """What became of a file's rows."""

    sent: int = 0
    series: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    left_out: int = 0

    def leave_out(self, line: int, problem: str) -> None:
        """Count a line that is no metric, and keep the first of them."""
        self.left_out += 1
        if len(self.problems) < _SHOWN:
            self.problems.append((line, problem))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Rows of a file as events."""

    name: str
    now_ms: Callable[[], int]
    tally: _Tally

    def events(self, rows: Iterable[Row | Bad]) -> Iterator[Outgoing]:
        """Those that the function would take; the others are counted."""
        for row in rows:
            if isinstance(row, Bad):
                self.tally.leave_out(row.line, row.problem)
            elif missing(row):
                self.tally.empty += 1
            elif row.time_ms is None:
                raise ConfigurationError(
                    f"{self.name} has no column of times; name one with --time COLUMN."
                )
            else:
                yield from self._event(row, row.time_ms)

    def _event(self, row: Row, time_ms: int) -> Iterator[Outgoing]:
        content = [row.series, time_ms, row.value]
        event_id = row.id or id_of_line(Path(self.name).name, Line(row.line, content))
        try:
            made = outgoing(event_id, row.series, time_ms, row.value, self.now_ms())
        except InvalidEvent as error:
            self.tally.leave_out(row.line, str(error))
            return
        self.tally.series[row.series] += 1
        yield made


@dataclass(slots=True)
class _Sender:
    """Puts events on the stream in batches; without a producer nothing is put.

    `looked_at` gives what was read to know the columns, and is not sent yet.
    """

    producer: Puts | None
    pace: Pace
    tally: _Tally
    looked_at: Callable[[], Iterable[Outgoing]] = tuple
    waiting: list[Outgoing] = field(default_factory=list)

    def send(self, events: Iterable[Outgoing]) -> None:
        """Put every event, in their order. Raises what reading and putting them raise."""
        try:
            self._add(events)
            self._flush()
        except BaseException:
            if self.tally.sent:
                there = quantity(self.tally.sent, "event is", "events are")
                say(
                    f"Stopped: {there} certainly on the stream; send the file again, for what is"
                    " there twice counts once."
                )
            raise

    def pause(self) -> None:
        """Put what has come: a source that pauses must not hold it up."""
        self._add(self.looked_at())
        self._flush()

    def _add(self, events: Iterable[Outgoing]) -> None:
        for event in events:
            self.waiting.append(event)
            if len(self.waiting) >= min(self.pace.batch, _MOST):
                self._flush()

    def _flush(self) -> None:
        if self.waiting and self.producer is not None:
            self.pace.wait(len(self.waiting))
            self.tally.sent += self.producer.put(self.waiting)
        self.waiting.clear()


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace metrics send cpu.csv --kafka --stream anomaly-events-stream",
        "millrace metrics send metrics.jsonl --streaming --stream ocid1.stream.oc1…",
        "millrace metrics send metrics.csv.gz --time ts --value cpu --value memory --dry-run",
        "cat metrics.csv | millrace metrics send - --kafka --rate 100",
        s0="every row with a value is on the stream",
        s1="something was not sent: a line is no metric, or the stream did not take it",
    ),
)
def send(
    ctx: typer.Context,
    file: FileArgument,
    kafka: KafkaOption = None,
    stream: StreamOption = None,
    time: TimeOption = None,
    value: ValueOption = None,
    series_column: SeriesColumnOption = None,
    time_format: TimeFormatOption = None,
    series: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The series of rows that name none; the file's name."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", min=0.01, help="At most so many events a second.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read and check, and send nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a table's metrics on the stream, each under its series, in the order of the file.

    Columns are guessed as by anomalies score, and said. A row without an id gets one that is made
    of the file's name, its line and its content: sending the file again counts nothing twice. Rows
    without a value are left out; what the function would refuse is not sent, and is listed.
    """
    around, tally = surroundings(ctx), _Tally()
    producer = None if dry_run else _producer(around, kafka, stream)
    sender = _Sender(producer, Pace(rate, around.monotonic_s, around.sleep), tally)
    wanted = Wanted(time, tuple(value or ()), series_column, time_format)
    with opened(file, on_pause=sender.pause) as source:
        rows = Rows(source, wanted, series or _name_of(source.name))
        reader = _Reader(source.name, around.now_ms, tally)
        sender.looked_at = lambda: reader.events(rows.so_far())
        with progress("sending", source.size) as advance:
            read = watched(rows, advance, "row", source.position)
            sender.send(reader.events(read))
    if not as_json:
        say(f"{file}: {rows.columns.words()}")
    _show(tally, file, dry_run, as_json=as_json)
    finish(not tally.left_out)


def _producer(around: Surroundings, kafka: bool | None, stream: str | None) -> Puts:
    environ = around.environment
    if kafka is None:
        raise ConfigurationError("Say how: --kafka, or --streaming for the service's own API.")
    variable = "MILLRACE_STREAM_NAME" if kafka else "MILLRACE_STREAM_ID"
    stream = stream or environ.get(variable)
    if not stream:
        raise ConfigurationError(f"Say which stream: --stream, or {variable}.")
    if stream.startswith("ocid1.") == kafka:
        wanted = "its name, not its OCID" if kafka else "its OCID, not its name"
        raise ConfigurationError(f"--stream {stream}: this way a stream is known by {wanted}.")
    return KafkaProducer(StreamPool.of(environ), stream) if kafka else StreamingProducer(stream)


def _name_of(name: str) -> str:
    stem = Path(name).name.removesuffix(".gz")
    return Path(stem).stem if name != "standard input" else "default"


def _show(tally: _Tally, file: str, dry_run: bool, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "file": file,
                "sent": tally.sent,
                "valid": tally.series.total(),
                "series": dict(tally.series),
                "empty": tally.empty,
                "left_out": tally.left_out,
                "problems": [{"line": line, "problem": told} for line, told in tally.problems],
            }
        )
        return
    done = ("would be sent", tally.series.total()) if dry_run else ("sent", tally.sent)
    facts = [(done[0], quantity(done[1], "event")), ("series", counted(dict(tally.series)))]
    if tally.empty:
        facts.append(("without a value", quantity(tally.empty, "row")))
    if tally.left_out:
        facts.append(("not sent", quantity(tally.left_out, "invalid line")))
    print_facts(facts, title=file)
    for line, told in tally.problems:
        complain(f"{file}, line {line}: {told}")
