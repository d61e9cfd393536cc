"""What must stand in the database: the detector run over each series, message by message.

No batch, no store, no state that is packed and unpacked: a loop over the stream in the order of
offsets, with the rules of docs/oci.md written down once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from millrace.anomaly import Detector
from millrace.anomaly.instants import iso_ms
from millrace.anomaly.metrics import Metric, read
from millrace.connector_hub import Delivery, Source
from millrace.errors import InvalidEvent

from localcloud.oci.partition import Message

Row = tuple[object, ...]


@dataclass(slots=True)
class Expected:
    """Rows by their key, as `reading.Found` has them; `duplicates` left no row."""

    rows: dict[str, Row] = field(default_factory=dict)
    alerts: dict[str, Row] = field(default_factory=dict)
    episodes: dict[str, Row] = field(default_factory=dict)
    states: dict[str, Row] = field(default_factory=dict)
    quarantine: dict[str, Row] = field(default_factory=dict)
    duplicates: int = 0
    late: int = 0
    messages: int = 0


def recompute(
    partitions: Iterable[Iterable[Message]], muted_until_ms: Mapping[str, int] | None = None
) -> Expected:
    """From every message of a stream; alerts before a series' `muted_until_ms` are not sent."""
    expected = Expected()
    lines: dict[str, _Line] = {}
    for partition in partitions:
        for message in partition:
            _take(expected, lines, message, muted_until_ms or {})
    for name, line in lines.items():
        expected.states[name] = line.state()
    return expected


def _take(
    expected: Expected, lines: dict[str, _Line], message: Message, muted: Mapping[str, int]
) -> None:
    expected.messages += 1
    place = f"{message.partition}/{message.offset}"
    source = Source("", message.partition, message.offset)
    try:
        # What is valid is the codec's to say; everything after it is not the pipeline's.
        metric = read(Delivery(source, message.key, message.value, message.arrival_ms), 0)
    except InvalidEvent as error:
        expected.quarantine[place] = (error.reason,)
        return
    if metric.id in expected.rows:
        if expected.rows[metric.id][:3] == _content(metric):
            expected.duplicates += 1
        else:
            expected.quarantine[place] = ("id-conflict",)
        return
    line = lines.setdefault(metric.series, _Line(expected, muted.get(metric.series, 0)))
    line.take(metric)


def _content(metric: Metric) -> Row:
    return (metric.series, iso_ms(metric.time_ms), metric.value)


class _Line:
    """One series: its detector, and what came last."""

    def __init__(self, expected: Expected, muted_until_ms: int) -> None:
        self._expected = expected
        self._muted_until_ms = muted_until_ms
        self._detector = Detector()
        self._newest_ms: int | None = None
        self._last: float | None = None
        self._events = self._late = 0
        self._alert: str | None = None

    def take(self, metric: Metric) -> None:
        if self._newest_ms is not None and metric.time_ms < self._newest_ms:
            self._late += 1
            self._expected.late += 1
            self._row(metric, None, None, "N", None, None, "Y")
            return
        verdict = self._detector.update(metric.time_ms / 1000, metric.value)
        change = None if self._last is None else metric.value - self._last
        ratio = metric.value / self._last if self._last else None
        strange = "Y" if verdict.score >= 1 else "N"
        self._row(metric, change, ratio, strange, verdict.score, verdict.reason, "N")
        if verdict.alert:
            self._alert = metric.id
            muted = "Y" if metric.time_ms < self._muted_until_ms else "N"
            band = (verdict.expected, verdict.low, verdict.high)
            told = (verdict.score, *band, verdict.reason, muted)
            self._expected.alerts[metric.id] = (*_content(metric), *told)
        self._follow_episode(metric)
        self._newest_ms, self._last = metric.time_ms, metric.value
        self._events += 1

    def state(self) -> Row:
        counts = (self._events, self._late)
        return (self._detector.dumps(), self._newest_ms, self._last, *counts, self._alert)

    def _row(self, metric: Metric, *judged: object) -> None:
        self._expected.rows[metric.id] = (*_content(metric), *judged)

    def _follow_episode(self, metric: Metric) -> None:
        episode = self._detector.episode
        if episode is None or self._alert is None:
            return
        times = (episode.start_s, episode.end_s, episode.peak_s)
        self._expected.episodes[self._alert] = (
            metric.series,
            *(iso_ms(round(time_s * 1000)) for time_s in times),
            *(episode.peak_score, episode.peak_value, episode.strange_points),
        )
