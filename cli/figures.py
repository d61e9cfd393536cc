"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "–"

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_UNITS = (
    (_DAY_S, "d", _HOUR_S, "h"),
    (_HOUR_S, "h", _MINUTE_S, "min"),
    (_MINUTE_S, "min", 1, "s"),
)


def figure(value: float | None) -> str:
    """A number, short: no more digits than it has, and not more than six behind the point.

    >>> [figure(value) for value in (None, 12_345, 12.5, 3.0, 2 / 3, 1.5e-7, 1e22)]
    ['–', '12,345', '12.5', '3', '0.666667', '1.5e-07', '1e+22']
    """
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    >>> [duration(s) for s in (0.25, 12.34, 60, 185, 7_384, 200_000)]
    ['0.2 s', '12.3 s', '1 min', '3 min 5 s', '2 h 3 min', '2 d 7 h']
    """
    if seconds < _MINUTE_S:
        return f"{figure(round(seconds, 1))} s"
    whole = round(seconds)
    for unit_s, unit, part_s, part in _UNITS:
        if whole >= unit_s:
            rest = whole % unit_s // part_s
            return f"{whole // unit_s} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{whole} s"


def moment(time_ms: int) -> str:
    """A time in UTC, with milliseconds where it has any.

    >>> moment(1_700_000_000_123), moment(1_700_000_000_000)
    ('2023-11-14 22:13:20.123 UTC', '2023-11-14 22:13:20 UTC')
    """
    at = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}.{time_ms % 1000:03d} UTC" if time_ms % 1000 else f"{at} UTC"


def counted(counts: dict[str, int], most: int = 5) -> str:
    """Counts by name, the largest first.

    >>> counted({"view": 12_000, "buy": 7})
    'view 12,000, buy 7'
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in ordered[:most])
    return shown + (f" and {len(ordered) - most:,} more" if len(ordered) > most else "")
