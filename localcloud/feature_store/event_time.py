"""Event times and durations, exactly.

A String event time is `yyyy-MM-dd'T'HH:mm:ssZ` or `yyyy-MM-dd'T'HH:mm:ss.SSSZ` (T and Z as they
stand), a Fractional one a Unix time in seconds; so says CreateFeatureGroup of EventTimeFeatureName.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_UNIT_S = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}
# 9999-12-31T23:59:59Z
LAST_S = Decimal(253_402_300_799)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_seconds(text: str) -> Decimal:
    """A String event time in seconds since the epoch. Raises ValueError.

    >>> iso_seconds("2024-01-02T03:04:05.678Z")
    Decimal('1704164645.678')
    """
    if _ISO.fullmatch(text) is None:
        raise ValueError(
            f"{text!r} is not an ISO-8601 time like 2024-01-02T03:04:05Z "
            "or 2024-01-02T03:04:05.678Z"
        )
    since = datetime.fromisoformat(text) - _EPOCH  # raises for the 30th of February
    milliseconds = since // timedelta(milliseconds=1)
    return Decimal(milliseconds) / 1000


def unix_seconds(text: str) -> Decimal:
    """A Fractional event time in seconds since the epoch. Raises ValueError.

    >>> unix_seconds("1704164645.5")
    Decimal('1704164645.5')
    """
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a Unix time in seconds") from None
    if not (seconds.is_finite() and 0 <= seconds <= LAST_S):
        raise ValueError(f"{text!r} is not a Unix time in seconds")
    return seconds


def ttl_seconds(duration: Mapping[str, Any]) -> int:
    """The seconds of a TtlDuration.

    >>> ttl_seconds({"Unit": "Hours", "Value": 2})
    7200
    """
    return int(duration["Value"]) * _UNIT_S[duration["Unit"]]


def iso(seconds: Decimal) -> str:
    """Seconds since the epoch as the service writes them, at most the last of the year 9999.

    >>> iso(Decimal("1704164645.678"))
    '2024-01-02T03:04:05.678Z'
    """
    at = _EPOCH + timedelta(microseconds=int(min(seconds, LAST_S) * 1_000_000))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
