"""What is a metric, and the reason of everything that is none."""

from __future__ import annotations

import json

import pytest
from millrace.anomaly.metrics import FUTURE_MS, Metric, read
from millrace.connector_hub import Delivery
from millrace.errors import InvalidEvent

NOW_MS = 1_767_225_600_000
NOW_S = NOW_MS // 1000


def metric(document: object, key: bytes | None = b"cpu") -> Metric:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read(Delivery(None, key, data, NOW_MS), NOW_MS)


GOOD = {"id": "a", "time": "2025-01-01T10:00:00", "metric": 58}


def test_the_tutorials_event() -> None:
    found = metric({**GOOD, "id": "1"}, b"1")
    assert found[:4] == ("1", "1", 1_735_725_600_000, 58.0)


@pytest.mark.parametrize(
    ("given", "key", "series"),
    [
        ("memory", b"cpu", "memory"),
        (None, b"cpu", "cpu"),
        (None, None, "default"),
        (None, b"", "default"),
        (7, b"cpu", "7"),
        ("'; DROP TABLE raw_events; --", None, "'; DROP TABLE raw_events; --"),
    ],
)
def test_the_series_is_the_field_else_the_key(
    given: object, key: bytes | None, series: str
) -> None:
    assert metric({**GOOD, "series": given}, key).series == series


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "invalid-id"),
        ({"id": ""}, "invalid-id"),
        ({"id": True}, "invalid-id"),
        ({"id": "x" * 257}, "invalid-id"),
        ({"id": "a\0b"}, "invalid-id"),
        ({"series": ""}, "invalid-series"),
        ({"series": ["cpu"]}, "invalid-series"),
        ({"time": None}, "invalid-time"),
        ({"time": "soon"}, "invalid-time"),
        ({"time": 3}, "invalid-time"),
        ({"time": "9999-01-01T00:00:00"}, "invalid-time"),
        ({"time": NOW_S + FUTURE_MS // 1000 + 1}, "from-the-future"),
        ({"metric": None}, "invalid-metric"),
        ({"metric": "58"}, "invalid-metric"),
        ({"metric": True}, "invalid-metric"),
        ({"metric": 1e125}, "invalid-metric"),
        ({"metric": 10**300}, "invalid-metric"),
    ],
)
def test_what_is_none_has_a_reason(change: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidEvent) as raised:
        metric({**GOOD, **change})
    assert raised.value.reason == reason


@pytest.mark.parametrize("data", [b'{"metric": NaN}', b"{", b"\xff", b'{"metric": Infinity}'])
def test_what_is_not_json(data: bytes) -> None:
    with pytest.raises(InvalidEvent, match="JSON"):
        metric(data)


def test_what_is_no_object() -> None:
    with pytest.raises(InvalidEvent, match="must be a JSON object but is a list"):
        metric([1])


def test_a_key_that_is_no_text_needs_a_series() -> None:
    assert metric({**GOOD, "series": "cpu"}, b"\xff").series == "cpu"
    with pytest.raises(InvalidEvent, match="send a field series"):
        metric(GOOD, b"\xff")


@pytest.mark.parametrize(("given", "value"), [(1e124, 1e124), (-1e-126, 0.0), (0, 0.0)])
def test_magnitudes(given: float, value: float) -> None:
    assert metric({**GOOD, "metric": given}).value == value


def test_an_hour_ahead_is_a_clock_that_is_not_quite_right() -> None:
    assert metric({**GOOD, "time": NOW_S + 3600}).time_ms == NOW_MS + FUTURE_MS
