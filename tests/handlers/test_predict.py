"""The predict function as Lambda runs it, before DynamoDB, Kinesis and an endpoint on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.faults.plan import FaultPlan, Rule
from tests.features.services import Services, failing
from tests.inference import predicting
from tests.inference.conforming import assert_conforms
from tests.inference.endpoint_server import EndpointServer, Reply, error, model_error
from tests.inference.handling import Handler
from tests.inference.making import IDENTITY, predict, request

# Fixtures, which pytest finds here.
all_services, services = predicting.all_services, predicting.services
endpoint, function, healthy = predicting.endpoint, predicting.function, predicting.healthy


def ask(function: Handler, event: object) -> tuple[int, Any]:
    answer = function(event)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_prediction_comes_out_of_table_and_endpoint(
    function: Handler, endpoint: EndpointServer
) -> None:
    headers = {
        "x-amzn-sagemaker-custom-attributes": "model-version=12",
        "x-amzn-invoked-production-variant": "Blue",
    }
    endpoint.replies = [Reply(body=b'{"score":0.75}', headers=headers)]
    status, body = ask(function, predict("u1", {"page": 3}))
    assert (status, body["prediction"]) == (200, {"score": 0.75})
    assert body["model"] == {"endpoint": "shop-model", "variant": "Blue", "version": "12"}
    assert 59_000 <= body["featureAgeMs"] < 120_000
    (asked,) = endpoint.asked
    assert json.loads(asked.body) == {
        "userId": "u1",
        "features": body["features"],
        "input": {"page": 3},
    }


def test_every_route_answers(function: Handler) -> None:
    requests: list[tuple[dict[str, Any], int]] = [
        (predict(), 200),
        (request("GET /features/{userId}", user="u1"), 200),
        (request("POST /features", {"userIds": ["u1", "u2"]}), 200),
        (request("POST /feedback", {"predictionId": IDENTITY, "outcome": 1}), 202),
        (request("GET /openapi.json"), 200),
        (request("GET /elsewhere"), 404),
    ]
    for event, expected in requests:
        answer = function(event)
        assert answer["statusCode"] == expected
        assert_conforms(event["routeKey"], answer)


def test_log_and_metrics_tell_of_the_request_and_nothing_of_its_content(function: Handler) -> None:
    ask(function, predict("u1", {"secret": "s3cr3t"}))
    printed = function.printed()
    (line,) = [one for one in printed if one.get("message") == "request"]
    assert (line["level"], line["correlation_id"]) == ("INFO", "aBcDeFgHiJkLmNo=")
    assert line["report"]["status"] == 200
    (metrics,) = [one for one in printed if "_aws" in one]
    (described,) = metrics["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "Millrace"
    units = {one["Name"]: one["Unit"] for one in described["Metrics"]}
    assert units == {
        "FeatureAge": "Milliseconds",
        "EndpointLatency": "Milliseconds",
        "PredictLatency": "Milliseconds",
        "Predictions": "Count",
        "Status2xx": "Count",
    }
    assert metrics["Predictions"] == [1.0]
    assert "s3cr3t" not in json.dumps(printed)


def test_a_request_of_another_has_its_own_correlation_id(function: Handler) -> None:
    event = request("GET /openapi.json")
    event["requestContext"]["requestId"] = "another="
    for one in (predict(), event, {}):
        function(one)
    ids = [
        line.get("correlation_id")
        for line in function.printed()
        if line.get("message") == "request"
    ]
    assert ids[:2] == ["aBcDeFgHiJkLmNo=", "another="]
    assert not ids[2]


TROUBLES: list[tuple[Reply, int, str]] = [
    (error(400, "ValidationError", Message="Endpoint m not found."), 503, "endpoint-missing"),
    (error(400, "ThrottlingException", Message="Rate exceeded"), 503, "endpoint-throttled"),
    (error(503, "ServiceUnavailable", Message="no"), 503, "endpoint-unavailable"),
    (Reply(cut=True), 503, "endpoint-unavailable"),
    (Reply(wait_s=4), 504, "too-slow"),
    (Reply(wait_s=0.2, trickles=True), 504, "too-slow"),
    (model_error(500, "Traceback"), 502, "model-error"),
    (model_error(400, '{"error":"features-mismatch"}'), 502, "model-mismatch"),
    (Reply(body=b"NaN"), 502, "model-answer-invalid"),
    (Reply(body=b"0.1,0.9", headers={"content-type": "text/csv"}), 502, "model-answer-invalid"),
]


@pytest.mark.parametrize(("reply", "status", "code"), TROUBLES)
def test_an_endpoint_in_trouble(
    function: Handler,
    endpoint: EndpointServer,
    reply: Reply,
    status: int,
    code: str,
) -> None:
    endpoint.replies = [reply]
    begun_s = time.monotonic()
    answer = function(predict())
    assert time.monotonic() - begun_s < 1.5 + 2.0, "slack for a busy machine"
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (status, code)
    assert ("retry-after" in answer["headers"]) == (status in (503, 504))
    assert_conforms("POST /predict", answer)
    printed = function.printed()
    (line,) = [one for one in printed if one.get("message") == "request"]
    assert line["level"] == "WARNING"
    assert line["problem"]
    (metrics,) = [one for one in printed if "_aws" in one]
    counted = "EndpointThrottles" if code == "endpoint-throttled" else "EndpointErrors"
    assert metrics[counted] == [1.0]
    assert "Predictions" not in metrics


Break = Callable[[Services], None]


def throttle(services: Services) -> None:
    services.fail("dynamodb", "GetItem", failing("ProvisionedThroughputExceededException"))


def break_down(services: Services) -> None:
    services.fail("dynamodb", "GetItem", failing("InternalServerError"))


def hang_up(services: Services) -> None:
    services.fail("dynamodb", "GetItem")


def slow_down(services: Services) -> None:
    delay(services, "dynamodb", "GetItem", 4_000)


def delay(services: Services, service: str, operation: str, milliseconds: float) -> None:
    rule = Rule(service, operation, latency_ms=(milliseconds, milliseconds))
    services.gateway.injector.use(FaultPlan(rules=(rule,)))


@pytest.mark.parametrize(
    ("break_it", "status", "codes"),
    [
        (throttle, 503, {"features-throttled"}),
        (break_down, 503, {"features-unavailable"}),
        (hang_up, 503, {"features-unavailable"}),
        (slow_down, 504, {"too-slow"}),
    ],
)
def test_a_table_in_trouble(
    function: Handler,
    services: Services,
    endpoint: EndpointServer,
    break_it: Break,
    status: int,
    codes: set[str],
) -> None:
    break_it(services)
    begun_s = time.monotonic()
    answer = function(predict())
    assert time.monotonic() - begun_s < 1.5 + 2.0
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["error"] in codes
    assert_conforms("POST /predict", answer)
    assert endpoint.asked == [], "no score is made without features"
    services.heal()
    assert ask(function, predict())[0] == 200


def test_a_stream_in_trouble_costs_the_record_only(function: Handler, services: Services) -> None:
    breaks: list[Break] = [
        lambda services: services.fail("kinesis", "PutRecord", failing("LimitExceededException")),
        lambda services: services.fail("kinesis", "PutRecord"),
        lambda services: delay(services, "kinesis", "PutRecord", 3_000),
    ]
    for break_it in breaks:
        break_it(services)
        begun_s = time.monotonic()
        status, _ = ask(function, predict())
        assert status == 200
        assert time.monotonic() - begun_s < 0.2 + 2.0
        printed = function.printed()
        (metrics,) = [one for one in printed if "_aws" in one]
        assert metrics["InferenceRecordLost"] == [1.0]
        assert "is lost" in json.dumps(printed)
