"""Putting records on the stream, each when it is due, and never far ahead of the consumer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from millrace.producer import Outgoing, Producer

from localcloud.cloud import LocalCloud
from localcloud.demo.traffic import Put

_TICK_S = 0.05
_CHUNK = 500
# Records on the stream that no function has finished: beyond this the producer waits.
_AHEAD = 2_000


@dataclass(slots=True)
class Streamer:
    """Puts records through the stream's own API, as a producer would.

    `sent` is shown and may be set back; `put` counts every record that the stream has taken.
    """

    cloud: LocalCloud
    producer: Producer
    sent: int = 0
    put: int = 0

    async def send(self, records: Iterator[Put], until_ms: int | None = None) -> None:
        """Put every record at its time; with `until_ms`, none after that moment."""
        waiting: list[Put] = []
        while True:
            now_ms = self.cloud.clock.now_ms()
            if until_ms is not None and now_ms >= until_ms:
                return
            if not waiting:
                waiting = list(islice(records, _CHUNK))
                if not waiting:
                    return
            due = [record for record in waiting if record.due_ms <= now_ms]
            waiting = waiting[len(due) :]
            if due:
                await self._put(due)
            if waiting or not due:
                await self.cloud.clock.sleep(_TICK_S)

    async def _put(self, records: list[Put]) -> None:
        while self.sent - len(self.cloud.lag.lags_ms) > _AHEAD:
            await self.cloud.clock.sleep(_TICK_S)
        outgoing = [Outgoing(record.partition_key, record.data) for record in records]
        await asyncio.to_thread(self.producer.put, outgoing)
        self.sent += len(records)
        self.put += len(records)
