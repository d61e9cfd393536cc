"""Predictions as they are seldom deployed: features from the feature store alone, unknown users
refused, and an endpoint that others keep.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from millrace.features.item import iso_ms

from localcloud.cloud import LocalCloud, Options, running
from localcloud.faults.plan import Fail, FaultPlan, Rule
from localcloud.sagemaker.spec import EndpointSpec, VariantSpec
from tests.localcloud.running import Running
from tests.localcloud.running import running as in_thread
from tests.localcloud.signing import get, post

ROOT = Path(__file__).parents[2]
OF_OTHERS = ROOT / "tests" / "localcloud" / "sagemaker" / "model_server.py"
PARAMETERS = {
    "Ingest": "on",
    "FeatureStore": "sagemaker",
    "UnknownUser": "refuse",
    "EndpointMode": "existing",
    "EndpointName": "of-others",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running[LocalCloud]]:
    options = Options(
        ROOT,
        tmp_path_factory.mktemp("cloud"),
        parameters=PARAMETERS,
        model_server=(sys.executable, str(OF_OTHERS)),
    )
    with in_thread(lambda: running(options)) as cloud:
        send_events(cloud, "ann", 4)
        yield cloud


def send_events(cloud: Running[LocalCloud], user: str, count: int) -> None:
    now_ms = cloud.value.clock.now_ms()
    events = [
        {"userId": user, "eventType": "view", "metric": n, "timestamp": iso_ms(now_ms - 1000 * n)}
        for n in reversed(range(count))
    ]
    assert post(cloud.value.output("EventsUrl"), events).status_code == 202
    cloud.run(cloud.value.caught_up())


def predict(cloud: Running[LocalCloud], user: str) -> httpx.Response:
    asked = {"userId": user, "input": {"do": "echo"}}
    return post(cloud.value.output("PredictUrl"), asked)


def test_features_come_from_the_feature_store_alone(cloud: Running[LocalCloud]) -> None:
    url = cloud.value.output("FeaturesUrl")
    calls = cloud.value.injector.calls
    read = calls().get(("dynamodb", "GetItem"), 0), calls().get(("dynamodb", "BatchGetItem"), 0)
    one = get(f"{url}/ann").json()
    assert (one["known"], one["features"]["count_5m"], one["features"]["count"]) == (True, 4, 4)
    many = post(url, {"userIds": ["ann", "nobody"]}).json()["users"]
    assert many[0]["features"]["count_5m"] == 4
    assert (many[1]["userId"], many[1]["error"]) == ("nobody", "unknown-user")
    assert read == (
        calls().get(("dynamodb", "GetItem"), 0),
        calls().get(("dynamodb", "BatchGetItem"), 0),
    )


def test_a_feature_store_in_trouble_is_said_to_be(cloud: Running[LocalCloud]) -> None:
    injector = cloud.value.injector
    refused = Fail("ServiceUnavailable", 503, "away")
    injector.use(FaultPlan(1, (Rule("sagemaker-featurestore-runtime", effect=refused),)))
    try:
        answer = get(f"{cloud.value.output('FeaturesUrl')}/ann")
    finally:
        injector.use(FaultPlan())
    assert (answer.status_code, answer.json()["error"]) == (503, "features-unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_an_unknown_user_is_refused_by_name_of_the_field(cloud: Running[LocalCloud]) -> None:
    for answer in (predict(cloud, "nobody"), get(f"{cloud.value.output('FeaturesUrl')}/nobody")):
        assert answer.status_code == 404
        assert (answer.json()["error"], answer.json()["field"]) == ("unknown-user", "userId")


def test_an_endpoint_of_others_answers_once_it_is_there(cloud: Running[LocalCloud]) -> None:
    missing = predict(cloud, "ann")
    assert (missing.status_code, missing.json()["error"]) == (503, "endpoint-missing")
    assert "of-others" in missing.json()["message"]
    assert int(missing.headers["retry-after"]) >= 1
    theirs = EndpointSpec(name="of-others", variants=(VariantSpec(name="theirs"),))
    cloud.run(cloud.value.endpoints.create([theirs]))
    answer = predict(cloud, "ann")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["model"] == {"endpoint": "of-others", "variant": "theirs", "version": "7"}
    # Exactly what is promised to existing models, and the version of the features beside it.
    given, headers = found["prediction"]["request"], found["prediction"]["headers"]
    assert given == {"userId": "ann", "features": found["features"], "input": {"do": "echo"}}
    version = headers["x-amzn-sagemaker-custom-attributes"]
    assert version == f"millrace-features={found['featuresVersion']}"
    assert headers["x-amzn-sagemaker-inference-id"] == found["predictionId"]
