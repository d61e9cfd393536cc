"""POST /predict: what the model is given, what the caller gets, and every way to get nothing."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from millrace.errors import (
    MillraceError,
    ModelError,
    NotDeployed,
    Throttled,
    Unavailable,
)
from millrace.features.snapshot import snapshot
from millrace.inference.contract import model_failure
from millrace.inference.model import NoEndpoint

from tests.features.streaming import START_MS, document
from tests.inference.conforming import assert_conforms
from tests.inference.making import (
    IDENTITY,
    NOW_MS,
    Bench,
    measured,
    predict,
    profile,
    raising,
    request,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_answer_is_the_models_with_what_it_was_given(bench: Bench) -> None:
    status, body = bench.ask(predict("u1", {"page": 3}))
    assert status == 200
    features = body.pop("features")
    assert features["count"] == features["count5min"] == features["count_5m"] == 3
    assert body == {
        "predictionId": IDENTITY,
        "userId": "u1",
        "known": True,
        "prediction": {"score": 0.25},
        "featuresAsOf": "2023-11-14T22:14:20.000Z",
        "featureAgeMs": 57_000,
        "featuresVersion": bench.version,
        "model": {"endpoint": "shop-model", "variant": "AllTraffic", "version": "7"},
    }


def test_the_endpoint_receives_user_features_and_input_and_nothing_else(bench: Bench) -> None:
    _, body = bench.ask(predict("u1", {"page": 3}))
    asked = orjson.loads(bench.model.asked[0])
    assert asked == {"userId": "u1", "features": body["features"], "input": {"page": 3}}


def test_the_features_are_those_that_models_are_trained_on(bench: Bench) -> None:
    documents = [document(1), document(2, eventType="buy"), document(3, metric=2.5)]
    expected = snapshot(profile(bench.plan, documents), bench.plan, NOW_MS)
    _, body = bench.ask(predict())
    plain = body["features"].keys() - expected.keys()
    assert plain == {
        *("userId", "lastTimestamp", "lastUpdate", "count", "count5min"),
        *("lastMetric", "lastEventType"),
    }
    assert {name: body["features"][name] for name in expected} == expected


def test_the_tutorials_names_are_there_as_of_now(bench: Bench) -> None:
    _, body = bench.ask(predict())
    features = body["features"]
    assert features["userId"] == "u1"
    assert features["lastTimestamp"] == features["lastUpdate"] == "2023-11-14T22:13:23.000Z"
    assert (features["lastMetric"], features["lastEventType"]) == (2.5, "view")
    bench.now_ms = NOW_MS + 600_000  # ten minutes without an event
    _, later = bench.ask(predict())
    assert later["features"]["count"] == later["features"]["count5min"] == 0
    assert later["features"]["lastTimestamp"] == "2023-11-14T22:13:23.000Z"
    assert later["featureAgeMs"] == 657_000


def test_a_clock_behind_the_newest_event_reads_as_of_that_event(bench: Bench) -> None:
    bench.now_ms = START_MS
    _, body = bench.ask(predict())
    assert (body["featuresAsOf"], body["featureAgeMs"]) == ("2023-11-14T22:13:23.000Z", 0)
    assert body["features"]["count"] == 3


@pytest.mark.parametrize("user", [7, "x" * 256, "ä#/ ", "item#4"])
def test_a_user_may_be_any_key_that_an_event_can_have(bench: Bench, user: Any) -> None:
    status, body = bench.ask(predict(user))
    assert (status, body["userId"]) == (200, str(user))


def test_an_unknown_user_has_the_features_of_an_empty_profile_and_is_said_to(
    bench: Bench,
) -> None:
    outcome = bench.run(predict("nobody"))
    body = json.loads(outcome.answer["body"])
    assert (body["known"], body["featureAgeMs"]) == (False, None)
    features = body["features"]
    assert (features["count"], features["count_24h"], features["metric_sum_5m"]) == (0, 0, 0)
    assert features["recency_s"] is features["metric_last"] is features["lastTimestamp"] is None
    assert set(features) == {
        name for name in bench.ask(predict())[1]["features"] if "." not in name
    }
    assert measured(outcome, "UnknownUsers") == [1]
    assert measured(outcome, "FeatureAge") == []


def test_an_unknown_user_can_be_refused() -> None:
    bench = Bench(refuse_unknown=True)
    outcome = bench.run(predict("nobody"))
    assert outcome.answer["statusCode"] == 404
    assert json.loads(outcome.answer["body"])["error"] == "unknown-user"
    assert bench.model.asked == []
    assert outcome.problem is None


@pytest.mark.parametrize(
    "text",
    [
        '{"n":12345678901234567890123,"m":-98765432109876543210}',
        '{"f":0.1,"big":1e300,"text":"ä\\u0000\\"","nested":[[],{},[null,true]]}',
        '"just a text"',
        "null",
        "[" * 200 + "]" * 200,
    ],
)
def test_input_goes_through_as_it_came(bench: Bench, text: str) -> None:
    body = f'{{"userId":"u1","input":{text}}}'.encode()
    assert bench.ask(request("POST /predict", body))[0] == 200
    assert json.loads(bench.model.asked[0])["input"] == json.loads(text)


@pytest.mark.parametrize(
    "text", ['{"score":12345678901234567890123.5e3}', "[0.1, 0.9]", ' "yes"\n', "null", "0.75"]
)
def test_any_json_is_a_prediction_and_comes_as_it_came(bench: Bench, text: str) -> None:
    bench.model.answer = text.encode()
    outcome = bench.run(predict())
    assert f'"prediction":{text.strip()}' in outcome.answer["body"]
    assert json.loads(outcome.answer["body"])["prediction"] == json.loads(text)


@pytest.mark.parametrize(
    ("answered", "content_type"),
    [
        (b"", "application/json"),
        (b"NaN", "application/json"),
        (b'{"score": NaN}', "application/json"),
        (b'{"score": -Infinity}', "application/json"),
        (b'{"score": 1e999}', "application/json"),
        (b"0.1,0.9", "text/csv"),
        (b"<html>ok</html>", "text/html"),
        (b"\x80\x03}q\x00", "application/octet-stream"),
        (b'{"score": 0.5', ""),
        (b'"' + b"x" * 1024 * 1024 + b'"', "application/json"),
    ],
)
def test_rubbish_is_no_prediction(bench: Bench, answered: bytes, content_type: str) -> None:
    bench.model.answer, bench.model.content_type = answered, content_type
    status, body = bench.ask(predict())
    assert (status, body["error"]) == (502, "model-answer-invalid")
    assert content_type in body["message"] or "bytes" in body["message"]
    assert bench.stream.put == []


@pytest.mark.parametrize("attributes", ["", "model-version=", "nonsense", ";;=;", "features="])
def test_a_model_that_says_nothing_of_itself_has_no_version(bench: Bench, attributes: str) -> None:
    bench.model.attributes = attributes
    assert bench.ask(predict())[1]["model"]["version"] is None


def test_a_model_that_says_which_features_it_knows_must_know_these(bench: Bench) -> None:
    bench.model.attributes = f"model-version=8; features={bench.version}"
    assert bench.ask(predict())[1]["model"]["version"] == "8"
    bench.model.attributes = "model-version=8;features=0123456789ab"
    status, body = bench.ask(predict())
    assert (status, body["error"]) == (502, "model-mismatch")
    assert "0123456789ab" in body["message"]
    assert bench.version in body["message"]


@pytest.mark.parametrize(
    ("status", "message", "code", "says"),
    [
        (400, '{"error":"features-mismatch","message":"trained on v1"}', "model-mismatch", "v1"),
        (400, "features-mismatch", "model-mismatch", "another version"),
        (400, '["features-mismatch"]', "model-mismatch", "another version"),
        (400, '{"error":"features-mismatch","message":7}', "model-mismatch", "another version"),
        (422, "amount must be positive", "model-error", "422: amount must be positive"),
        (500, "Traceback: secret", "model-error", "failed with status 500."),
        (0, "timed out", "model-error", "gave no answer"),
        (200, "too large", "model-error", "gave no answer"),
    ],
)
def test_a_container_that_fails_is_told_apart_from_one_that_refuses(
    bench: Bench, status: int, message: str, code: str, says: str
) -> None:
    bench.model.trouble = raising(model_failure(status, message, bench.version))
    answered, body = bench.ask(predict())
    assert (answered, body["error"]) == (502, code)
    assert says in body["message"]
    assert "secret" not in body["message"]


@pytest.mark.parametrize(
    ("error", "status", "code", "metric"),
    [
        (NotDeployed("endpoint-missing", "none"), 503, "endpoint-missing", "EndpointErrors"),
        (Throttled("slow down"), 503, "endpoint-throttled", "EndpointThrottles"),
        (Unavailable("secret host"), 503, "endpoint-unavailable", "EndpointErrors"),
        (ModelError("model-error", "failed"), 502, "model-error", "EndpointErrors"),
    ],
)
def test_an_endpoint_in_trouble_is_no_score(
    bench: Bench, error: MillraceError, status: int, code: str, metric: str
) -> None:
    bench.model.trouble = raising(error)
    outcome = bench.run(predict())
    body = json.loads(outcome.answer["body"])
    assert (outcome.answer["statusCode"], body["error"]) == (status, code)
    assert "secret" not in outcome.answer["body"]
    assert "prediction" not in body
    assert ("retry-after" in outcome.answer["headers"]) == (status == 503)
    assert measured(outcome, metric) == [1]
    assert measured(outcome, "Predictions") == []
    assert outcome.problem is not None
    assert str(error) in outcome.problem
    assert bench.stream.put == []
    assert_conforms("POST /predict", outcome.answer)


def test_without_an_endpoint_the_reason_is_said() -> None:
    bench = Bench()
    bench.api._model = NoEndpoint()
    outcome = bench.run(predict())
    body = json.loads(outcome.answer["body"])
    assert (outcome.answer["statusCode"], body["error"]) == (503, "endpoint-none")
    assert "EndpointMode" in body["message"]
    assert outcome.answer["headers"]["retry-after"] == "60"


@pytest.mark.parametrize(
    ("error", "code"),
    [(Throttled("x"), "features-throttled"), (Unavailable("x"), "features-unavailable")],
)
def test_without_features_there_is_no_score(bench: Bench, error: MillraceError, code: str) -> None:
    bench.profiles.trouble = raising(error)
    status, body = bench.ask(predict())
    assert (status, body["error"]) == (503, code)
    assert bench.model.asked == []


def test_a_damaged_state_is_named_and_is_no_score(bench: Bench) -> None:
    bench.profiles.states["u1"] = b"\x91\x01"
    outcome = bench.run(predict())
    assert outcome.answer["statusCode"] == 500
    assert json.loads(outcome.answer["body"])["error"] == "features-unreadable"
    assert outcome.problem is not None
    assert outcome.problem.startswith("UnreadableState: ")
    assert_conforms("POST /predict", outcome.answer)


def test_what_was_measured(bench: Bench) -> None:
    outcome = bench.run(predict())
    names = {measure.name for measure in outcome.measures}
    assert names == {"FeatureAge", "Predictions", "PredictLatency", "Status2xx"}
    assert measured(outcome, "FeatureAge") == [57_000]
    assert outcome.summary["route"] == "POST /predict"
    assert outcome.summary["status"] == 200
