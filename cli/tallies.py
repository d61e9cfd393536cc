"""What `millrace events` has found and done, on the screen or as JSON."""

from __future__ import annotations

from typing import NamedTuple

from millrace.errors import MillraceError

from cli.checking import Tally
from cli.figures import NOTHING, counted, duration, moment
from cli.output import print_facts, print_json, print_line, print_table, quantity, say
from cli.target import Target

_NO_TYPE = "(none)"
_PROBLEMS_SHOWN = 10


class Sent(NamedTuple):
    """A file that was put on the stream; `stopped` is what kept it from its end.

    Attributes:
        tally: what was read.
        events: how many are certainly on the stream.
        upto: the last line of which all is there that should be.
    """

    tally: Tally
    events: int
    upto: int
    seconds: float
    stopped: MillraceError | KeyboardInterrupt | None

    @property
    def complete(self) -> bool:
        """Whether the whole file was read and put."""
        return self.stopped is None


def show_check(tally: Tally, name: str, *, as_json: bool, verdict: str = "") -> None:
    """Show what was read, and what is wrong with it; `verdict` says what follows from it."""
    if as_json:
        print_json({"file": name, **tally.document})
        return
    print_facts(
        [
            ("valid events", f"{tally.valid:,}"),
            ("invalid lines", f"{tally.invalid:,}{_reasons(tally)}"),
            ("from", _time(tally.first_ms)),
            ("to", _time(tally.last_ms)),
            ("types", counted({kind or _NO_TYPE: n for kind, n in tally.types.items()}) or NOTHING),
            ("without an id", f"{tally.without_id:,}"),
        ],
        title=name,
    )
    _show_problems(tally)
    if verdict:
        print_line(verdict)


def verdict_of(tally: Tally, where: str) -> str:
    """What a send that was only tried, or refused, says at its end."""
    if tally.left_out:
        left_out = quantity(tally.left_out, "line is", "lines are")
        return f"Nothing was sent: {left_out} invalid, and would not go to {where}."
    for_quarantine = f", {tally.invalid:,} of them for quarantine" if tally.invalid else ""
    events = quantity(tally.lines, "event")
    return f"Nothing was sent: {events} would go to {where}{for_quarantine}."


def show_sent(sent: Sent, name: str, target: Target, *, as_json: bool) -> None:
    """Show what was sent, and where to go on where it was not all."""
    tally = sent.tally
    if as_json:
        print_json(
            {
                "file": name,
                "target": target.where,
                "stream": target.places.stream,
                "sent": sent.events,
                "complete": sent.complete,
                "next_line": None if sent.complete else sent.upto + 1,
                "seconds": round(sent.seconds, 3),
                **tally.document,
            }
        )
    else:
        _print_sent(sent, name, target)
        _show_problems(tally)
    if not sent.complete:
        say(
            f"Stopped: {quantity(sent.events, 'event')} of {name} up to line {sent.upto:,} are on"
            f" the stream; go on with --from-line {sent.upto + 1}."
        )


def _print_sent(sent: Sent, name: str, target: Target) -> None:
    tally = sent.tally
    rate = f" ({sent.events / sent.seconds:,.0f} a second)" if sent.seconds else ""
    facts = [("sent", f"{quantity(sent.events, 'event')} in {duration(sent.seconds)}{rate}")]
    if not sent.complete:
        facts.append(("read so far", quantity(tally.lines, "line")))
    elif for_quarantine := tally.invalid - tally.left_out:
        facts.append(("among them", f"{quantity(for_quarantine, 'invalid line')}, for quarantine"))
    if tally.left_out:
        facts.append(("not sent", quantity(tally.left_out, "invalid line")))
    if tally.invalid:
        facts.append(("invalid are", counted(dict(tally.reasons))))
    facts.append(("to", f"stream {target.places.stream} of {target.where}"))
    print_facts(facts, title=name)


def _show_problems(tally: Tally) -> None:
    if not tally.problems:
        return
    print_table(
        ("line", "reason", "problem"),
        [(f"{one.line:,}", one.reason, one.message) for one in tally.problems[:_PROBLEMS_SHOWN]],
        right=("line",),
    )
    if (more := tally.invalid - _PROBLEMS_SHOWN) > 0:
        print_line(f"… and {more:,} more; --report FILE writes them all.")
    if not tally.valid:
        print_line("No line is valid: does --map name the columns (FIELD=COLUMN)?")


def _reasons(tally: Tally) -> str:
    return f" ({counted(dict(tally.reasons))})" if tally.reasons else ""


def _time(time_ms: int | None) -> str:
    return NOTHING if time_ms is None else moment(time_ms)
