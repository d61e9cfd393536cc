"""What a demo ends with: for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from localcloud.demo.checking import Check

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run; lags in milliseconds, None where nothing was streamed.

    `refused` tells of the lines of a file that no stream would take.
    """

    check: Check
    refused: list[str]
    features_written: int
    requests: dict[str, int]
    seconds: float
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    workers: str

    @property
    def exact(self) -> bool:
        """Whether nothing was lost, and every feature is what it must be."""
        return self.check.exact and not self.refused

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
            "users": check.users,
            "compared": check.compared,
            "mismatches": check.mismatches,
            "wrong": check.wrong,
            "exact": self.exact,
            "refused": self.refused,
            "lag_ms": {"p50": self.lag_p50_ms, "p99": self.lag_p99_ms},
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
            (self.features_written, f"feature writes, for {check.users:,} users"),
            (check.duplicates, "duplicates, recognised and counted once"),
            (check.late, "late events, counted and kept aside"),
            (check.quarantined, "records in quarantine, whole, with their reason"),
        ]
        for number, words in rows:
            table.add_row(f"{number:,}", words)
        if self.lag_p50_ms is not None and self.lag_p99_ms is not None:
            lag = f"{self.lag_p50_ms:,.0f} ms"
            table.add_row(lag, f"from event to feature, p50 (p99 {self.lag_p99_ms:,.0f} ms)")
        calls = ", ".join(f"{count:,} {name}" for name, count in self.requests.items())
        table.add_row("", Text(f"DynamoDB: {calls}", style="dim"))
        style = "green" if self.exact else "red"
        return Panel(
            Group(table, Text(), self._verdict()),
            title="millrace",
            border_style=style,
            expand=False,
        )

    def _verdict(self) -> Text:
        check = self.check
        if self.exact:
            return Text(
                f"Exact: {check.compared:,} features of {check.users:,} users equal their"
                f" recomputation from the {check.applied:,} distinct events; nothing was lost.",
                style="bold green",
            )
        parts = []
        if check.lost > 0:
            parts.append(f"{check.lost:,} events were lost.")
        elif check.lost < 0:
            parts.append(f"{-check.lost:,} events count more than once.")
        if check.mismatches:
            parts.append(f"{check.mismatches:,} of {check.compared:,} features differ:")
        if self.refused:
            parts.append(f"{len(self.refused):,} lines are too large for any stream:")
        lines = ["Not exact. " + " ".join(parts), *check.wrong, *self.refused[:_SHOWN]]
        return Text("\n".join(lines), style="bold red")
