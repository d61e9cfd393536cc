"""Training rows: what a model was given, joined with what came of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.events import Event, EventReader, read_time_ms
from millrace.features.definitions import load
from millrace.features.history import archived
from millrace.features.replay import Record
from millrace.folder import FolderObjects
from millrace.inference.joined import (
    Inference,
    Row,
    inferences,
    with_feedback,
    with_later_events,
)

from tests.features.conftest import SHIPPED
from tests.features.streaming import START_MS, document
from tests.inference.recording import Bench, batch, feedback, inference

READER = EventReader(load(SHIPPED))
HORIZON_MS = 10_000


def of(*documents: dict[str, Any]) -> list[Record]:
    return [Record(one) for one in documents]


def outcomes(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.inference.prediction_id: row.outcome for row in rows}


def bought(events: Sequence[Event]) -> bool:
    return any(event.type == "buy" for event in events)


def labelled(made: Sequence[Inference], events: list[Record], **more: Any) -> dict[str, Any]:
    label = more.pop("label", bought)
    rows = with_later_events(made, events, READER, horizon_ms=HORIZON_MS, label=label, **more)
    return outcomes(list(rows))


def made(number: int, at_ms: int, user: str = "u1") -> Inference:
    """A prediction whose features are as of a moment."""
    as_of = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
    return next(inferences(of(inference(number, userId=user, featuresAsOf=as_of))))


def test_a_row_is_what_the_model_was_given_to_the_last_digit() -> None:
    (found,) = inferences(of(inference(3)))
    assert found == Inference(
        prediction_id="p3",
        user_id="u1",
        at_ms=START_MS + 60_000,
        features={"count_5m": 3, "metric_mean_5m": 0.30000000000000004},
        features_version="0123456789ab",
        input={"n": 3},
        prediction={"score": 0.5},
        model={"endpoint": "m", "variant": "v", "version": "1"},
    )


def test_a_prediction_that_was_put_twice_is_one() -> None:
    assert len(list(inferences(of(inference(1), inference(2), inference(1))))) == 2


@pytest.mark.parametrize("record", [feedback(1, 0), {}, 7, inference(1, features=...)])
def test_another_record_among_the_inferences_is_named(record: Any) -> None:
    with pytest.raises(ConfigurationError, match="record 2"):
        list(inferences(of(inference(1), record)))


# ---- feedback ---------------------------------------------------------------------------------


def test_feedback_joins_by_prediction_and_the_latest_counts() -> None:
    told = of(
        feedback(2, "early", 1),
        feedback(1, "late", 9),
        feedback(1, "early", 3),
        feedback(2, "late", 5),
        feedback(2, "same time, later arrival", 5),
        feedback(9, "of a prediction that is not here"),
    )
    rows = list(with_feedback(inferences(of(inference(1), inference(2), inference(3))), told))
    assert outcomes(rows) == {"p1": "late", "p2": "same time, later arrival"}


def test_an_outcome_may_be_null() -> None:
    rows = list(with_feedback(inferences(of(inference(1))), of(feedback(1, None))))
    assert outcomes(rows) == {"p1": None}


@given(st.permutations([(1, 1), (1, 5), (1, 9), (2, 4), (2, 8)]))
def test_feedback_may_arrive_in_any_order(order: list[tuple[int, int]]) -> None:
    told = of(*(feedback(number, second, second) for number, second in order))
    rows = list(with_feedback(inferences(of(inference(1), inference(2))), told))
    assert outcomes(rows) == {"p1": 9, "p2": 8}


# ---- later events -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_ms", "expected"),
    [(-1, False), (0, False), (1, True), (HORIZON_MS, True), (HORIZON_MS + 1, False)],
)
def test_an_event_counts_after_the_features_moment_up_to_the_horizon(
    after_ms: int, expected: bool
) -> None:
    at_ms = START_MS + 5_000
    events = of(
        document(1, at_ms=at_ms + after_ms, eventType="buy"),
        document(2, "somebody else", at_ms=at_ms + 60_000),
    )
    assert labelled([made(1, at_ms)], events) == {"p1": expected}


def test_somebody_elses_event_is_no_outcome() -> None:
    events = of(document(1, "u2", at_ms=START_MS + 1, eventType="buy"), document(60))
    assert labelled([made(1, START_MS)], events) == {"p1": False}


def test_a_horizon_that_is_not_over_gives_no_row() -> None:
    events = of(document(1, at_ms=START_MS + 1, eventType="buy"), document(2, at_ms=START_MS + 50))
    assert labelled([made(1, START_MS)], events) == {}
    assert labelled([made(1, START_MS)], events, until_ms=START_MS + HORIZON_MS) == {"p1": True}


def test_an_event_counts_once_and_invalid_ones_not_at_all() -> None:
    events = [
        *of(document(1, at_ms=START_MS + 1), document(1, at_ms=START_MS + 1)),
        *of({"userId": "u1"}, document(2, at_ms=START_MS + 2, metric="many")),
        *of(document(3, at_ms=START_MS + 3, eventId=None)),
        *of(document(3, at_ms=START_MS + 3, eventId=None)),
        *of(document(60)),
        Record(document(4, at_ms=START_MS + 9_000), arrival_ms=START_MS),  # from the future
    ]
    counts = labelled([made(1, START_MS)], events, label=len)
    assert counts == {"p1": 3}, "one with an id, two without"


@given(seed=st.integers(0, 2**32))
def test_the_join_is_that_of_a_look_at_every_event(seed: int) -> None:
    rng = random.Random(seed)
    documents = [
        document(n, rng.choice("ab"), at_ms=START_MS + rng.randrange(60_000)) for n in range(60)
    ]
    predictions = [made(n, START_MS + rng.randrange(60_000), rng.choice("abc")) for n in range(10)]
    newest_ms = max(read_time_ms(one["timestamp"]) for one in documents)
    expected = {
        one.prediction_id: sorted(
            event["eventId"]
            for event in documents
            if event["userId"] == one.user_id
            and one.at_ms < read_time_ms(event["timestamp"]) <= one.at_ms + HORIZON_MS
        )
        for one in predictions
        if one.at_ms + HORIZON_MS <= newest_ms
    }
    found = labelled(
        predictions, of(*documents), label=lambda events: sorted(str(e.id) for e in events)
    )
    assert found == expected


# ---- out of an archive ------------------------------------------------------------------------


def test_an_archive_that_was_copied_to_a_folder_is_joined_alike(tmp_path: Path) -> None:
    bench = Bench()
    bench.run(batch(inference(1), feedback(1, True, userId="u1"), inference(2)))
    bench.run(batch(feedback(2, False), first=9))
    for key, body in bench.archive.bodies.items():
        FolderObjects(tmp_path).put(key, body)
    for objects in (bench.archive, FolderObjects(tmp_path)):
        rows = with_feedback(
            inferences(archived(objects, kind="inferences")), archived(objects, kind="feedback")
        )
        assert outcomes(list(rows)) == {"p1": True, "p2": False}


def test_an_archive_without_inferences_says_how_to_have_some(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="InferenceLog=on"):
        next(archived(FolderObjects(tmp_path), kind="inferences"))
