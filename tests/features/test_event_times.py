"""Every form of an event's time, and what is no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from millrace.errors import InvalidEvent
from millrace.events import EARLIEST_MS, LATEST_MS, EventReader, read_time_ms
from millrace.features.definitions import load

from tests.features.conftest import SHIPPED

NOON_MS = 1_769_860_800_000  # 2026-01-31T12:00:00Z
READER = EventReader(load(SHIPPED))
MOMENTS = st.integers(EARLIEST_MS, LATEST_MS)


@pytest.mark.parametrize(
    ("written", "after_noon_ms"),
    [
        ("2026-01-31T12:00:00Z", 0),
        ("2026-01-31T12:00:00", 0),  # without a zone it is UTC
        ("2026-01-31 12:00", 0),
        ("2026-01-31T12:00:00+00:00", 0),
        ("2026-01-31T13:30:00+01:30", 0),
        ("2026-01-31T04:00:00-08:00", 0),
        ("20260131T120000Z", 0),
        ("2026-01-31T12:00:00.250Z", 250),
        ("2026-01-31T12:00:00.250999Z", 250),
        ("2026-01-31T12:00:00,25", 250),
        ("2026-01-31", -12 * 3_600_000),
        (1_769_860_800, 0),
        (1_769_860_800.25, 250),
        (1_769_860_800_000, 0),
        (1_769_860_800_250, 250),
        (1_769_860_800_250.0, 250),
    ],
)
def test_one_moment_in_many_forms(written: object, after_noon_ms: int) -> None:
    assert read_time_ms(written) == NOON_MS + after_noon_ms


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        [],
        {},
        "",
        "noon",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-01-31T25:00:00",
        "2026-01-31T12:00:00+24:00",
        "1769860800",
        "31/01/2026",
        float("nan"),
        float("inf"),
        float("-inf"),
        1e300,
        10**400,
    ],
)
def test_what_is_no_time_is_named(written: object) -> None:
    with pytest.raises(InvalidEvent, match=r"^at (must be|is missing)") as error:
        read_time_ms(written, "at")
    assert error.value.reason == "invalid-at"


@pytest.mark.parametrize(
    "written",
    [
        0,
        -1,
        315_532_799,
        -NOON_MS,
        LATEST_MS + 1,
        99_999_999_999,
        "1979-12-31T23:59:59.999Z",
        "1980-01-01T00:00:00+00:01",
        "2100-01-01T00:00:00.001Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_absurd_times_are_refused(written: object) -> None:
    with pytest.raises(InvalidEvent, match="a time from 1980 to 2100"):
        read_time_ms(written)


def test_the_bounds_themselves_are_times() -> None:
    assert read_time_ms("1980-01-01") == read_time_ms(315_532_800) == EARLIEST_MS
    assert read_time_ms("2100-01-01T00:00:00Z") == read_time_ms(LATEST_MS) == LATEST_MS


@given(MOMENTS)
@example(2_164_236_675_160)  # below it in binary, once multiplied
def test_every_form_is_exact_to_the_millisecond(time_ms: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    assert read_time_ms(time_ms / 1000) == time_ms
    assert read_time_ms(time_ms / 1000.0) == time_ms
    assert read_time_ms(moment.isoformat()) == time_ms
    assert read_time_ms(moment.replace(tzinfo=None).isoformat()) == time_ms
    if time_ms >= 100_000_000_000:
        assert read_time_ms(time_ms) == read_time_ms(float(time_ms)) == time_ms


@given(MOMENTS, st.integers(-1439, 1439))
def test_a_zone_changes_nothing(time_ms: int, offset_min: int) -> None:
    zone = timezone(timedelta(minutes=offset_min))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    assert read_time_ms(moment.astimezone(zone).isoformat()) == time_ms


@pytest.mark.parametrize("ahead_ms", [-1, 0, 4999, 5000])
def test_up_to_five_seconds_ahead_of_the_arrival_is_accepted(ahead_ms: int) -> None:
    document = {"userId": "u", "metric": 1, "timestamp": NOON_MS + ahead_ms}
    assert READER.from_document(document, NOON_MS).time_ms == NOON_MS + ahead_ms


@pytest.mark.parametrize("ahead_ms", [5001, 60_000, 10**12])
def test_further_ahead_is_refused_with_how_far(ahead_ms: int) -> None:
    document = {"userId": "u", "metric": 1, "timestamp": NOON_MS + ahead_ms}
    with pytest.raises(InvalidEvent, match=f"{ahead_ms} ms after .* at most 5000 ms") as error:
        READER.from_document(document, NOON_MS)
    assert error.value.reason == "from-the-future"
