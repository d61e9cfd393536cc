"""What a replay has found, on the screen or as JSON."""

from __future__ import annotations

from pathlib import Path

from millrace.features.replay import Replay
from millrace.features.version import features_version

from cli.figures import counted, duration
from cli.output import print_facts, print_json, quantity, say


def show_replay(work: Replay, out: Path | None, seconds: float, *, as_json: bool) -> None:
    """Show what became of a history; rows on stdout have only a line beside them."""
    summary = work.summary
    invalid = sum(summary.invalid.values())
    if as_json:
        print_json(
            {
                "out": None if out is None else str(out),
                "entity": work.plan.entity.name,
                "features_version": features_version(work.plan),
                "records": summary.records,
                "rows": summary.rows,
                "keys": summary.keys,
                "duplicates": summary.duplicates,
                "late": summary.late,
                "without_key": summary.without_key,
                "invalid": invalid,
                "reasons": dict(summary.invalid),
                "seconds": round(seconds, 3),
            }
        )
        return
    reasons = f" ({counted(dict(summary.invalid))})" if invalid else ""
    facts = [
        ("records", f"{summary.records:,} in {duration(seconds)}"),
        ("rows", f"{summary.rows:,} of {quantity(summary.keys, work.plan.entity.name)}"),
        ("duplicates", f"{summary.duplicates:,}"),
        ("late", f"{summary.late:,}"),
        ("invalid", f"{invalid:,}{reasons}"),
    ]
    if work.plan.index:
        facts.append((f"without {work.plan.entity.key}", f"{summary.without_key:,}"))
    if out is None:
        say("; ".join(f"{name} {text}" for name, text in facts))
    else:
        print_facts(facts, title=str(out))
