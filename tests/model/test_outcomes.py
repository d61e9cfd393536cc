"""Rows out of recorded predictions: what the model was given, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from millrace.errors import ConfigurationError
from millrace.features.definitions import load
from millrace.features.item import iso_ms
from millrace.features.plan import plans_of
from millrace.features.sinks import Archive
from millrace.features.version import features_version
from millrace.folder import FolderObjects
from millrace.inference.contract import FeedbackRequest, ModelAnswer
from millrace.inference.records import feedback, inference
from millrace.inference.served import Served, ServedFeatures
from millrace.kinesis import Delivery
from millrace.objects import MemoryObjects, Objects

from model.baselines import TUTORIAL
from model.loading import load_model
from model.outcomes import answered
from model.rows import Row, Rows
from model.target import Target
from model.train import main
from tests.features.conftest import SHIPPED
from tests.model.shop import PURCHASE, events
from tests.model.test_rows import shown
from tests.model.unpacking import unpacked

DEFINITIONS = load(SHIPPED)
VERSION = features_version(plans_of(DEFINITIONS)[0])
ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/"


def put(objects: Objects, kind: str, bodies: Sequence[bytes], stream: str = "inferences") -> None:
    """Archive records of a kind."""
    deliveries = [
        Delivery(1, 0, n, 0, str(n), "k", body, 1_770_000_000_000 + n, False, f"{ARN}{stream}")
        for n, body in enumerate(bodies)
    ]
    Archive(objects, kind).take(deliveries)


def recorded(number: int, row: Row, version: str = VERSION) -> bytes:
    """The record of a prediction at a row's moment, as PredictFunction writes it."""
    beside: ServedFeatures = {
        "userId": row.key,
        "lastUpdate": iso_ms(row.at_ms),
        "count5min": 3,
        "lastMetric": 1.5,
    }
    used = Served(row.key, True, {**row.features, **beside}, row.at_ms, 1)
    answer = ModelAnswer(b'{"score": 0.5}', "AllTraffic", "0123456789ab")
    return inference(
        str(UUID(int=number)), b"{}", used, answer, features_version=version, endpoint="e"
    )


def reported(number: int, outcome: object, at_ms: int = 0) -> bytes:
    """Feedback on a prediction."""
    time_ms = 1_770_000_000_000 + at_ms
    request = FeedbackRequest(str(UUID(int=number)), None, orjson.dumps(outcome), time_ms)
    return feedback(request)


@pytest.fixture(scope="module")
def objects(rows: Rows) -> MemoryObjects:
    """The shop's events, and a prediction at each moment of their rows."""
    kept = MemoryObjects()
    put(kept, "events", [orjson.dumps(event) for event in events()], "events")
    put(kept, "inferences", [recorded(n, row) for n, row in enumerate(rows.rows)])
    return kept


def known(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """Rows but for what no record holds."""
    return [shown(row._replace(tutorial_count=None)) for row in rows]


def test_predictions_with_the_events_after_them_are_the_rows_of_a_replay(
    objects: MemoryObjects, rows: Rows
) -> None:
    found = answered(objects, DEFINITIONS, PURCHASE, "events")
    assert known(found.rows) == known(rows.rows)
    assert found.given_up.total() == 0
    assert (found.of, found.summary.rows) == ("predictions", len(rows.rows))
    assert (found.first_ms, found.last_ms) == (rows.rows[0].at_ms, rows.rows[-1].at_ms)


def test_a_time_to_come_that_is_not_over_gives_no_row(objects: MemoryObjects, rows: Rows) -> None:
    found = answered(objects, DEFINITIONS, Target.parse("purchase", "12h"), "events")
    assert 0 < found.given_up["incomplete"] == len(rows.rows) - len(found.rows)
    assert found.rows[-1].at_ms <= rows.last_ms - 12 * 3_600_000


@pytest.mark.parametrize(
    ("outcome", "positive"),
    [(True, True), (False, False), (1, True), (0, False), ("purchase", True), ("none", False)],
)
def test_feedback_says_what_came(rows: Rows, outcome: object, positive: bool) -> None:
    kept = MemoryObjects()
    put(kept, "inferences", [recorded(n, row) for n, row in enumerate(rows.rows[:3])])
    put(kept, "feedback", [reported(1, outcome)])
    found = answered(kept, DEFINITIONS, PURCHASE, "feedback")
    assert known(found.rows) == known([rows.rows[1]._replace(positive=positive)])
    assert found.given_up == {"unanswered": 2}


@pytest.mark.parametrize("outcome", ["yes", 2, None, {"bought": True}, [1]])
def test_an_outcome_that_is_not_clear_is_named(rows: Rows, outcome: object) -> None:
    kept = MemoryObjects()
    put(kept, "inferences", [recorded(0, rows.rows[0])])
    put(kept, "feedback", [reported(0, outcome)])
    with pytest.raises(ConfigurationError, match=r"outcome of prediction 0{8}-.*true or false"):
        answered(kept, DEFINITIONS, PURCHASE, "feedback")


def test_predictions_on_features_of_another_version_are_left_out(rows: Rows) -> None:
    kept = MemoryObjects()
    other = recorded(0, rows.rows[0], version="ffffffffffff")
    put(kept, "inferences", [other, recorded(1, rows.rows[1])])
    put(kept, "feedback", [reported(0, True), reported(1, True)])
    found = answered(kept, DEFINITIONS, PURCHASE, "feedback")
    assert [row.at_ms for row in found.rows] == [rows.rows[1].at_ms]
    assert found.given_up == {"other-features": 1}


def test_where_no_prediction_gives_a_row_it_is_said_why(rows: Rows) -> None:
    kept = MemoryObjects()
    other = recorded(0, rows.rows[0], version="ffffffffffff")
    put(kept, "inferences", [other, recorded(1, rows.rows[1]), recorded(2, rows.rows[2])])
    put(kept, "feedback", [reported(0, True)])
    words = rf"of 3, 1 were made on other versions .*\({VERSION}\), and of 2 it is not known"
    with pytest.raises(ConfigurationError, match=words):
        answered(kept, DEFINITIONS, PURCHASE, "feedback")


@pytest.mark.parametrize("value", ["1", True, [1], {}])
def test_a_recorded_feature_that_is_no_number_is_named(rows: Rows, value: object) -> None:
    kept = MemoryObjects()
    record = json.loads(recorded(0, rows.rows[0]))
    record["features"]["count_5m"] = value
    put(kept, "inferences", [orjson.dumps(record)])
    put(kept, "feedback", [reported(0, True)])
    with pytest.raises(ConfigurationError, match=r"prediction 0{8}-.*feature count_5m must be"):
        answered(kept, DEFINITIONS, PURCHASE, "feedback")


def test_an_archive_without_predictions_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="inferences/"):
        answered(MemoryObjects(), DEFINITIONS, PURCHASE, "events")


def test_a_model_is_trained_on_feedback(
    objects: MemoryObjects, rows: Rows, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = FolderObjects(tmp_path / "archive")
    for key, body in objects.bodies.items():
        folder.put(key, body)
    put(folder, "feedback", [reported(n, row.positive) for n, row in enumerate(rows.rows)])
    out = tmp_path / "model.tar.gz"
    argv = ["--from", str(folder.folder), "--outcomes", "feedback", "--out", str(out), "--json"]
    assert main(argv) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["trained_on"]["predictions"] == len(rows.rows)
    assert report["trained_on"]["source"] == "archive archive"
    # Nothing tells what the tutorials' handler would have stored.
    assert TUTORIAL not in report["metrics"]["baselines"]
    assert report["metrics"]["model"]["roc_auc"] > 0.6
    assert load_model(unpacked(out.read_bytes(), tmp_path)).contract.features_version == VERSION
