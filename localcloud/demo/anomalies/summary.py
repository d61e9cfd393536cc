"""What the anomalies' part of the demo ends with: for people and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from localcloud.demo.anomalies.checking import Check
from localcloud.lag import Lag
from localcloud.oci.connector import Counters


class Hits(NamedTuple):
    """Labelled anomalies in which an alert was raised, of how many."""

    hit: int
    labelled: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run; `source` says where the series are from."""

    check: Check
    source: str
    hits: Hits
    series: int
    latency: Lag
    counters: Counters
    batch_s: float
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether nothing was lost and everything is as recomputed."""
        return self.check.exact

    @property
    def document(self) -> dict[str, object]:
        """The summary as `--json` writes it."""
        return {"anomalies": self._document()}

    def _document(self) -> dict[str, object]:
        check = self.check
        return {
            "source": self.source,
            "series": self.series,
            "metrics": check.metrics,
            "rows": check.rows,
            "scored": check.scored,
            "flagged": check.strange,
            "late": check.late,
            "duplicates": check.duplicates,
            "quarantined": check.quarantined,
            "lost": check.lost,
            "alerts": check.alerts,
            "muted": check.muted,
            "delivered": check.delivered,
            "digests": check.digests,
            "delivered_again": check.repeated,
            "undelivered": check.undelivered,
            "labelled": self.hits.labelled,
            "labelled_found": self.hits.hit,
            "compared": check.compared,
            "mismatches": check.mismatches,
            "wrong": check.wrong,
            "exact": self.exact,
            "latency_ms": self.latency._asdict(),
            "batch_s": self.batch_s,
            "connector": asdict(self.counters),
            "seconds": round(self.seconds, 3),
        }

    def rendered(self) -> RenderableType:
        """The summary for a terminal."""
        check = self.check
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(justify="right", style="bold")
        table.add_column()
        again = self.counters.lost_answers + self.counters.sent_again
        repeated = f"; {counted(again, 'batch', 'batches')} came again" if again else ""
        rows = [
            (check.metrics, f"metrics of {self.series} series put on the stream{repeated}"),
            (check.scored, "scored by the function, each before it was learned"),
            (check.strange, "flagged as strange"),
            (check.alerts, f"alerts, one an episode; {check.muted:,} of them past, and muted"),
            (check.delivered, self._delivered()),
            (check.duplicates, "duplicates, which changed nothing"),
            (check.late, "late events, stored and not judged"),
            (check.quarantined, "records in quarantine, whole, with their reason"),
        ]
        for number, words in rows:
            table.add_row(f"{number:,}", words)
        if self.latency.p50 is not None and self.latency.p99 is not None:
            words = f"from metric to alert, p50 (p99 {self.latency.p99:,.0f} ms)"
            table.add_row(f"{self.latency.p50:,.0f} ms", f"{words}; {self.batch_s:g} s batches")
        hits = f"{self.hits.hit} of {self.hits.labelled} labelled anomalies raised an alert"
        table.add_row("", Text(f"{self.source}: {hits}", style="dim"))
        return Panel(
            Group(table, Text(), self._verdict()),
            title="anomalies · Oracle Cloud",
            border_style="green" if self.exact else "red",
            expand=False,
        )

    def _delivered(self) -> str:
        check = self.check
        once = ", each once" if not check.repeated and not check.undelivered else ""
        return f"alerts delivered{once}, in {counted(check.digests, 'message', 'messages')}"

    def _verdict(self) -> Text:
        check = self.check
        if self.exact:
            compared = check.compared
            return Text(
                f"Exact: {compared['rows']:,} rows with their flags, {compared['alerts']:,} alerts,"
                f" {compared['episodes']:,} episodes and {compared['states']:,} states equal their"
                " recomputation in the order of offsets; nothing was lost.",
                style="bold green",
            )
        parts = []
        if not check.rows:
            parts.append("No metric was stored.")
        if check.lost > 0:
            parts.append(f"{check.lost:,} metrics were lost.")
        elif check.lost < 0:
            parts.append(f"{-check.lost:,} metrics count more than once.")
        if check.undelivered:
            parts.append(f"{check.undelivered:,} alerts were not delivered.")
        if check.repeated:
            parts.append(f"{check.repeated:,} alerts were delivered more than once.")
        if check.mismatches:
            parts.append(f"{check.mismatches:,} rows differ:")
        return Text("\n".join(["Not exact. " + " ".join(parts), *check.wrong]), style="bold red")


def counted(number: int, one: str, many: str) -> str:
    """A number of things.

    >>> counted(1, "batch", "batches"), counted(1200, "batch", "batches")
    ('1 batch', '1,200 batches')
    """
    return f"{number:,} {one if number == 1 else many}"
