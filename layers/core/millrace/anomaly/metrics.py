"""One value of one series, out of the JSON of an event ``{id, time, metric, series?}``.

Rules. The series is the field `series`, else the stream key, else ``default``. A time without a
zone is UTC; one more than an hour after the record's arrival is poison (a clock is wrong), however
early a time may be. A metric is a finite number below 1e125 in magnitude, which is what an Oracle
NUMBER holds with room for a difference; below 1e-125 it counts as 0, as it would there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import orjson

from millrace.connector_hub import Delivery, Source
from millrace.errors import InvalidEvent
from millrace.events import read_time_ms

DEFAULT_SERIES = "default"
FUTURE_MS = 3_600_000
MAX_NAME_BYTES = 256
LARGEST = 1e125
SMALLEST = 1e-125


class Metric(NamedTuple):
    """A value of a series; `data` is the event as it came."""

    id: str
    series: str
    time_ms: int
    value: float
    source: Source | None
    data: bytes

    @property
    def content(self) -> tuple[str, int, float]:
        """What two events with one id must agree on to be one event."""
        return self.series, self.time_ms, self.value


def read(delivery: Delivery, now_ms: int) -> Metric:
    """The metric in a record. Raises InvalidEvent.

    >>> data = b'{"id": 1, "time": "2026-01-31T12:00:00", "metric": 58}'
    >>> read(Delivery(None, b"cpu", data, None), 1769860800000)[:4]
    ('1', 'cpu', 1769860800000, 58.0)
    """
    try:
        document = orjson.loads(delivery.data)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent("not-json", f"not valid JSON: {error}") from error
    if type(document) is not dict:
        kind = type(document).__name__
        raise InvalidEvent("not-an-object", f"must be a JSON object but is a {kind}")
    name = _name(document.get("id"), "id")
    series = _series(document.get("series"), delivery.key)
    time_ms = read_time_ms(document.get("time"), "time")
    arrival_ms = now_ms if delivery.arrival_ms is None else delivery.arrival_ms
    if time_ms > arrival_ms + FUTURE_MS:
        raise InvalidEvent(
            "from-the-future",
            f"time is {(time_ms - arrival_ms) / 1000:.0f} s after the event's arrival; at most"
            f" {FUTURE_MS // 1000} s are allowed: check the producer's clock",
        )
    value = _value(document.get("metric"))
    return Metric(name, series, time_ms, value, delivery.source, delivery.data)


def _series(given: object, key: bytes | None) -> str:
    if given is not None:
        return _name(given, "series")
    if not key:
        return DEFAULT_SERIES
    try:
        return _name(key.decode(), "key")
    except UnicodeDecodeError as error:
        message = f"the stream key names the series but is no UTF-8: {error}; send a field series"
        raise InvalidEvent("invalid-key", message) from error


def _name(value: Any, field: str) -> str:  # noqa: ANN401  a JSON value can be anything
    """A text, or a whole number, which becomes text."""
    if value is None:
        raise InvalidEvent(f"invalid-{field}", f"{field} is missing")
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not value or "\0" in value:
        shown = repr(value)[:60]
        raise InvalidEvent(
            f"invalid-{field}", f"{field} must be a text that is not empty but is {shown}"
        )
    size = len(value.encode())
    if size > MAX_NAME_BYTES:
        message = f"{field} has {size} bytes; at most {MAX_NAME_BYTES}"
        raise InvalidEvent(f"invalid-{field}", message)
    return value


def _value(value: object) -> float:
    if type(value) is int or type(value) is float:
        number = float(value) if abs(value) < LARGEST else math.inf
        if math.isfinite(number):
            return 0.0 if abs(number) < SMALLEST else number
    problem = "is missing" if value is None else f"is {value!r:.60}"
    message = f"metric must be a finite number below {LARGEST:g} in magnitude but {problem}"
    raise InvalidEvent("invalid-metric", message)
