"""Times and lengths of time as a person types them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from millrace.anomaly.instants import ms_of
from millrace.errors import ConfigurationError

_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_LONGEST_MS = 100 * 365 * 86_400_000


def span_ms(text: str, option: str) -> int:
    """A length of time. Raises ConfigurationError.

    >>> span_ms("2h", "--for"), span_ms("1h30m", "--for"), span_ms("0.5d", "--for")
    (7200000, 5400000, 43200000)
    """
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ConfigurationError(
            f"{option} {text!r}: must be a length of time such as 90s, 30m, 2h, 1h30m, 7d or 2w."
        )
    found = round(sum(float(number) * _UNIT_MS[unit] for number, unit in parts))
    if not 0 < found <= _LONGEST_MS:
        raise ConfigurationError(f"{option} {text!r}: must be above 0 and at most 100 years.")
    return found


def instant_ms(text: str, option: str) -> int:
    """A moment; without a zone it is UTC. Raises ConfigurationError.

    >>> instant_ms("2026-01-31T12:00", "--until"), instant_ms("2026-01-31 12:00+01:00", "--until")
    (1769860800000, 1769857200000)
    """
    try:
        moment = datetime.fromisoformat(text)
        return ms_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option} {text!r}: must be a time such as 2026-01-31T12:00 (UTC, unless it has a"
            " zone)."
        ) from None
