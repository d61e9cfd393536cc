"""`millrace events`: files of events, checked and put on the stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from millrace.errors import ConfigurationError, MillraceError
from millrace.features.definitions import Definitions
from millrace.producer import new_id
from millrace.table_rows import Line

from cli.checking import Checker, Invalid, Report, Tally, id_of_line
from cli.commands import (
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
from cli.inputs import Input, Layout, opened
from cli.output import complain
from cli.problem_file import problems_to
from cli.progress import progress, watched
from cli.sending import Pace, Sender
from cli.surroundings import Surroundings
from cli.tallies import Sent, show_check, show_sent, verdict_of

app = new_group()

FileArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="JSON lines, CSV or TSV, plain or gzipped; - is standard input."
    ),
]
FromLineOption = Annotated[
    int, typer.Option(metavar="N", min=1, help="Leave out the lines before this one.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write every invalid line, with what is wrong with it, to this file as JSON lines.",
    ),
]


InvalidOption = Annotated[
    Invalid,
    typer.Option(
        metavar="|".join(Invalid),
        help="What becomes of invalid lines: they go to the stream, and so whole to quarantine,"
        " from where they can be mended and redriven; or one keeps the whole file from being"
        " sent; or they are left out, and listed.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Job:
    """One file, as the options want it read."""

    around: Surroundings
    definitions: Definitions
    layout: Layout
    from_line: int
    invalid: Invalid

    def check(self, source: Input, report: Report) -> Tally:
        """Read it to its end and send nothing."""
        checker = self._checker(source, report)
        with progress("checking", source.size) as advance:
            lines = watched(self._lines(source), advance, "line", source.position)
            for _ in checker.checked(lines):
                pass
        return checker.tally

    def send(self, source: Input, report: Report, sender: Sender) -> Sent:
        """Put it on the stream; what has kept it from its end is in the result."""
        checker = self._checker(source, report)
        began_s = self.around.monotonic_s()
        stopped: MillraceError | KeyboardInterrupt | None = None
        try:
            with progress("sending", source.size) as advance:
                lines = watched(self._lines(source), advance, "event", source.position)
                sender.send(checker.checked(lines))
        except (MillraceError, KeyboardInterrupt) as error:
            stopped = error
        seconds = self.around.monotonic_s() - began_s
        return Sent(checker.tally, sender.sent, sender.upto, seconds, stopped)

    def _lines(self, source: Input) -> Iterator[Line]:
        for line in source.lines(self.definitions, self.layout):
            if line.number >= self.from_line:
                yield line

    def _checker(self, source: Input, report: Report) -> Checker:
        # What has no name and no end cannot be read again: its events are new each time.
        identify = partial(id_of_line, Path(source.name).name)
        new = source.size is None
        return Checker(
            self.definitions,
            self.around.now_ms,
            (lambda line: new_id()) if new else identify,
            self.invalid,
            report,
        )


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace events send events.jsonl",
        "millrace events send clicks.csv.gz --map userId=SessionId,itemId=ItemId,timestamp=Time",
        "tail -f events.jsonl | millrace events send -",
        "millrace events send --local --rate 100 events.jsonl",
        "millrace events send events.jsonl --invalid skip --report problems.jsonl",
        s0="every event is on the stream, what is invalid as well, for quarantine",
        s1="something was not sent: it is named, with where to go on",
    ),
)
def send(
    ctx: typer.Context,
    file: FileArgument,
    mapping: MapOption = None,
    form: FormatOption = None,
    invalid: InvalidOption = Invalid.QUARANTINE,
    rate: Annotated[
        float | None, typer.Option(metavar="N", min=0.01, help="At most so many events a second.")
    ] = None,
    from_line: FromLineOption = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check what would be sent, and send nothing.")
    ] = False,
    report: ReportOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    local: LocalOption = None,
) -> None:
    """Put a file's events on the stream: checked, in batches, each under its entity's key.

    What the stream refuses for now is tried again. An event without an id gets one that is made of
    the file's name, its line and its content: sending the file again, say after an interruption,
    counts nothing twice. What comes through a pipe gets new ids.

    An event that is older than its entity's newest by more than the lateness of features.toml is
    late, and kept aside: send a history in the order of time.
    """
    around, layout = surroundings(ctx), Layout.of(form, mapping)
    target = around.target(stack, local)
    job = _Job(around, around.definitions(target), layout, from_line, invalid)
    cloud = around.connect(target)
    refuse = invalid is Invalid.REFUSE
    sender = Sender(cloud.producer(), Pace(rate, around.monotonic_s, around.sleep))
    with (
        problems_to(report) as noted,
        opened(file, on_pause=sender.flush, twice=refuse) as source,
    ):
        if dry_run or refuse:
            tally = job.check(source, noted)
            if dry_run or tally.invalid:
                verdict = verdict_of(tally, target.where)
                show_check(tally, source.name, as_json=as_json, verdict=verdict)
                finish(not tally.left_out)
                return
            source.stream.seek(0)
        sent = job.send(source, noted, sender)
    if sent.events or sent.complete:
        show_sent(sent, source.name, target, as_json=as_json)
    _raise_again(sent)
    finish(not sent.tally.left_out)


def _raise_again(sent: Sent) -> None:
    """End with what has stopped the sending."""
    if isinstance(sent.stopped, ConfigurationError) and sent.events:
        # The file is wrong somewhere, but it is not true that nothing was done.
        complain(str(sent.stopped))
        finish(False)
    if sent.stopped is not None:
        raise sent.stopped


@app.command(
    cls=MillraceCommand,
    epilog=epilog(
        "millrace events check events.jsonl",
        "millrace events check clicks.csv --map userId=SessionId,itemId=ItemId,timestamp=Time",
        "millrace events check events.jsonl --report problems.jsonl --json",
        s0="every line is a valid event",
        s1="some are not: they are listed",
    ),
)
def check(
    ctx: typer.Context,
    file: FileArgument,
    mapping: MapOption = None,
    form: FormatOption = None,
    from_line: FromLineOption = 1,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a file holds, and which of its lines are no valid events by features.toml.

    Nothing is sent, and no cloud is needed.
    """
    around, layout = surroundings(ctx), Layout.of(form, mapping)
    job = _Job(around, around.definitions(), layout, from_line, Invalid.SKIP)
    with problems_to(report) as noted, opened(file) as source:
        tally = job.check(source, noted)
    show_check(tally, source.name, as_json=as_json)
    finish(not tally.invalid)
