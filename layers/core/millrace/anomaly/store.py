"""What a store must offer; sqlite.py and oracle.py do, and one contract test holds for both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from millrace.anomaly.digest import Digest, Pending
from millrace.anomaly.metrics import Metric
from millrace.anomaly.purging import Purged
from millrace.anomaly.rows import Poison, SeriesState
from millrace.anomaly.scoring import Known, Scored


class Swept(NamedTuple):
    """What a sweep did; `ran` is False where another one was at it."""

    rows: int = 0
    strange: int = 0
    alerts: int = 0
    ran: bool = True


class Transaction(Protocol):
    """One batch: everything in it is written, or nothing."""

    def states(self, series: Sequence[str]) -> dict[str, SeriesState]:
        """The states of the series that are not new, locked until the end."""
        ...

    def known(self, metrics: Sequence[Metric]) -> Known:
        """What is stored already under the events' ids and places."""
        ...

    def write(self, scored: Scored, now_ms: int) -> None:
        """Write everything. Raises WriteConflict where somebody else was quicker."""
        ...

    def quarantine(self, poison: Sequence[Poison], now_ms: int) -> int:
        """Keep what is not kept already; how many that were."""
        ...


class Store(Protocol):
    """The pipeline's database. Every method raises Unavailable where trying again may help."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed at the end of the block, rolled back when it raises."""
        ...

    def sweep(self) -> Swept:
        """Judge the rows that came in by other ways (processed_flag = 'N')."""
        ...

    def claim_digest(self, now_ms: int) -> Digest | None:
        """The next digest to deliver, leased to the caller; None where nothing is due."""
        ...

    def delivered(self, claimed: Digest, message_id: str, now_ms: int) -> None:
        """Note that a digest was delivered."""
        ...

    def failed(self, claimed: Digest, problem: str, now_ms: int) -> None:
        """Give a digest back, to be tried again later."""
        ...

    def pending(self) -> list[Pending]:
        """The alerts that no digest holds yet, oldest first."""
        ...

    def purgeable(self, before_ms: int) -> Purged:
        """What a purge would delete, as things stand; nothing is changed."""
        ...

    def purge(self, before_ms: int) -> Purged:
        """Delete what is older, and what hangs on it."""
        ...
