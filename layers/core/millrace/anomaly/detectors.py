"""Detectors of a warm process, by the bytes that they were packed to.

A series that comes again is mostly as this process left it; then its detector need not be unpacked,
which takes longer than judging a few points. The database stays the truth: a detector is used only
where the bytes read from there are those that it was packed to. After a batch that was rolled back,
or that another process wrote, they are not.
"""

from __future__ import annotations

from millrace.anomaly.detector import Detector

# A detector takes some 100 KB, the function has 512 MB.
_MOST = 1_000


class Detectors:
    """The latest ones; each belongs to whoever took it until it is kept again."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: dict[str, tuple[bytes, Detector]] = {}

    def take(self, series: str, packed: bytes) -> Detector | None:
        """The detector of a series, if it was packed to these bytes."""
        known, detector = self._kept.pop(series, (None, None))
        return detector if known == packed else None

    def keep(self, series: str, packed: bytes, detector: Detector) -> None:
        """Keep a detector that nobody changes after it was packed; the oldest one goes."""
        self._kept[series] = (packed, detector)
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
