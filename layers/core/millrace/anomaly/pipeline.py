"""One invocation: a payload in, rows, states and alerts in the database, one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from millrace.anomaly import scoring
from millrace.anomaly.delivery import Topic, deliver
from millrace.anomaly.detectors import Detectors
from millrace.anomaly.metrics import Metric, read
from millrace.anomaly.rows import Poison
from millrace.anomaly.store import Store
from millrace.connector_hub import Delivery, Rejected, decode
from millrace.errors import InvalidEvent, MillraceError, WriteConflict

_TRIES = 3
# An invocation sends no more, for its time is short; the next one, or the sweep, goes on.
_MOST_DIGESTS = 3


@dataclass(slots=True)
class Report:
    """What an invocation did; what it answers and logs."""

    events: int = 0
    stored: int = 0
    late: int = 0
    duplicates: int = 0
    strange: int = 0
    alerts: int = 0
    quarantined: int = 0
    restarted: int = 0
    delivered: int = 0
    series: int = 0
    problem: str | None = None
    reasons: Counter[str] = field(default_factory=Counter)

    def answer(self) -> dict[str, object]:
        """Plain data: what is zero or empty is left out, but for what every batch has."""
        found = {name: getattr(self, name) for name in self.__slots__}
        always = {"events", "stored", "alerts"}
        return {name: value for name, value in found.items() if value or name in always}


class Pipeline:
    """Judges payloads. `topic` is None where nothing is to be sent from here.

    `clock_ms` tells the time at which a digest is claimed. By then a large batch may have taken
    longer than a lease lasts that is counted from its beginning, which is what counts without one.
    """

    def __init__(
        self, store: Store, topic: Topic | None = None, clock_ms: Callable[[], int] | None = None
    ) -> None:
        self._store = store
        self._topic = topic
        self._detectors = Detectors()
        self._clock_ms = clock_ms

    def handle(self, body: bytes, now_ms: int) -> Report:
        """Judge a payload and store all that follows, or raise and leave no trace.

        Raises TransientError where the same payload should come again.
        """
        metrics, poison = sort_out(body, now_ms)
        report = self._stored(metrics, poison, now_ms)
        if self._topic is not None:
            self._deliver(self._topic, report, now_ms)
        return report

    def _stored(self, metrics: list[Metric], poison: list[Poison], now_ms: int) -> Report:
        for attempt in range(_TRIES):
            try:
                return self._store_once(metrics, poison, now_ms)
            except WriteConflict:
                # Somebody else wrote the same events, or the same new series: look again.
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _store_once(self, metrics: list[Metric], poison: list[Poison], now_ms: int) -> Report:
        with self._store.begin() as transaction:
            states = transaction.states(sorted({metric.series for metric in metrics}))
            known = transaction.known(metrics)
            scored = scoring.score(metrics, states, known, self._detectors)
            transaction.write(scored, now_ms)
            poison = [*poison, *scored.conflicts]
            transaction.quarantine(poison, now_ms)
        return _report(metrics, poison, scored)

    def _deliver(self, topic: Topic, report: Report, now_ms: int) -> None:
        """The batch is stored whatever happens here."""
        for _ in range(_MOST_DIGESTS):
            try:
                at_ms = now_ms if self._clock_ms is None else self._clock_ms()
                done = deliver(self._store, topic, at_ms)
            except MillraceError as error:
                report.problem = f"alerts stay in the outbox: {type(error).__name__}"
                return
            if done is None:
                return
            report.delivered += done.alerts
            report.problem = done.problem
            if done.problem is not None:
                return


def sort_out(body: bytes, now_ms: int) -> tuple[list[Metric], list[Poison]]:
    """The metrics of a payload, and what is none."""
    metrics, poison = [], []
    for record in decode(body):
        if isinstance(record, Rejected):
            poison.append(Poison(record.reason, record.message, record.source, record.raw))
            continue
        try:
            metrics.append(read(record, now_ms))
        except InvalidEvent as error:
            poison.append(_poison(error, record))
    return metrics, poison


def _poison(error: InvalidEvent, record: Delivery) -> Poison:
    return Poison(error.reason, str(error), record.source, record.data, record.key)


def _report(metrics: list[Metric], poison: Iterable[Poison], scored: scoring.Scored) -> Report:
    reasons = Counter(one.reason for one in poison)
    return Report(
        events=len(metrics) + reasons.total() - len(scored.conflicts),
        stored=len(scored.rows),
        late=sum(row.late for row in scored.rows),
        duplicates=scored.duplicates,
        strange=sum(row.anomaly for row in scored.rows),
        alerts=len(scored.alerts),
        quarantined=reasons.total(),
        restarted=len(scored.restarted),
        series=len(scored.fresh) + len(scored.changed),
        reasons=reasons,
    )
