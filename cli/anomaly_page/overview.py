"""All series and what is open, as one look at the database: read once a second, for all who ask."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from millrace.anomaly.desk import AlertView, Desk, SeriesView

PAGE_SERIES = 50
# Of open alerts no more are counted: nobody reads them one by one.
MOST_OPEN = 2000
_FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in the database."""

    series: tuple[SeriesView, ...]
    open_alerts: tuple[AlertView, ...]
    open_of: Mapping[str, int]


class Overview:
    """The newest look; a change of ours makes it old."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._look: Look | None = None
        self._taken_s = 0.0
        self._looking = Lock()

    def look(self, desk: Desk) -> Look:
        """A look that is no older than a second."""
        with self._looking:
            now_s = self._clock_s()
            if self._look is None or now_s - self._taken_s >= _FRESH_S:
                self._look, self._taken_s = _taken(desk), now_s
            return self._look

    def forget(self) -> None:
        """Look again when somebody asks next."""
        with self._looking:
            self._look = None


def _taken(desk: Desk) -> Look:
    alerts = desk.alerts(only_open=True, most=MOST_OPEN)
    return Look(tuple(desk.series()), tuple(alerts), Counter(one.series for one in alerts))


def page_of(
    look: Look, search: str = "", sort: str = "attention", page: int = 1
) -> dict[str, object]:
    """One page of the series whose names hold all words of the search, and how many those are."""
    words = search.casefold().split()
    found = [one for one in look.series if all(word in one.series.casefold() for word in words)]
    found = _sorted(found, look.open_of, sort)
    pages = max(1, -(-len(found) // PAGE_SERIES))
    page = min(max(page, 1), pages)
    shown = found[(page - 1) * PAGE_SERIES : page * PAGE_SERIES]
    return {
        "found": len(found),
        "all": len(look.series),
        "page": page,
        "pages": pages,
        "series": [series_document(one, look.open_of.get(one.series, 0)) for one in shown],
    }


def _sorted(found: list[SeriesView], open_of: Mapping[str, int], sort: str) -> list[SeriesView]:
    """By name, by the newest event, or what needs somebody first."""
    if sort == "newest":
        return sorted(found, key=lambda one: -(one.newest_ms or 0))
    if sort == "attention":
        return sorted(found, key=lambda one: -open_of.get(one.series, 0))
    return found


def series_document(one: SeriesView, open_alerts: int) -> dict[str, object]:
    """A series as JSON has it."""
    return {**one._asdict(), "open_alerts": open_alerts}


def alerts_document(alerts: Iterable[AlertView]) -> list[dict[str, object]]:
    """Alerts as JSON has them."""
    return [one._asdict() for one in alerts]
