"""Training rows out of inference records: what the model was given, with what came of it.

The features of a row are those of the record, to the last digit: they are not computed again. The
outcome is what `POST /feedback` said, or what a label says of the user's events that happened
after the prediction. The records are those of `millrace.features.history.archived` with the kinds
``inferences``, ``feedback`` and ``events``, from S3 or from a folder.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from millrace.errors import ConfigurationError, InvalidEvent
from millrace.events import LATEST_MS, Event, EventReader, read_time_ms
from millrace.features.replay import Record
from millrace.inference.records import FEEDBACK, INFERENCE, check

Label = Callable[[Sequence[Event]], object]


class Inference(NamedTuple):
    """A prediction as it was recorded; `at_ms` is the moment of its features."""

    prediction_id: str
    user_id: str
    at_ms: int
    features: dict[str, Any]
    features_version: str
    input: Any
    prediction: Any
    model: dict[str, Any]


class Row(NamedTuple):
    """A prediction, and what came of it."""

    inference: Inference
    outcome: Any


def inferences(records: Iterable[Record]) -> Iterator[Inference]:
    """Every prediction of the records, each once. Raises ConfigurationError for other records."""
    seen: set[str] = set()
    for document in _documents(records, INFERENCE):
        identity = document["predictionId"]
        if identity in seen:
            continue  # a put that was tried again
        seen.add(identity)
        yield Inference(
            identity,
            document["userId"],
            read_time_ms(document["featuresAsOf"], "featuresAsOf"),
            document["features"],
            document["featuresVersion"],
            document["input"],
            document["prediction"],
            document["model"],
        )


def with_feedback(made: Iterable[Inference], feedback: Iterable[Record]) -> Iterator[Row]:
    """The predictions of which an outcome was reported.

    Where one has several, that of the latest timestamp counts; of equal ones the last to arrive.
    """
    outcomes: dict[str, tuple[int, Any]] = {}
    for document in _documents(feedback, FEEDBACK):
        identity = document["predictionId"]
        time_ms = read_time_ms(document["timestamp"])
        if identity not in outcomes or outcomes[identity][0] <= time_ms:
            outcomes[identity] = (time_ms, document["outcome"])
    for inference in made:
        if inference.prediction_id in outcomes:
            yield Row(inference, outcomes[inference.prediction_id][1])


def with_later_events(
    made: Iterable[Inference],
    events: Iterable[Record],
    reader: EventReader,
    *,
    horizon_ms: int,
    label: Label,
    until_ms: int | None = None,
) -> Iterator[Row]:
    """The predictions, labelled by their user's events of the `horizon_ms` after them.

    Point in time: an event counts where it happened after the features' moment, not where it
    arrived. A prediction whose horizon is not over at `until_ms` (by default the time of the newest
    event) gives no row, because what is still to come is not known to be nothing. Events that are
    invalid, or come again under the same id, are left out, as they are live.
    """
    predictions = list(made)
    wanted = {inference.user_id for inference in predictions}
    by_user, newest_ms = _events_of(wanted, events, reader)
    over_ms = newest_ms if until_ms is None else until_ms
    for inference in predictions:
        end_ms = inference.at_ms + horizon_ms
        if end_ms > over_ms:
            continue
        of_user = by_user.get(inference.user_id, [])
        first = bisect_right(of_user, inference.at_ms, key=attrgetter("time_ms"))
        last = bisect_right(of_user, end_ms, key=attrgetter("time_ms"))
        yield Row(inference, label(of_user[first:last]))


def _events_of(
    users: set[str], events: Iterable[Record], reader: EventReader
) -> tuple[dict[str, list[Event]], int]:
    """The distinct events of some users in order of time, and the time of the newest of all."""
    by_user: dict[str, list[Event]] = {}
    seen: set[tuple[str, int]] = set()
    newest_ms = 0
    for record in events:
        event = _event(record, reader)
        if event is None:
            continue
        newest_ms = max(newest_ms, event.time_ms)
        user = event.keys[0]
        if user not in users or user is None or (user, event.id_hash) in seen:
            continue
        if event.id is not None:
            seen.add((user, event.id_hash))
        by_user.setdefault(user, []).append(event)
    for of_user in by_user.values():
        of_user.sort(key=attrgetter("time_ms"))
    return by_user, newest_ms


def _event(record: Record, reader: EventReader) -> Event | None:
    arrival_ms = LATEST_MS if record.arrival_ms is None else record.arrival_ms
    try:
        return reader.from_document(record.document, arrival_ms)
    except InvalidEvent:
        return None  # it is in quarantine


def _documents(records: Iterable[Record], kind: str) -> Iterator[dict[str, Any]]:
    """The documents of records that must be of one kind."""
    for number, record in enumerate(records, 1):
        try:
            found = check(record.document)
        except InvalidEvent as error:
            raise ConfigurationError(f"record {number} is no {kind} record: {error}") from error
        if found != kind:
            raise ConfigurationError(f"record {number} is {found}, where {kind} is expected")
        yield record.document
