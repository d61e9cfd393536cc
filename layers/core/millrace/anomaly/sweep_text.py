"""sql/sweep.sql as statements."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

# Which statements of a pass tell what it did.
SETTLE, ROWS, STRANGE, ALERTS = "settle", "rows", "strange", "alerts"


class Step(NamedTuple):
    """One statement; `label` says what it is counted as."""

    label: str
    text: str


@cache
def steps() -> tuple[Step, ...]:
    """Every statement of a pass, in order, without comments and semicolon."""
    text = files("millrace.anomaly").joinpath("sql/sweep.sql").read_text(encoding="utf-8")
    found = []
    for part in text.split("-- :")[1:]:
        comment, statement = part.split("\n", 1)
        found.append(Step(comment.split()[0], statement.strip().rstrip(";")))
    return tuple(found)
