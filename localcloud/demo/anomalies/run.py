"""One run: metrics onto the stream, the past first, and what came of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from itertools import islice

from millrace.anomaly.desk import Desk
from millrace.anomaly.sqlite import SqliteDatabase
from millrace.errors import Unavailable

from localcloud.demo.anomalies.board import AnomaliesBoard
from localcloud.demo.anomalies.checking import Check, check, latencies_ms
from localcloud.demo.anomalies.reading import found, tally
from localcloud.demo.anomalies.recomputing import Expected, recompute
from localcloud.demo.anomalies.replay import Metric, Stretch, live, past, spoiled
from localcloud.demo.anomalies.summary import Hits, Summary
from localcloud.demo.display import Lane
from localcloud.lag import Lag
from localcloud.oci.batching import Limits
from localcloud.oci.cloud import OciCloud

# The connector's batches.
LIMITS = Limits(messages=1_000, seconds=1.0)
# Of each series, while it is shown live.
POINTS_PER_S = 10.0
# So many points of each series before its past is muted: nothing is judged as early as this.
_FIRST = 50
_CHUNK = 500
_TICK_S = 0.05
# The topic takes ten digests a minute; what is left then is sent in the next one.
_PATIENCE_S = 130.0


class Run:
    """A run on a local Oracle Cloud that is up."""

    def __init__(
        self, cloud: OciCloud, series: list[Stretch], source: str, seed: int, lane: Lane
    ) -> None:
        self._cloud = cloud
        self._series = series
        self._source = source
        self._seed = seed
        self._lane = lane
        self._board = AnomaliesBoard(cloud)

    async def summary(self, seconds: float, started_s: float) -> Summary:
        """Stream everything, wait for the last alert, compare; what came of it."""
        self._lane.follow(self._board)
        async with _beside(self._board):
            await self._past()
            self._lane.phase("live", seconds)
            await self._send(spoiled(live(self._series, POINTS_PER_S), self._seed))
            await self._drain()
        self._lane.phase("comparing with a recomputation")
        expected, checked = await asyncio.to_thread(self._check)
        messages = [
            message
            for name in self._cloud.stream.partitions
            for message in self._cloud.stream.partition(name).read(0)
        ]
        return Summary(
            check=checked,
            source=self._source,
            hits=self._hits(expected),
            series=len(self._series),
            latency=Lag.of(latencies_ms(messages, self._cloud.inbox.notices)),
            counters=self._cloud.connector.counters,
            batch_s=LIMITS.seconds,
            seconds=time.monotonic() - started_s,
        )

    async def _past(self) -> None:
        """Put what has been; its alerts are kept, and nobody is called for them any more."""
        self._lane.phase("the past of the metrics")
        await self._send(past(self._series, 0, _FIRST))
        await self._cloud.connector.caught_up()
        await asyncio.to_thread(self._mute)
        await self._send(past(self._series, _FIRST))
        await self._cloud.connector.caught_up()

    def _mute(self) -> None:
        database = SqliteDatabase(self._cloud.database)
        with contextlib.closing(database):
            for series in self._series:
                Desk(database).mute(series.name, series.live_ms)

    async def _send(self, metrics: Iterable[Metric]) -> None:
        """Put each metric when it is due."""
        clock = self._cloud.stream.clock
        waiting = iter(metrics)
        begun_s = time.monotonic()
        while chunk := list(islice(waiting, _CHUNK)):
            while chunk:
                passed_s = time.monotonic() - begun_s
                due = [metric for metric in chunk if metric.due_s <= passed_s]
                chunk = chunk[len(due) :]
                if due:
                    self._cloud.put([(metric.key.decode(), metric.data) for metric in due])
                    self._board.sent += len(due)
                await clock.sleep(_TICK_S if chunk else 0)

    async def _drain(self) -> None:
        """Wait for the last row and the last alert."""
        self._lane.phase("waiting for the last alerts")
        await self._cloud.connector.caught_up()
        until_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until_s:
            counts, _ = await asyncio.to_thread(tally, self._cloud.database)
            if not counts.waiting:
                return
            # What the database's job does every two minutes: it sends what waits.
            with contextlib.suppress(Unavailable):  # then it does so in the next round
                await self._cloud.sweeper.run()
            await self._cloud.stream.clock.sleep(_TICK_S)

    def _check(self) -> tuple[Expected, Check]:
        stream = self._cloud.stream
        partitions = [stream.partition(name).read(0) for name in stream.partitions]
        expected = recompute(partitions, {one.name: one.live_ms for one in self._series})
        return expected, check(expected, found(self._cloud.database), self._cloud.inbox.notices)

    def _hits(self, expected: Expected) -> Hits:
        windows = [(one, window) for one in self._series for window in one.windows]
        hit = sum(
            any(one.event_id(index) in expected.alerts for index in window)
            for one, window in windows
        )
        return Hits(hit, len(windows))


@contextlib.asynccontextmanager
async def _beside(board: AnomaliesBoard) -> AsyncIterator[None]:
    """Keep the numbers moving while the block runs."""
    watching = asyncio.create_task(board.watch())
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
