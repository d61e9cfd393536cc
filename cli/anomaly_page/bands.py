"""What was expected of a point when it was judged, as its row says.

Rows that were judged before they held a band have it in the words of their reason alone, rounded
for people. Those are read, instead of judging the points again: what a detector says today of an
old point, with another past in the table, is not what it said then.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from millrace.anomaly.desk import Point

_NUMBER = r"([-+]?[\d.]+(?:e[-+]?\d+)?)"
_JUDGED = re.compile(
    rf"(value|rate) {_NUMBER} .*?; expected {_NUMBER}(?:, between {_NUMBER} and {_NUMBER})?",
    re.IGNORECASE,
)
_SWEPT = re.compile(
    rf"z-score {_NUMBER}: value {_NUMBER}, expected {_NUMBER} with a deviation of {_NUMBER}",
    re.IGNORECASE,
)


class Said(NamedTuple):
    """What was expected; `rate` is what a counter was judged by, and None for any other series."""

    expected: float | None = None
    low: float | None = None
    high: float | None = None
    rate: float | None = None


NOTHING = Said()


def band(point: Point) -> Said:
    """The band of a point: its row's own, to the last digit, else what the reason tells.

    >>> band(Point("a", 0, 9.0, 0.0, False, False, "value 9 …", 7.5, 5.0625, 10.0))
    Said(expected=7.5, low=5.0625, high=10.0, rate=None)
    >>> band(Point("a", 0, 9.0, 0.0, False, False, "value 9 is ordinary; expected 7.5"))
    Said(expected=7.5, low=None, high=None, rate=None)
    """
    if point.expected is None and point.view is None:
        return said(point.reason, point.score)
    return Said(point.expected, point.low, point.high, point.rate)


def said(reason: str | None, score: float | None) -> Said:
    """The band of a point, as far as its reason tells.

    >>> said("value 9 is ordinary; expected 7.5, between 5 and 1e+01", 0.0)
    Said(expected=7.5, low=5.0, high=10.0, rate=None)
    >>> said("z-score 8: value 26, expected 10 with a deviation of 2", 2.0)
    Said(expected=10.0, low=2.0, high=18.0, rate=None)
    >>> said("not judged: 3 is among the first values of the series", None)
    Said(expected=None, low=None, high=None, rate=None)
    """
    if not reason:
        return NOTHING
    if judged := _JUDGED.match(reason):
        what, shown, *numbers = judged.groups()
        expected, low, high = (None if number is None else float(number) for number in numbers)
        return Said(expected, low, high, float(shown) if what == "rate" else None)
    if swept := _SWEPT.match(reason):
        z, _, mean, sigma = (float(number) for number in swept.groups())
        return _around(mean, sigma, z, score)
    return NOTHING


def _around(mean: float, sigma: float, z: float, score: float | None) -> Said:
    """A row's score is |z| over the sweep's threshold, which is how wide the band was."""
    if not score:
        return Said(mean)
    reach = abs(z) / score * sigma
    return Said(mean, mean - reach, mean + reach)
