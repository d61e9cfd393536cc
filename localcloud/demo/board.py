"""The numbers of the features that move while the demo runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from localcloud.cloud import LocalCloud
from localcloud.demo.asking import Asker
from localcloud.demo.display import ms
from localcloud.demo.streaming import Streamer
from localcloud.demo.watching import Watch


@dataclass(frozen=True, slots=True)
class FeaturesBoard:
    """Of a run; implements `display.Board`."""

    cloud: LocalCloud
    streamer: Streamer
    asker: Asker
    watch: Watch

    def figures(self) -> Mapping[str, str]:
        """Each with its name."""
        totals, lag = self.watch.totals, self.cloud.lag.percentiles
        found = {
            "events sent": f"{self.streamer.sent:,}",
            "done": f"{len(self.cloud.lag.lags_ms):,}",
            "feature writes": f"{totals['Writes']:,.0f}",
            "duplicates": f"{totals['Duplicates']:,.0f}",
            "late": f"{totals['Late']:,.0f}",
            "quarantined": f"{totals['Quarantined']:,.0f}",
            "lag p50": ms(lag.p50),
            "lag p99": ms(lag.p99),
        }
        if self.asker.asked:
            found["predictions"] = f"{len(self.asker.asked):,}"
            found["answer p50"] = ms(self.asker.lag.p50)
        return found

    def lines(self) -> Sequence[Text]:
        """Nothing happens to features that one would have to tell."""
        return ()
