"""How old an event is when its features can be read: measured at the functions' door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from localcloud.ports import Clock, Invocation, Invoker


class Lag(NamedTuple):
    """Median and 99th percentile in milliseconds; None where there was nothing to measure."""

    p50: float | None
    p99: float | None

    @classmethod
    def of(cls, times_ms: Iterable[float]) -> Lag:
        """Of these times.

        >>> Lag.of(range(1, 101))
        Lag(p50=51, p99=100)
        """
        ordered = sorted(times_ms)
        if not ordered:
            return cls(None, None)
        last = len(ordered) - 1
        return cls(*(ordered[min(last, int(share * len(ordered)))] for share in (0.5, 0.99)))


@dataclass(slots=True)
class LagMeter:
    """Invokes functions, and notes the age of every stream record whose batch succeeded.

    The age is taken when the function has answered, so it includes the whole of its batch: the
    features could be read a little earlier. A record that a partial answer sends back counts when
    it is done at last. `on_done` hears of the records, as Lambda hands them over, at that moment.
    """

    invoker: Invoker
    clock: Clock
    lags_ms: list[float] = field(default_factory=list)
    on_done: Callable[[Sequence[Mapping[str, Any]]], None] | None = None

    async def invoke(self, function: str, payload: bytes) -> Invocation:
        """See `localcloud.ports.Invoker`."""
        answer = await self.invoker.invoke(function, payload)
        if answer.error is None:
            self._note(orjson.loads(payload), answer.payload)
        return answer

    def _note(self, event: object, answer: bytes) -> None:
        records = event.get("Records") if isinstance(event, dict) else None
        if not records or "kinesis" not in records[0]:
            return
        records = records[: _finished(records, answer)]
        now_ms = self.clock.now_ms()
        for record in records:
            arrived_ms = record["kinesis"]["approximateArrivalTimestamp"] * 1000
            self.lags_ms.append(max(0.0, now_ms - arrived_ms))
        if self.on_done is not None:
            self.on_done(records)

    @property
    def percentiles(self) -> Lag:
        """Of all records so far."""
        return Lag.of(self.lags_ms)


def _finished(records: list[Any], answer: bytes) -> int:
    """How many records, from the first, the answer leaves behind."""
    try:
        failures = (orjson.loads(answer) or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return 0
    for index, record in enumerate(records):
        if record["kinesis"]["sequenceNumber"] in failed:
            return index
    return len(records)
