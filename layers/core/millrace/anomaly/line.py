"""One series in a batch: its detector and last value, from the stored state to the next one."""

from __future__ import annotations

from millrace.anomaly.detector import Detector
from millrace.anomaly.detectors import Detectors
from millrace.anomaly.metrics import LARGEST, Metric
from millrace.anomaly.rows import BY_FUNCTION, Alert, EpisodeRow, EventRow, SeriesState
from millrace.anomaly.verdict import Verdict
from millrace.errors import UnreadableState

# From this score on a point is stranger than the series' own bar (see verdict.py).
STRANGE = 1.0


class Line:
    """Judges the events of one series, one after the other, and keeps what must be written.

    `detectors` may have its detector from the last batch, and gets it back at the end.
    """

    def __init__(self, state: SeriesState, detectors: Detectors | None = None) -> None:
        self._state = state
        self._detectors = detectors
        self._detector, self.restarted = _detector(state, detectors)
        self._newest_ms, self._last = state.newest_ms, state.last_value
        self._events, self._late = state.events, state.late
        self._episode_id = state.episode_id
        self.alerts: list[Alert] = []
        self._begun: dict[str, EpisodeRow] = {}
        self._continued: dict[str, EpisodeRow] = {}

    @property
    def begun(self) -> list[EpisodeRow]:
        """The episodes that began here."""
        return list(self._begun.values())

    @property
    def continued(self) -> list[EpisodeRow]:
        """The episodes that began in an earlier batch and went on here."""
        return list(self._continued.values())

    def judge(self, metric: Metric) -> EventRow:
        """The event's row; what else follows from it is kept."""
        if self._newest_ms is not None and metric.time_ms < self._newest_ms:
            self._late += 1
            return _late_row(metric, self._newest_ms)
        verdict = self._detector.update(metric.time_ms / 1000, metric.value)
        if verdict.alert:
            self._episode_id = metric.id
            self.alerts.append(self._alert(metric, verdict))
        strange = verdict.score >= STRANGE
        if strange:
            self._follow_episode(metric)
        change, ratio = features(metric.value, self._last)
        self._newest_ms, self._last = metric.time_ms, metric.value
        self._events += 1
        return EventRow(
            event_id=metric.id,
            series=metric.series,
            time_ms=metric.time_ms,
            value=metric.value,
            feature1=change,
            feature2=ratio,
            anomaly=strange,
            score=verdict.score,
            reason=verdict.reason,
            late=False,
            source=metric.source,
            expected=verdict.expected,
            low=verdict.low,
            high=verdict.high,
            rate=verdict.value if verdict.of_rate else None,
            view=verdict.view,
        )

    def state(self) -> SeriesState:
        """The series' next state; nothing is judged after it."""
        packed = self._detector.dumps()
        if self._detectors is not None:
            self._detectors.keep(self._state.series, packed, self._detector)
        return self._state._replace(
            detector=packed,
            newest_ms=self._newest_ms,
            last_value=self._last,
            events=self._events,
            late=self._late,
            episode_id=self._episode_id,
            heeded=max(self._state.heeded, self._state.false_alarms),
        )

    def _alert(self, metric: Metric, verdict: Verdict) -> Alert:
        muted_until_ms = self._state.muted_until_ms
        return Alert(
            alert_id=metric.id,
            series=metric.series,
            time_ms=metric.time_ms,
            value=metric.value,
            score=verdict.score,
            expected=verdict.expected,
            low=verdict.low,
            high=verdict.high,
            reason=verdict.reason,
            by=BY_FUNCTION,
            muted=muted_until_ms is not None and metric.time_ms < muted_until_ms,
        )

    def _follow_episode(self, metric: Metric) -> None:
        episode = self._detector.episode
        if episode is None or self._episode_id is None:
            return
        row = EpisodeRow(
            episode_id=self._episode_id,
            series=metric.series,
            start_ms=round(episode.start_s * 1000),
            end_ms=round(episode.end_s * 1000),
            peak_ms=round(episode.peak_s * 1000),
            peak_score=episode.peak_score,
            peak_value=episode.peak_value,
            strange_points=episode.strange_points,
        )
        ours = any(alert.alert_id == row.episode_id for alert in self.alerts)
        (self._begun if ours else self._continued)[row.episode_id] = row


def features(value: float, last: float | None) -> tuple[float | None, float | None]:
    """The change against the last value, and the ratio to it.

    >>> features(3.0, 2.0), features(3.0, 0.0), features(3.0, None)
    ((1.0, 1.5), (3.0, None), (None, None))
    """
    if last is None:
        return None, None
    if last == 0.0:
        return value - last, None
    ratio = value / last
    return value - last, ratio if abs(ratio) < LARGEST else None


def _late_row(metric: Metric, newest_ms: int) -> EventRow:
    behind_s = (newest_ms - metric.time_ms) / 1000
    return EventRow(
        event_id=metric.id,
        series=metric.series,
        time_ms=metric.time_ms,
        value=metric.value,
        feature1=None,
        feature2=None,
        anomaly=False,
        score=None,
        reason=f"late: {behind_s:.3f} s older than the newest event of its series; not judged",
        late=True,
        source=metric.source,
    )


def _detector(state: SeriesState, detectors: Detectors | None) -> tuple[Detector, bool]:
    """The series' detector, and whether it had to start anew: a series must not stop for ever
    because its state is of another version."""
    restarted = False
    detector: Detector | None = None
    if state.detector is not None:
        if detectors is not None:
            detector = detectors.take(state.series, state.detector)
        try:
            detector = detector or Detector.loads(state.detector)
        except UnreadableState:
            restarted = True
    if detector is None:
        detector = Detector(state.sensitivity)
    detector.sensitivity = state.sensitivity
    for _ in range(state.false_alarms - state.heeded):
        detector.false_alarm()
    return detector, restarted
