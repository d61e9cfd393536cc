"""What a demo ends with: for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from localcloud.demo.checking import Check


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run; lags in milliseconds, None where nothing was streamed."""

    check: Check
    features_written: int
    requests: dict[str, int]
    seconds: float
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    workers: str

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
            "exact": check.exact,
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
        style = "green" if check.exact else "red"
        return Panel(
            Group(table, Text(), self._verdict()),
            title="millrace",
            border_style=style,
            expand=False,
        )

    def _verdict(self) -> Text:
        check = self.check
        if check.exact:
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
        return Text("\n".join(["Not exact. " + " ".join(parts), *check.wrong]), style="bold red")
