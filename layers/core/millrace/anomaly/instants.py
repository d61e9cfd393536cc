"""Moments as milliseconds since the epoch, as ISO 8601 and as datetimes, all in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def moment_of(time_ms: int) -> datetime:
    """A datetime without a zone, as a TIMESTAMP column holds it."""
    return (_EPOCH + time_ms * _MILLISECOND).replace(tzinfo=None)


def ms_of(moment: datetime) -> int:
    """Milliseconds since the epoch; a datetime without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MILLISECOND


def iso_ms(time_ms: int) -> str:
    """ISO 8601 with milliseconds.

    >>> iso_ms(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    return f"{moment_of(time_ms).isoformat(timespec='milliseconds')}Z"
