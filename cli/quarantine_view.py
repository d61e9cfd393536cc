"""Quarantine on the screen, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from millrace.features.kept import Kept

from cli.figures import counted
from cli.judging import Judged, totals
from cli.kept_objects import Kind, described, records_in
from cli.output import print_facts, print_line, quantity

_RECORDS_SHOWN = 10
_TEXT_SHOWN = 4_000


def object_document(one: Judged) -> dict[str, object]:
    """An object in short, for machines."""
    document: dict[str, object] = {"key": one.key, "kind": one.kind}
    if one.kept is not None:
        found = described(one.kept)
        document |= {
            "reason": found.reason,
            "message": found.message,
            "whose": found.whose,
            "time": found.time,
            "records": found.records,
        }
    document["events"] = dict(one.events)
    document["problem"] = one.problem
    document["redriven_before"] = one.before is not None
    return document


def print_object(one: Judged) -> None:
    """Print an object in short. Its key stands alone on a line, whole, to be copied."""
    print_line(one.key, style="bold")
    parts: list[str] = [one.kind or "", *_in_short(one)]
    print_line(f"  {' · '.join(part for part in parts if part)}")
    if one.kept is not None and (message := described(one.kept).message):
        print_line(f"  {message}", style="dim")
    if one.problem is not None:
        print_line(f"  cannot be redriven: {one.problem}", style="red")
    if one.before is not None:
        print_line("  was redriven before: nothing of it is left in quarantine")


def _in_short(one: Judged) -> list[str]:
    found = [] if one.kept is None else _facts_in_short(one.kept)
    return [*found, status_line(one.events)]


def _facts_in_short(kept: Kept) -> list[str]:
    found = described(kept)
    # "late" says no more than the kind does.
    reason = "" if found.reason in set(Kind) else found.reason
    records = quantity(found.records, "record") if found.records != 1 else ""
    return [reason, found.whose, found.time, records]


def status_line(events: Mapping[str, int]) -> str:
    """What is true of events: alone where there is one, else with how many there are.

    >>> status_line({"missing": 1}), status_line({"missing": 2, "undetermined": 1})
    ('missing', '2 missing, 1 undetermined')
    """
    if len(events) == 1 and next(iter(events.values())) == 1:
        return next(iter(events))
    return ", ".join(f"{count:,} {status}" for status, count in sorted(events.items()))


def print_kept(one: Judged) -> None:
    """Print an object with everything in it."""
    assert one.kept is not None
    print_object(one)
    content = one.kept.content
    shown = ("stream", "shardId", "sequenceNumber", "subSequenceNumber", "entity", "hole")
    facts = [(name, content[name]) for name in shown if content.get(name) not in (None, 0)]
    if facts:
        print_facts(facts)
    records = list(records_in(one.kept))
    for record in records[:_RECORDS_SHOWN]:
        print_line()
        if len(records) > 1:
            names = (record.sequence_number, record.partition_key, record.arrival)
            print_line(" · ".join(name for name in names if name), style="dim")
        text = record.text
        cut = len(text) > _TEXT_SHOWN
        print_line(text[:_TEXT_SHOWN] + ("… (all of it: --json)" if cut else ""))
    if more := len(records) - _RECORDS_SHOWN:
        print_more(more, "record")


def print_more(more: int, unit: str) -> None:
    """Say that there is more than is shown."""
    if more > 0:
        print_line(f"\n… and {quantity(more, f'more {unit}')}.")


def kinds_line(keys: Iterable[str]) -> str:
    """How many objects there are of each kind."""
    return counted(Counter(str(Kind.of(key)) for key in keys))


def print_totals(found: Sequence[Judged], keys: Sequence[str]) -> None:
    """Print how much there is, and what is true of it."""
    parts = [f"{quantity(len(keys), 'object')} ({kinds_line(keys)})"]
    if events := totals(found):
        parts.append(f"events: {status_line(events)}")
    if damaged := sum(one.problem is not None for one in found):
        parts.append(f"{quantity(damaged, 'object')} cannot be redriven")
    print_line("; ".join(parts))
    if len(found) < len(keys):
        print_line(f"Shown: {len(found):,}.")
