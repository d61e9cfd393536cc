"""What archive could not put away is never redriven as events: its records look like some."""

from __future__ import annotations

import json
from typing import Any

import pytest
from millrace.errors import QuarantineError
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.redrive import Redriver
from millrace.inference import records
from millrace.inference.contract import FeedbackRequest, ModelAnswer
from millrace.inference.served import Served

from tests.features.streaming import START_MS, document, record
from tests.features.streaming import Bench as EnrichBench
from tests.inference.recording import ARN, Bench, batch

USED = Served("u1", True, {"count_5m": 1}, START_MS, 1)
MADE = records.inference(
    "p1", b"null", USED, ModelAnswer(b"0.5", None, None), features_version="v", endpoint="e"
)
GIVEN = records.feedback(FeedbackRequest("p1", "u1", b"true", START_MS))


def redriver(enrich: EnrichBench) -> Redriver:
    reader = BatchReader(EventReader(enrich.definitions), enrich.streams)
    return Redriver(reader, enrich.store, enrich.objects)


def refused(enrich: EnrichBench, key: str) -> None:
    """Neither judged nor redriven; the object stays, and the user's events go on to count."""
    objects = dict(enrich.objects.bodies)
    for work in (redriver(enrich).judge, redriver(enrich).redrive):
        with pytest.raises(QuarantineError, match="is of the inference stream"):
            work(key)
    assert enrich.objects.bodies == objects
    enrich.run(record(document(5), 5))
    assert enrich.count() == 2


def known() -> EnrichBench:
    enrich = EnrichBench()
    enrich.run(record(document(1), 1))
    assert enrich.count() == 1
    return enrich


@pytest.mark.parametrize("data", [MADE, GIVEN], ids=["inference", "feedback"])
def test_a_batch_that_lambda_gave_up_on(data: bytes) -> None:
    enrich = known()
    key = "aws/lambda/mapping-of-archive/shardId-000000000000/1"
    content = {"version": "1.0", "payload": json.dumps({"Records": batch(data, first=100)})}
    enrich.objects.bodies[key] = json.dumps(content).encode()
    refused(enrich, key)


def test_what_is_no_record_of_an_inference() -> None:
    enrich, archive = known(), Bench()
    broken: dict[str, Any] = {**json.loads(MADE), "predictionId": None}
    assert archive.run(batch(broken)).quarantined == 1
    ((key, body),) = archive.quarantine.bodies.items()
    assert json.loads(body)["streamARN"] == ARN
    enrich.objects.bodies[key] = body
    refused(enrich, key)
