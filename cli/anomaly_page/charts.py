"""The chart of a series: its judged points in a span of event time, thinned, with their bands."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

from millrace.anomaly.desk import Desk, Point, SeriesView
from millrace.anomaly.rows import EpisodeRow

from cli.anomaly_page.bands import NOTHING, Said, band
from cli.anomaly_page.downsample import Drawn, thinned, usual_step_ms

HOUR_MS = 3_600_000
SPANS: dict[str, int | None] = {
    "recent": None,
    "1h": HOUR_MS,
    "6h": 6 * HOUR_MS,
    "1d": 24 * HOUR_MS,
    "1w": 7 * 24 * HOUR_MS,
    "30d": 30 * 24 * HOUR_MS,
    "all": None,
}
# What a span reads at most: the latest points of it.
MOST_POINTS = 120_000
RECENT_POINTS = 600
AROUND_POINTS = 300
COLUMNS = 400
# A line is not drawn over a gap of so many usual steps.
GAP_STEPS = 10
# The last points are read again each time, for the sweep judges rows after they came.
_TAIL = 300
# Charts that are kept between two questions, by their points.
_MOST_KEPT = 300_000
_TRUSTED_S = 60.0
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_000


@dataclass(slots=True)
class _Kept:
    """The points of a span as they were read; a late event makes them worthless."""

    points: list[Drawn]
    late: int
    read_s: float


class Charts:
    """Reads of charts; of one that was asked for before, only what is new."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._lock = Lock()

    def around(self, desk: Desk, view: SeriesView, at_ms: int) -> dict[str, object]:
        """The chart of the points before and after a time."""
        before = desk.points(view.series, FIRST_MS, at_ms + 1, AROUND_POINTS, latest=True)
        after = desk.points(view.series, at_ms + 1, LAST_MS, AROUND_POINTS)
        return self._of(desk, view, drawn([*before, *after]))

    def between(self, desk: Desk, view: SeriesView, from_ms: int, to_ms: int) -> dict[str, object]:
        """The chart of the points from one time to another."""
        found = desk.points(view.series, from_ms, to_ms + 1, MOST_POINTS, latest=True)
        return self._of(desk, view, drawn(found), complete=len(found) < MOST_POINTS)

    def _of(
        self, desk: Desk, view: SeriesView, points: list[Drawn], *, complete: bool = True
    ) -> dict[str, object]:
        if not points:
            return document([], [], complete=complete)
        episodes = desk.episodes(view.series, points[0].time_ms, points[-1].time_ms + 1)
        return document(points, episodes, complete=complete)

    def chart(self, desk: Desk, view: SeriesView, span: str) -> dict[str, object]:
        """The chart as JSON has it. `span` is one of SPANS."""
        points = self._points(desk, view, span)
        start = points[0].time_ms if points else FIRST_MS
        episodes = desk.episodes(view.series, start, LAST_MS) if points else []
        return document(points, episodes, complete=len(points) < most_of(span) or span == "recent")

    def _points(self, desk: Desk, view: SeriesView, span: str) -> list[Drawn]:
        key = (view.series, span)
        with self._lock:
            kept = self._kept.get(key)
        now_s = self._clock_s()
        if kept is None or kept.late != view.late or now_s - kept.read_s > _TRUSTED_S:
            kept = _Kept(read(desk, view, span), view.late, now_s)
        else:
            kept = _Kept(go_on(desk, view, span, kept.points), view.late, kept.read_s)
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._points_kept() > _MOST_KEPT:
                self._kept.popitem(last=False)
        return kept.points

    def _points_kept(self) -> int:
        # Each chart costs something, however few its points are.
        return sum(len(kept.points) + 1000 for kept in self._kept.values())


def most_of(span: str) -> int:
    """How many points a span reads."""
    return RECENT_POINTS if span == "recent" else MOST_POINTS


def read(desk: Desk, view: SeriesView, span: str) -> list[Drawn]:
    """The points of a span, which ends with the newest one."""
    newest_ms = _newest_ms(desk, view)
    found = desk.points(view.series, _start(newest_ms, span), LAST_MS, most_of(span), latest=True)
    return drawn(found)


def go_on(desk: Desk, view: SeriesView, span: str, points: list[Drawn]) -> list[Drawn]:
    """The same points with what is new, and without what is too old now."""
    if len(points) <= _TAIL:
        return read(desk, view, span)
    from_ms = points[-_TAIL].time_ms
    most = most_of(span)
    tail = drawn(desk.points(view.series, from_ms, LAST_MS, most, latest=True))
    if len(tail) == most:
        return tail
    known = [point for point in points if point.time_ms < from_ms]
    # Where it does not begin as before, the table is another, or the series is drawn otherwise.
    if not tail or _drawn_as(tail[0]) != _drawn_as(points[len(known)]):
        return read(desk, view, span)
    start = _start(tail[-1].time_ms, span)
    return ([point for point in known if point.time_ms >= start] + tail)[-most:]


def _drawn_as(point: Drawn) -> tuple[int, float, bool]:
    return point.time_ms, point.value, point.of_rate


def drawn(points: Iterable[Point]) -> list[Drawn]:
    """What of the rows can be drawn: of a counter the rates that it was judged by."""
    told = [(point, band(point)) for point in points]
    judged = [its for _, its in told if its.expected is not None]
    of_rate = bool(judged) and judged[-1].rate is not None
    found = (_drawn(point, its, of_rate=of_rate) for point, its in told)
    return [one for one in found if one is not None]


def _drawn(point: Point, its: Said, *, of_rate: bool) -> Drawn | None:
    value = its.rate if of_rate else point.value
    if point.time_ms is None or value is None:
        return None
    shown = its if of_rate == (its.rate is not None) else NOTHING
    return Drawn(
        *(point.time_ms, value, shown.expected, shown.low, shown.high, point.score),
        *(point.anomaly, point.late, of_rate),
        # A hundred thousand texts that nobody asks for would be kept with the points.
        *((point.event_id, point.reason or "") if point.anomaly else ("", "")),
    )


def _newest_ms(desk: Desk, view: SeriesView) -> int:
    """Rows that only the sweep judges do not move the state's newest time."""
    last = desk.points(view.series, FIRST_MS, LAST_MS, 1, latest=True)
    return last[0].time_ms or 0 if last else view.newest_ms or 0


def _start(newest_ms: int, span: str) -> int:
    width = SPANS[span]
    return FIRST_MS if width is None else newest_ms - width


def document(
    points: list[Drawn], episodes: Iterable[EpisodeRow], *, complete: bool
) -> dict[str, object]:
    """Columns of numbers, the reasons of flagged points, and the episodes."""
    kept = thinned(points, COLUMNS)
    step_ms = usual_step_ms(points)
    return {
        "points": len(points),
        "complete": complete,
        "step_ms": step_ms,
        "of_rate": any(point.of_rate for point in points[-1:]),
        "time_ms": [point.time_ms for point in kept],
        "value": [point.value for point in kept],
        "expected": [point.expected for point in kept],
        "low": [point.low for point in kept],
        "high": [point.high for point in kept],
        "score": [point.score for point in kept],
        "late": [place for place, point in enumerate(kept) if point.late],
        "gaps": _gaps(points, kept, step_ms),
        "flagged": [
            {"at": place, "id": point.event_id, "reason": point.reason}
            for place, point in enumerate(kept)
            if point.flagged
        ],
        "episodes": [episode._asdict() for episode in episodes],
    }


def _gaps(points: list[Drawn], kept: list[Drawn], step_ms: int) -> list[int]:
    """Before which of the kept points the line is broken."""
    if not step_ms:
        return []
    after = {
        id(point)
        for before, point in pairwise(points)
        if point.time_ms - before.time_ms > GAP_STEPS * step_ms
    }
    found, broken, place = [], False, 0
    for point in points:
        broken = broken or id(point) in after
        if place < len(kept) and kept[place] is point:
            if broken:
                found.append(place)
            broken, place = False, place + 1
    return found
