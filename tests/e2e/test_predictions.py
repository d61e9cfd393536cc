"""Predictions on one machine, whole: events in, features, a trained model's answer, records out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from millrace.features.definitions import load
from millrace.features.history import archived
from millrace.features.item import iso_ms
from millrace.features.replay import Record, Replay
from millrace.inference.joined import inferences, with_feedback
from millrace.s3 import S3Objects

from localcloud.cloud import LocalCloud, Options, running
from localcloud.cloudwatch.alarms import State
from localcloud.faults.plan import Fail, FaultPlan, Rule
from model.outcomes import answered
from model.packaging import archive as packed
from model.rows import labelled
from model.training import train
from tests.features.conftest import SHIPPED
from tests.localcloud.running import Running
from tests.localcloud.running import running as in_thread
from tests.localcloud.signing import get, post
from tests.model.shop import PURCHASE
from tests.model.shop import events as shop_events

ROOT = Path(__file__).parents[2]
PARAMETERS = {
    "Ingest": "on",
    "EnhancedFanOut": "on",
    "EndpointMode": "create",
    "EndpointType": "instances",
    "ModelImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/millrace-model:1",
    "ModelDataUrl": "s3://models/model.tar.gz",
    "ArchiveEvents": "on",
    "InferenceLog": "on",
    "Alarms": "on",
    "Dashboard": "on",
}
RUNTIME = "sagemaker-runtime"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a model that was trained on a little of the shop."""
    history = (Record(event) for event in shop_events(a_day=600))
    trained = train(labelled(history, load(SHIPPED), PURCHASE), load(SHIPPED), PURCHASE, "a shop")
    path = tmp_path_factory.mktemp("model") / "model.tar.gz"
    path.write_bytes(packed(trained.contract, trained.model))
    return path


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Running[LocalCloud]]:
    options = Options(
        ROOT,
        tmp_path_factory.mktemp("cloud"),
        parameters=PARAMETERS,
        objects={"models/model.tar.gz": model},
    )
    with in_thread(lambda: running(options)) as cloud:
        yield cloud


@pytest.fixture
def faults(cloud: Running[LocalCloud]) -> Iterator[Any]:
    """Put rules in force; they are gone afterwards."""
    injector = cloud.value.injector
    yield lambda *rules: injector.use(FaultPlan(1, rules))
    injector.use(FaultPlan())


def predict(cloud: Running[LocalCloud], user: str) -> httpx.Response:
    return post(cloud.value.output("PredictUrl"), {"userId": user, "input": {}})


def send_events(cloud: Running[LocalCloud], user: str, count: int) -> None:
    now_ms = cloud.value.clock.now_ms()
    events = [
        {"userId": user, "eventType": "view", "metric": n, "timestamp": iso_ms(now_ms - 1000 * n)}
        for n in reversed(range(count))
    ]
    assert post(cloud.value.output("EventsUrl"), events).status_code == 202
    cloud.run(cloud.value.caught_up())


def test_a_prediction_is_the_model_s_answer_on_features_as_they_stand(
    cloud: Running[LocalCloud],
) -> None:
    send_events(cloud, "ann", 7)
    answer = predict(cloud, "ann")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["known"], found["features"]["count_5m"]) == (True, 7)
    assert 0 <= found["featureAgeMs"] < 60_000
    assert found["model"]["endpoint"] == cloud.value.stack.endpoints[0].name
    assert found["model"]["variant"] == "AllTraffic"
    assert found["model"]["version"]
    assert found["prediction"]
    read = get(f"{cloud.value.output('FeaturesUrl')}/ann")
    assert read.json()["features"]["count_5m"] == 7


def test_nobody_is_answered_without_a_signature(cloud: Running[LocalCloud]) -> None:
    body = {"userId": "ann", "input": {}}
    for name in ("PredictUrl", "EventsUrl", "FeedbackUrl"):
        assert httpx.post(cloud.value.output(name), json=body).status_code == 403
    assert httpx.get(cloud.value.output("OpenApiUrl")).status_code == 403
    assert get(cloud.value.output("OpenApiUrl")).json()["openapi"].startswith("3.")


def test_what_predict_used_comes_back_as_a_training_row(cloud: Running[LocalCloud]) -> None:
    value, definitions = cloud.value, load(SHIPPED)
    send_events(cloud, "bob", 5)
    answer = predict(cloud, "bob").json()
    feedback = {"predictionId": answer["predictionId"], "outcome": True}
    assert post(value.output("FeedbackUrl"), feedback).status_code == 202
    cloud.run(value.caught_up())
    archive = S3Objects(value.output("ArchiveBucketName"), value.client("s3"))
    made = inferences(archived(archive, kind="inferences"))
    ((kept, outcome),) = with_feedback(made, archived(archive, kind="feedback"))
    assert (kept.prediction_id, outcome) == (answer["predictionId"], True)
    assert (kept.features, kept.prediction) == (answer["features"], answer["prediction"])
    assert (kept.features_version, kept.model) == (answer["featuresVersion"], answer["model"])
    # Training by replay sees the same, and so does training on what was recorded.
    replay = Replay(definitions)
    for record in archived(archive):
        replay.take(record)
    replayed = replay.features_of("bob", kept.at_ms)
    assert replayed == {name: kept.features[name] for name in replayed}
    assert replayed["count_5m"] == 5
    (row,) = answered(archive, definitions, PURCHASE, "feedback").rows
    assert (row.at_ms, row.positive) == (kept.at_ms, True)


@pytest.mark.parametrize(
    ("rule", "status", "code"),
    [
        (
            Rule(RUNTIME, effect=Fail("ThrottlingException", 400, "Rate exceeded")),
            503,
            "endpoint-throttled",
        ),
        (
            Rule(RUNTIME, effect=Fail("ServiceUnavailable", 503, "away")),
            503,
            "endpoint-unavailable",
        ),
        (Rule(RUNTIME, latency_ms=(6_000, 6_000)), 504, "too-slow"),
        (
            Rule(
                "dynamodb",
                "GetItem",
                Fail("ProvisionedThroughputExceededException", 400, "too much"),
            ),
            503,
            "features-throttled",
        ),
    ],
    ids=["throttled", "down", "slow", "table"],
)
def test_faults_are_answered_within_the_deadline_and_never_with_a_score(
    cloud: Running[LocalCloud], faults: Any, rule: Rule, status: int, code: str
) -> None:
    faults(rule)
    began = time.monotonic()
    answer = predict(cloud, "ann")
    assert time.monotonic() - began < 5
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert int(answer.headers["retry-after"]) >= 1
    assert "prediction" not in answer.json()


def test_a_model_server_that_dies_is_replaced(cloud: Running[LocalCloud]) -> None:
    assert predict(cloud, "ann").status_code == 200
    assert cloud.value.endpoints.kill(cloud.value.stack.endpoints[0].name) is not None
    deadline, statuses = time.monotonic() + 30, set()
    while (status := predict(cloud, "ann").status_code) != 200:
        statuses.add(status)
        assert time.monotonic() < deadline, statuses
    assert statuses <= {502, 503}, "and never a made-up answer"


def test_alarms_follow_what_happens(cloud: Running[LocalCloud], faults: Any) -> None:
    value = cloud.value
    cloud.run(value.monitor.round())
    states = {state.alarm.name: state.verdict.state for state in value.monitor.states()}
    assert len(states) == len(value.stack.alarms) > 20
    assert State.INSUFFICIENT_DATA not in states.values()
    metrics = {(metric.namespace, metric.name) for metric in value.measured.store.metrics()}
    assert {
        ("AWS/Lambda", "IteratorAge"),
        ("AWS/SageMaker", "ModelLatency"),
        ("AWS/DynamoDB", "ReadThrottleEvents"),
        ("Millrace", "Applied"),
    } <= metrics
    boards = value.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert len(boards) == 1
