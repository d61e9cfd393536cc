"""The functions publish every metric of their own that alarms and dashboard look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from millrace.features.item import iso_ms

from localcloud.cloud import LocalCloud, Options, running
from localcloud.faults.plan import Effect, Fail, FaultPlan, Rule
from tests.inference.endpoint_server import EndpointServer, Reply, endpoint_server, error
from tests.localcloud.running import Running
from tests.localcloud.running import running as in_thread
from tests.template.reading import EVERYTHING, EXISTING
from tests.template.watched import watched

ROOT = Path(__file__).parents[2]
PARAMETERS = {
    "ApiAuth": "NONE",
    "EndpointMode": "existing",
    "EndpointName": "shop",
    "InferenceLog": "on",
    "Ingest": "on",
}
AWAY: Effect = Fail("ServiceUnavailable", 503, "away")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[EndpointServer]:
    with in_thread(endpoint_server) as server:
        yield server.value


@pytest.fixture(scope="module")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, endpoint: EndpointServer
) -> Iterator[Running[LocalCloud]]:
    environment = {
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint.url,
        "DAX_ENDPOINT": "daxs://127.0.0.1:9",  # where nothing answers
    }
    folder = tmp_path_factory.mktemp("cloud")
    options = Options(ROOT, folder, parameters=PARAMETERS, environment=environment)
    with in_thread(lambda: running(options)) as cloud:
        yield cloud


def ask(cloud: Running[LocalCloud], path: str, body: Any = None) -> int:
    url = cloud.value.output("ApiUrl") + path
    answer = httpx.get(url) if body is None else httpx.post(url, json=body, timeout=30)
    return answer.status_code


def everything_happens(cloud: Running[LocalCloud], endpoint: EndpointServer) -> None:
    """What goes well, and each kind of what does not."""
    faults = cloud.value.injector
    event = {"userId": "ann", "metric": 1, "timestamp": iso_ms(cloud.value.clock.now_ms())}
    wanted = {"userId": "ann", "input": {}}
    assert ask(cloud, "/events", event) == 202
    assert ask(cloud, "/events", {"userId": "ann"}) == 400
    cloud.run(cloud.value.caught_up())
    assert ask(cloud, "/features/ann") == 200
    assert ask(cloud, "/features/nobody") == 200
    assert ask(cloud, "/predict", wanted) == 200
    assert ask(cloud, "/predict", {"userId": "ann"}) == 400
    endpoint.replies = [error(400, "ThrottlingException"), Reply(500), Reply()]
    assert [ask(cloud, "/predict", wanted) for _ in range(2)] == [503, 503]
    faults.use(FaultPlan(1, (Rule("kinesis", "Put*", AWAY),)))
    assert ask(cloud, "/events", event) == 503
    assert ask(cloud, "/predict", wanted) == 200, "an answer does not wait for its record"
    faults.use(FaultPlan())
    cloud.run(cloud.value.caught_up())


def test_every_metric_that_is_watched_is_published(
    cloud: Running[LocalCloud], endpoint: EndpointServer
) -> None:
    everything_happens(cloud, endpoint)
    wanted = {
        (one.name, *dimension)
        for overrides in (EVERYTHING, EXISTING)
        for one in watched(overrides)
        if one.namespace == "Millrace" and not one.name.startswith("Layer")
        for dimension in one.dimensions
    }
    stack = cloud.value.stack.place.stack
    published = {
        (metric.name, name, value.replace(f"{stack}-", "s-", 1))
        for metric in cloud.value.measured.store.metrics()
        if metric.namespace == "Millrace"
        for name, value in metric.dimensions
    }
    assert wanted
    assert wanted <= published


def test_every_cold_start_is_told_for_each_layer(
    cloud: Running[LocalCloud], endpoint: EndpointServer
) -> None:
    """Not their size: that stands in /opt, which only an artefact of `sam build` fills."""
    everything_happens(cloud, endpoint)
    metrics = [
        dict(metric.dimensions)
        for metric in cloud.value.measured.store.metrics()
        if metric.name == "LayerColdStartDuration"
    ]
    told = {(one["LayerArn"].rpartition(":layer:")[2], one["FunctionName"]) for one in metrics}
    stack = cloud.value.stack.place.stack
    layers = {layer for layer, _ in told}
    assert layers == {f"{stack}-core:1", f"{stack}-deps:1"}
    functions = {function for _, function in told}
    assert len(functions) >= 3, "enrich, ingest and predict have started"
    assert told == {(layer, function) for layer in layers for function in functions}
