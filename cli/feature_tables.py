"""A key's features as a table: what is counted in rows, windows in columns, type by type.

A type has a line of its own above its features, so that four windows fit into 80 columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from millrace.features.entry import Entry
from millrace.features.item import iso_ms
from millrace.features.plan import Plan
from millrace.features.snapshot import Features, snapshot

from cli.figures import NOTHING, duration, figure, moment
from cli.output import print_facts, print_line, print_table, quantity

_SECONDS = "_s"
_WHENEVER = "now"


class Found(NamedTuple):
    """What is known of a key as of a moment.

    The entry is None where nothing is, or where what is stored cannot be read: that is the
    `problem` then.
    """

    key: str
    plan: Plan
    entry: Entry | None
    asked_ms: int
    problem: str | None = None

    @property
    def at_ms(self) -> int:
        """The moment that its features are of: never before its newest event."""
        latest_ms = 0 if self.entry is None else self.entry.profile.latest_ms
        return max(self.asked_ms, latest_ms)

    def features(self) -> Features | None:
        """Its features, None where nothing is known of it."""
        if self.entry is None:
            return None
        return snapshot(self.entry.profile, self.plan, self.asked_ms)

    @property
    def document(self) -> dict[str, object]:
        """What it says, for machines."""
        found: dict[str, object] = {"key": self.key, "features": self.features()}
        if self.problem is not None:
            found["problem"] = self.problem
        if self.entry is not None:
            profile = self.entry.profile
            found |= {
                "at": iso_ms(self.at_ms),
                "newest": iso_ms(profile.latest_ms) if profile.accepted else None,
                "accepted": profile.accepted,
                "late": profile.late,
                "duplicates": profile.duplicates,
                "holes": [str(hole) for hole in self.entry.holes],
            }
        return found


def print_found(found: Found) -> None:
    """Print a key's features, which there must be."""
    entry, features = found.entry, found.features()
    assert entry is not None
    assert features is not None
    profile = entry.profile
    facts = [("as of", moment(found.at_ms))]
    if profile.accepted:
        ago = duration((found.at_ms - profile.latest_ms) / 1000)
        facts.append(("newest event", f"{moment(profile.latest_ms)}, {ago} before"))
    became = f"{profile.late:,} late, {quantity(profile.duplicates, 'duplicate')}"
    facts.append(("so far", f"{profile.accepted:,} accepted, {became}"))
    if entry.holes:
        holes = quantity(len(entry.holes), "hole")
        facts.append(("incomplete", f"{holes}: see millrace quarantine list --kind gave-up"))
    print_facts(facts, title=f"{found.plan.entity.name} {found.key}")
    _print_features(found.plan, features)
    print_line()


def _print_features(plan: Plan, features: Features) -> None:
    windows = [window.name for window in plan.entity.windows]
    scopes: dict[str, dict[str, dict[str, float | int | None]]] = {}
    for name, value in features.items():
        base, _, kind = name.partition(".")
        row, window = _split(base, windows)
        scopes.setdefault(kind, {}).setdefault(row, {})[window] = value
    rows: list[tuple[str, ...]] = []
    for kind, named in scopes.items():
        rows.append((kind or "(all types)", *("" for _ in windows), ""))
        for row, by_window in named.items():
            name, *values = _cells(row, by_window, windows)
            rows.append((f"  {name}", *values))
    columns = ("feature", *windows, _WHENEVER)
    print_table(columns, rows, right=(*windows, _WHENEVER))


def _split(base: str, windows: list[str]) -> tuple[str, str]:
    """A feature's name without its window, and the window's; the latter is empty where it has none.

    >>> _split("metric_sum_15m", ["5m", "15m"]), _split("recency_s", ["5m"])
    (('metric_sum', '15m'), ('recency_s', ''))
    """
    for window in windows:
        if base.endswith(f"_{window}"):
            return base.removesuffix(f"_{window}"), window
    return base, ""


def _cells(
    row: str, by_window: Mapping[str, float | int | None], windows: list[str]
) -> tuple[str, ...]:
    cells = [figure(by_window[window]) if window in by_window else "" for window in windows]
    now = ""
    if "" in by_window:
        value = by_window[""]
        in_seconds = row in ("recency_s", "session_length_s")
        now = duration(value) if in_seconds and value is not None else figure(value)
        row = row.removesuffix(_SECONDS) if in_seconds else row
    return (row, *cells, now or ("" if "" not in by_window else NOTHING))
