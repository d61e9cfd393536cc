"""Quarantined records come back: mended or as they are, once, noted in the same transaction.

The rules:

- A record is read as the function would read it, at the time at which it arrived: what was from the
  future then still is. It is applied whole, or, where any event in it is still invalid, not at all.
- What is applied goes through the same scoring as a batch of the stream, in the order of event
  times. An event older than the newest of its series is stored and marked late, not judged. An
  event that is known with the same content changes nothing, and its record is done.
- id-conflict: what stands in raw_events under that id stays. The record is left alone, unless the
  event is to become one of its own (`as_new`): then its id gets a mark that follows from the
  record, so that it is the same one however often this is done.
- place-conflict: the id is new, so the event is applied, without the place that another one has.
- The ledger, `redrives`, holds each record that was done, and what was applied where it was mended.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from millrace.anomaly import scoring, statements
from millrace.anomaly.desk import Kept, kept_of
from millrace.anomaly.metrics import MAX_NAME_BYTES, Metric, read
from millrace.anomaly.scoring import Known
from millrace.anomaly.session import Session, listed
from millrace.anomaly.sql_store import Database
from millrace.anomaly.transaction import SqlTransaction
from millrace.connector_hub import Delivery, Rejected, Source, decode
from millrace.errors import InvalidEvent, InvalidRequest, WriteConflict

# Done: nothing of the record is left to do.
APPLIED, LATE, KNOWN, BEFORE = "applied", "late", "known-before", "redriven-before"
# Open: the record stays in quarantine.
INVALID, CONFLICT = "still-invalid", "id-conflict"
DONE = frozenset({APPLIED, LATE, KNOWN, BEFORE})

# Of these not the event stands in quarantine, but its whole record.
_WHOLE_RECORDS = {"not-base64", "not-a-stream-record"}
_BATCH = 100
_TRIES = 3


class Mending(NamedTuple):
    """What is to be done to records before they are applied.

    `payload` stands in place of what was quarantined, `changes` are fields of its event.
    """

    payload: bytes | None = None
    changes: Mapping[str, object] = {}
    as_new: bool = False


AS_IT_IS = Mending()


class Redriven(NamedTuple):
    """What came of one record, or would come of it; `events` is how many it has."""

    quarantine_id: str
    outcome: str
    events: int
    message: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.outcome in DONE


@dataclass(slots=True)
class _Plan:
    """A record on its way: its events, or what keeps it in quarantine."""

    kept: Kept
    metrics: list[Metric] = field(default_factory=list)
    outcome: str = KNOWN
    message: str = ""
    fresh: list[Metric] = field(default_factory=list)


class Redriver:
    """Brings records of the quarantine table back, over either database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def judge(self, ids: Sequence[str], mending: Mending = AS_IT_IS) -> list[Redriven]:
        """What a redrive of these records would find now; nothing is written."""
        return self._every(ids, mending, None)

    def redrive(
        self, ids: Sequence[str], who: str, now_ms: int, mending: Mending = AS_IT_IS
    ) -> list[Redriven]:
        """Apply these records. Raises InvalidRequest, TransientError; what is done is done."""
        return self._every(ids, mending, (who, now_ms))

    def _every(
        self, ids: Sequence[str], mending: Mending, by: tuple[str, int] | None
    ) -> list[Redriven]:
        found: list[Redriven] = []
        for start in range(0, len(ids), _BATCH):
            found += self._tried(ids[start : start + _BATCH], mending, by)
        return found

    def _tried(
        self, ids: Sequence[str], mending: Mending, by: tuple[str, int] | None
    ) -> list[Redriven]:
        for attempt in range(_TRIES):
            try:
                with self._database.transaction() as session:
                    return _batch(session, ids, mending, by)
            except WriteConflict:
                # Somebody else wrote the same events, or redrove the same records: look again.
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")


def _batch(
    session: Session, ids: Sequence[str], mending: Mending, by: tuple[str, int] | None
) -> list[Redriven]:
    kept = {row[0]: kept_of(session, row) for row in session.rows(statements.KEPT, listed(ids))}
    missing = [name for name in ids if name not in kept]
    if missing:
        message = f"there is nothing in quarantine under {missing[0]!r}"
        raise InvalidRequest(404, "no-such-record", message, "quarantine_id")
    plans = {name: _plan(kept[name], mending) for name in ids}
    transaction = SqlTransaction(session)
    todo = [plan for plan in plans.values() if plan.metrics]
    known = transaction.known([metric for plan in todo for metric in plan.metrics])
    _sort_out(todo, known, as_new=mending.as_new)
    late = _applied(transaction, todo, known, by)
    for plan in todo:
        if plan.fresh:
            all_late = late.issuperset(metric.id for metric in plan.fresh)
            plan.outcome = LATE if all_late else APPLIED
    if by is not None:
        _note(session, plans.values(), mending, *by)
    return [
        Redriven(name, plan.outcome, len(plan.metrics), plan.message)
        for name, plan in plans.items()
    ]


def _plan(kept: Kept, mending: Mending) -> _Plan:
    if kept.outcome is not None:
        message = f"{kept.outcome}, by {kept.redriven_by}"
        return _Plan(kept, outcome=BEFORE, message=message)
    try:
        return _Plan(kept, list(_metrics(kept, mending)))
    except InvalidEvent as error:
        return _Plan(kept, outcome=INVALID, message=f"{error.reason}: {error}")


def _metrics(kept: Kept, mending: Mending) -> Iterable[Metric]:
    """The events of a record. Raises InvalidEvent."""
    payload = _bytes(kept.payload) if mending.payload is None else mending.payload
    if mending.changes:
        payload = _changed(payload, mending.changes)
    received_ms = kept.received_ms or 0
    for delivery in _deliveries(kept, payload):
        if isinstance(delivery, Rejected):
            raise InvalidEvent(delivery.reason, delivery.message)
        yield read(delivery, received_ms)


def _deliveries(kept: Kept, payload: bytes) -> list[Delivery | Rejected]:
    source = None
    if kept.stream is not None and kept.partition is not None and kept.offset is not None:
        source = Source(kept.stream, kept.partition, int(kept.offset))
    key = None if kept.key is None else _bytes(kept.key)
    if source is not None and kept.reason not in _WHOLE_RECORDS:
        return [Delivery(source, key, payload, None)]
    # An event that was put in place of a whole record takes over that record's place.
    return [
        one._replace(source=source, key=key)
        if isinstance(one, Delivery) and one.source is None
        else one
        for one in decode(payload)
    ]


def _changed(payload: bytes, changes: Mapping[str, object]) -> bytes:
    try:
        document: Any = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        message = f"no field of it can be set, for it is not JSON ({error}): give a whole payload"
        raise InvalidEvent("not-json", message) from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        message = f"no field of it can be set, for it is a {kind}: give a whole payload"
        raise InvalidEvent("not-an-object", message)
    return orjson.dumps({**document, **changes})


def _sort_out(plans: Sequence[_Plan], known: Known, *, as_new: bool) -> None:
    """What of each record is new; a record with an event in conflict stays whole."""
    contents, places = dict(known.contents), dict(known.places)
    for plan in sorted(plans, key=lambda one: min(metric.time_ms for metric in one.metrics)):
        metrics = plan.metrics
        if as_new:
            metrics = [_renamed(metric, plan.kept, contents) for metric in metrics]
        own: dict[str, tuple[str, int | None, float | None]] = {}
        clash = next((one for one in metrics if _clashes(one, contents, own)), None)
        if clash is not None:
            plan.outcome = CONFLICT
            stands = contents.get(clash.id) or own[clash.id]
            plan.message = f"the id {clash.id!r} is known with other content: {stands}"
            continue
        for metric in metrics:
            if metric.id in contents:
                continue
            contents[metric.id] = metric.content
            place = metric.source
            if place is not None and places.setdefault(place, metric.id) != metric.id:
                metric = metric._replace(source=None)
            plan.fresh.append(metric)


def _clashes(
    metric: Metric,
    contents: Mapping[str, tuple[str, int | None, float | None]],
    own: dict[str, tuple[str, int | None, float | None]],
) -> bool:
    """Whether an id is known with other content, outside the record or within it."""
    stands = contents.get(metric.id) or own.setdefault(metric.id, metric.content)
    return stands != metric.content


def _renamed(metric: Metric, kept: Kept, contents: Mapping[str, object]) -> Metric:
    if contents.get(metric.id, metric.content) == metric.content:
        return metric
    mark = f"#{kept.quarantine_id[:12]}"
    stem = metric.id.encode()[: MAX_NAME_BYTES - len(mark)].decode(errors="ignore")
    return metric._replace(id=stem + mark)


def _applied(
    transaction: SqlTransaction, plans: Sequence[_Plan], known: Known, by: tuple[str, int] | None
) -> set[str]:
    """Write what is new, in the order of event times; the ids of what came late."""
    fresh = sorted(
        (metric for plan in plans for metric in plan.fresh), key=lambda metric: metric.time_ms
    )
    states = transaction.states(sorted({metric.series for metric in fresh}))
    # Without their places, events are judged in the order in which they stand here.
    scored = scoring.score([one._replace(source=None) for one in fresh], states, Known({}, {}))
    places = {metric.id: metric.source for metric in fresh}
    scored.rows = [row._replace(source=places[row.event_id]) for row in scored.rows]
    if by is not None:
        transaction.write(scored, by[1])
    return {row.event_id for row in scored.rows if row.late}


def _note(
    session: Session, plans: Iterable[_Plan], mending: Mending, who: str, now_ms: int
) -> None:
    mended = bool(mending.changes) or mending.payload is not None
    now = session.moment(now_ms)
    session.many(
        statements.INSERT_REDRIVE,
        [
            {
                "quarantine_id": plan.kept.quarantine_id,
                "outcome": plan.outcome,
                "events": len(plan.metrics),
                "payload": b"\n".join(one.data for one in plan.metrics).decode(errors="replace")
                if mended
                else None,
                "redriven_by": who[:256],
                "now_time": now,
            }
            for plan in plans
            if plan.outcome in DONE and plan.outcome != BEFORE
        ],
    )


def _bytes(text: str) -> bytes:
    """What was written into a column of text, as it came."""
    marked = text.removeprefix("base64:")
    if marked == text:
        return text.encode()
    try:
        return base64.b64decode(marked, validate=True)
    except ValueError:
        return text.encode()
