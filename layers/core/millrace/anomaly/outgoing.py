"""Metrics on their way to the stream: checked as the function will check them, under their key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from millrace.anomaly.instants import iso_ms
from millrace.anomaly.metrics import read
from millrace.connector_hub import Delivery

# What one put takes, in the service's own API; a Kafka producer asks for no more.
MAX_BYTES = 1 << 20


class Outgoing(NamedTuple):
    """An event and the stream's key, which is the series: it keeps the order of its values."""

    series: str
    data: bytes

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.series.encode()) + len(self.data)


def parts(events: Iterable[Outgoing], most: int, most_bytes: int) -> Iterator[list[Outgoing]]:
    """Events in parts of at most so many events, and bytes unless one alone has more.

    >>> [len(part) for part in parts([Outgoing("s", b"12345")] * 7, 3, 12)]
    [2, 2, 2, 1]
    """
    part: list[Outgoing] = []
    size = 0
    for event in events:
        if part and (len(part) == most or size + event.size > most_bytes):
            yield part
            part, size = [], 0
        part.append(event)
        size += event.size
    if part:
        yield part


def outgoing(event_id: str, series: str, time_ms: int, value: float, now_ms: int) -> Outgoing:
    """An event, with an id that says that it is one, however often it is sent. Raises InvalidEvent.

    >>> outgoing("1", "cpu", 1769860800000, 58.5, 1769860800000).data
    b'{"id":"1","time":"2026-01-31T12:00:00.000Z","metric":58.5,"series":"cpu"}'
    """
    document = {"id": event_id, "time": iso_ms(time_ms), "metric": value, "series": series}
    made = Outgoing(series, orjson.dumps(document))
    read(Delivery(None, None, made.data, None), now_ms)
    return made
