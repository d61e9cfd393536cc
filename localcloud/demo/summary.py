"""What a demo ends with: for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from localcloud.demo.checking import Check
from localcloud.lag import Lag

_SHOWN = 5
_OK = 200


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run: how old events were as features, how long predictions took.

    `refused` tells of the lines of a file that no stream would take.
    """

    check: Check
    refused: list[str]
    features_written: int
    requests: dict[str, int]
    seconds: float
    lag: Lag
    predict: Lag
    workers: str

    @property
    def exact(self) -> bool:
        """Whether nothing was lost, and every feature, of which there are some, is right."""
        return self.check.exact and self.check.applied > 0 and not self.refused

    @property
    def document(self) -> dict[str, object]:
        """The summary as `--json` writes it."""
        check = self.check
        return {
            "events": check.events,
            "features_written": self.features_written,
            "applied": check.applied,
            "duplicates": check.duplicates,
            "late": check.late,
            "quarantined": check.quarantined,
            "lost": check.lost,
            "users": next(iter(check.keys.values()), 0),
            "keys": dict(check.keys),
            "compared": check.compared,
            "mismatches": check.mismatches,
            "wrong": check.wrong,
            "exact": self.exact,
            "refused": self.refused,
            "lag_ms": self.lag._asdict(),
            "predict_ms": self.predict._asdict(),
            "predictions": self._predictions(),
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "workers": self.workers,
        }

    def rendered(self) -> RenderableType:
        """The summary for a terminal."""
        check = self.check
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(justify="right", style="bold")
        table.add_column()
        rows = [
            (check.events, "events put on the stream"),
            (self.features_written, f"feature writes, for {self._keys()}"),
            (check.duplicates, "duplicates, recognised and counted once"),
            (check.late, "late events, counted and kept aside"),
            (check.quarantined, "records in quarantine, whole, with their reason"),
        ]
        for number, words in rows:
            table.add_row(f"{number:,}", words)
        _add_lag(table, self.lag, "from event to feature")
        if check.predictions.asked:
            table.add_row(f"{check.predictions.answered:,}", self._answered())
            _add_lag(table, self.predict, "from question to prediction, over HTTP")
        calls = ", ".join(f"{count:,} {name}" for name, count in self.requests.items())
        table.add_row("", Text(f"DynamoDB: {calls}", style="dim"))
        style = "green" if self.exact else "red"
        return Panel(
            Group(table, Text(), self._verdict()),
            title="features · AWS",
            border_style=style,
            expand=False,
        )

    def _keys(self) -> str:
        """How many of each entity there are, as in "239 users and 31 items"."""
        counts = self.check.keys.items()
        return " and ".join(f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts)

    def _predictions(self) -> dict[str, object]:
        used = self.check.predictions
        return {
            "asked": used.asked,
            "answered": used.answered,
            "mismatches": used.mismatches,
            "statuses": {str(status): count for status, count in used.statuses.items()},
            "wrong": used.wrong,
        }

    def _answered(self) -> str:
        used = self.check.predictions
        others = ", ".join(
            f"{count:,} answered {status or 'nothing'}"
            for status, count in sorted(used.statuses.items())
            if status != _OK
        )
        return f"predictions on live features{f' ({others})' if others else ''}"

    def _verdict(self) -> Text:
        check = self.check
        if self.exact:
            used = check.predictions.answered
            more = ""
            if used:
                subject = f"Each of {used:,} predictions" if used > 1 else "The prediction"
                more = f" {subject} used the features of its moment."
            return Text(
                f"Exact: {check.compared:,} features of {self._keys()} equal their"
                f" recomputation from the {check.applied:,} distinct events; nothing was lost."
                f"{more}",
                style="bold green",
            )
        parts = []
        if not check.applied:
            parts.append(self._nothing_applied())
        if check.lost > 0:
            parts.append(f"{check.lost:,} events were lost.")
        elif check.lost < 0:
            parts.append(f"{-check.lost:,} events count more than once.")
        if check.mismatches:
            parts.append(f"{check.mismatches:,} of {check.compared:,} features differ:")
        if check.predictions.mismatches:
            parts.append(f"{check.predictions.mismatches:,} predictions used other features:")
        if self.refused:
            parts.append(f"{len(self.refused):,} lines are too large for any stream:")
        lines = ["Not exact. " + " ".join(parts), *check.wrong, *check.predictions.wrong]
        lines += self.refused[:_SHOWN]
        return Text("\n".join(lines), style="bold red")

    def _nothing_applied(self) -> str:
        if not self.check.first_invalid:
            return "There was no event."
        return (
            f"No event could be applied. The first problem: {self.check.first_invalid}. Where your"
            " fields have other names, give them with --map, or in features.toml."
        )


def _add_lag(table: Table, lag: Lag, words: str) -> None:
    if lag.p50 is not None and lag.p99 is not None:
        table.add_row(f"{lag.p50:,.0f} ms", f"{words}, p50 (p99 {lag.p99:,.0f} ms)")
