"""The two numbers of a point, from what a caller has for them: a CSV's text, numpy's, pandas'."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import Any

from millrace.errors import InvalidEvent

# `date`, and the times of numpy and pandas, are taken as well.
Timestamp = datetime | date | float | str

# Far beyond any date in seconds (the year 5138), and in 1973 in milliseconds.
_SECONDS_BELOW = 1e11


def seconds_of(timestamp: Any) -> float:  # noqa: ANN401  numpy has no place among the imports
    """Seconds since the Unix epoch, from a time without a zone as of one in UTC.

    Unix times are seconds, or milli-, micro- or nanoseconds, which are told by their size.
    Raises InvalidEvent for what is no time.

    >>> seconds_of("2024-05-01T00:00:00Z"), seconds_of(1714521600), seconds_of(1714521600000)
    (1714521600.0, 1714521600.0, 1714521600.0)
    """
    if isinstance(timestamp, datetime):
        aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
        return aware.timestamp()
    if type(timestamp) is float:
        return _seconds(timestamp)
    try:
        return _looked_at(timestamp)
    except OverflowError:  # an integer beyond every float
        return math.inf
    except (TypeError, ValueError):
        raise InvalidEvent(
            "invalid-time",
            "a timestamp must be a datetime, ISO 8601 such as 2026-01-31T12:00:00Z, or a Unix time,"
            f" but is {timestamp!r:.80}",
        ) from None


def number_of(value: Any) -> float:  # noqa: ANN401
    """A value as a float; NaN for None. Raises InvalidEvent for what is no number."""
    if type(value) is float:
        return value
    try:
        return math.nan if value is None else float(value)
    except OverflowError:  # an integer beyond every float
        return math.inf
    except (TypeError, ValueError):
        raise InvalidEvent(
            "invalid-metric", f"a value must be a number, or None or NaN, but is {value!r:.80}"
        ) from None


def _looked_at(timestamp: Any) -> float:  # noqa: ANN401
    if isinstance(timestamp, str):
        try:
            return seconds_of(datetime.fromisoformat(timestamp.strip()))
        except ValueError:
            return _seconds(float(timestamp))
    if isinstance(timestamp, date):
        return datetime.combine(timestamp, time(), UTC).timestamp()
    if getattr(getattr(timestamp, "dtype", None), "kind", "") == "M":  # numpy's datetime64
        moment = timestamp.astype("datetime64[us]").item()
        return math.nan if moment is None else seconds_of(moment)
    return _seconds(float(timestamp))


def _seconds(unix_time: float) -> float:
    while abs(unix_time) >= _SECONDS_BELOW and math.isfinite(unix_time):
        unix_time /= 1000.0
    return unix_time
