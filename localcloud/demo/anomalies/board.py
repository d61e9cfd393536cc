"""The numbers of the anomalies that move while the demo runs, and the latest alerts."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping, Sequence

from rich.text import Text

from localcloud.demo.anomalies.checking import alerts_in
from localcloud.demo.anomalies.reading import Alerted, Tally, tally
from localcloud.oci.cloud import OciCloud

_EVERY_S = 0.4
_LATEST = 3
_BARS = "▁▂▃▄▅▆▇█"


class AnomaliesBoard:
    """Of a run; implements `display.Board`. `sent` counts the metrics that were put."""

    def __init__(self, cloud: OciCloud) -> None:
        self.sent = 0
        self._cloud = cloud
        self._tally = Tally()
        self._latest: list[Alerted] = []

    async def watch(self) -> None:
        """Look into the database now and then, for ever."""
        while True:
            # A look at a bad moment, as while the file is made, changes nothing.
            with contextlib.suppress(sqlite3.OperationalError):
                self._tally, self._latest = await asyncio.to_thread(
                    tally, self._cloud.database, _LATEST
                )
            await asyncio.sleep(_EVERY_S)

    def figures(self) -> Mapping[str, str]:
        """Each with its name."""
        counters, notices = self._cloud.connector.counters, self._cloud.inbox.notices
        delivered = sum(len(alerts_in(notice)) for notice in notices)
        return {
            "metrics sent": f"{self.sent:,}",
            "judged": f"{self._tally.rows:,}",
            "strange": f"{self._tally.strange:,}",
            "alerts": f"{self._tally.alerts:,}",
            "delivered": f"{delivered:,}",
            "quarantined": f"{self._tally.quarantined:,}",
            "batches": f"{counters.batches:,}",
            "sent again": f"{counters.lost_answers + counters.sent_again:,}",
        }

    def lines(self) -> Sequence[Text]:
        """The latest alerts, one line each."""
        return [
            Text.assemble(
                ("  ! ", "bold red"),
                (f"{sparkline(alert.values)} ", "yellow"),
                (f"{alert.series} ", "bold"),
                alert.reason,
                no_wrap=True,
                overflow="ellipsis",
            )
            for alert in reversed(self._latest)
        ]


def sparkline(values: Sequence[float]) -> str:
    """Values as small bars, between the least and the largest of them.

    >>> sparkline([1.0, 1.5, 8.0]), sparkline([3.0, 3.0])
    ('▁▁█', '▁▁')
    """
    if not values:
        return ""
    low, high = min(values), max(values)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(_BARS[round((value - low) / step)] for value in values)
