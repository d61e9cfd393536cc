"""What the database holds of a series: rows as the stores read and write them. Times in ms, UTC."""

from __future__ import annotations

from typing import NamedTuple

from millrace.connector_hub import Source

# Who judged a row, or flagged it.
BY_FUNCTION = "function"
BY_SWEEP = "sweep"
BY_HAND = "hand"


class SeriesState(NamedTuple):
    """What is known of a series before a batch; `detector` is its packed state.

    `heeded` false alarms of `false_alarms` reported ones are in the detector already.
    """

    series: str
    detector: bytes | None = None
    newest_ms: int | None = None
    last_value: float | None = None
    events: int = 0
    late: int = 0
    episode_id: str | None = None
    heeded: int = 0
    sensitivity: float = 1.0
    muted_until_ms: int | None = None
    false_alarms: int = 0


class EventRow(NamedTuple):
    """A row of raw_events, judged."""

    event_id: str
    series: str
    time_ms: int
    value: float
    feature1: float | None
    feature2: float | None
    anomaly: bool
    score: float | None
    reason: str
    late: bool
    source: Source | None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    rate: float | None = None  # what was judged, where the series is a counter
    view: str | None = None  # what found it strangest, or that nothing did


class Alert(NamedTuple):
    """The first strange point of an episode, or a row that somebody flagged."""

    alert_id: str  # the id of its event
    series: str
    time_ms: int
    value: float | None
    score: float | None
    expected: float | None
    low: float | None
    high: float | None
    reason: str
    by: str
    muted: bool = False


class EpisodeRow(NamedTuple):
    """A run of strange points with one alert, whose id it has."""

    episode_id: str
    series: str
    start_ms: int
    end_ms: int
    peak_ms: int
    peak_score: float
    peak_value: float
    strange_points: int


class Poison(NamedTuple):
    """A record that is kept in quarantine, with its reason."""

    reason: str
    message: str
    source: Source | None
    payload: bytes
    key: bytes | None = None  # of its record: it may name the series
