"""Fixtures: the predict function as Lambda loads it, before clouds on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from millrace.features.dynamodb import DynamoDBStore
from millrace.features.entry import Entry
from millrace.features.plan import Plan
from millrace.features.store import Key

from tests.features import conftest
from tests.features.services import Services
from tests.features.streaming import document
from tests.inference.endpoint_server import EndpointServer, Reply, endpoint_server
from tests.inference.handling import Handler, handler
from tests.inference.making import profile, shipped_plan
from tests.localcloud.running import running

PLAN: Plan = shipped_plan()
all_services, services = conftest.all_services, conftest.services


@pytest.fixture(scope="module")
def endpoint() -> Iterator[EndpointServer]:
    with running(endpoint_server) as server:
        yield server.value


@pytest.fixture(scope="module")
def function(all_services: Services, endpoint: EndpointServer) -> Iterator[Handler]:
    """The handler; a user u1 is known whose newest event was a minute ago."""
    table, stream = all_services.table(), all_services.name("inferences")
    kinesis = all_services.client("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    store = DynamoDBStore(all_services.client("dynamodb"), table, ttl_s=1000)
    minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    entry = Entry(profile(PLAN, [document(1, timestamp=minute_ago.isoformat())]), version=1)
    key = Key("u1", PLAN)
    store.write(key, store.item(key, entry), 0)
    environment = {
        "AWS_ENDPOINT_URL": all_services.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint.url,
        "FEATURES_TABLE": table,
        "ENDPOINT_NAME": "shop-model",
        "INFERENCE_STREAM": stream,
        "PREDICT_DEADLINE_MS": "1500",
    }
    with handler("predict", environment) as loaded:
        yield loaded


@pytest.fixture(autouse=True)
def healthy(services: Services, endpoint: EndpointServer, function: Handler) -> None:
    endpoint.replies, endpoint.asked = [Reply()], []
    function.printed()
