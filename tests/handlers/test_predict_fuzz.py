"""Whatever comes, from callers or from an endpoint, predict answers as its document says."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.features.making import JSON
from tests.inference import predicting
from tests.inference.conforming import assert_conforms
from tests.inference.endpoint_server import EndpointServer, Reply, error, model_error
from tests.inference.handling import Handler
from tests.inference.making import IDENTITY, predict, request

# Fixtures, which pytest finds here.
all_services, services = predicting.all_services, predicting.services
endpoint, function, healthy = predicting.endpoint, predicting.function, predicting.healthy


ROUTES = (
    *("POST /predict", "GET /features/{userId}", "POST /features", "POST /feedback"),
    *("GET /openapi.json", "DELETE /predict", "$default", ""),
)
TEXT = st.text(max_size=40)
USERS = st.one_of(st.just("u1"), st.integers(), JSON)
BODIES = st.one_of(
    st.fixed_dictionaries({}, optional={"userId": USERS, "input": JSON, "more": JSON}),
    st.fixed_dictionaries({"userId": st.just("u1"), "input": JSON}),
    st.fixed_dictionaries({"userIds": st.one_of(st.lists(USERS, max_size=5), JSON)}),
    st.fixed_dictionaries(
        {},
        optional={
            "predictionId": st.one_of(st.just(IDENTITY), JSON),
            "outcome": JSON,
            "userId": USERS,
            "timestamp": st.one_of(st.datetimes().map(datetime.isoformat), JSON),
        },
    ),
    JSON,
)


@st.composite
def events(draw: st.DrawFn) -> Any:
    """Requests that are good, nearly good, and none at all."""
    event = request(draw(st.sampled_from(ROUTES)))
    body = draw(st.one_of(BODIES.map(json.dumps), TEXT, st.none(), JSON))
    event["body"] = body
    event["isBase64Encoded"] = draw(st.one_of(st.just(False), st.booleans(), JSON))
    if draw(st.booleans()):
        event["pathParameters"] = draw(st.one_of(st.fixed_dictionaries({"userId": USERS}), JSON))
    if draw(st.booleans()):
        event["headers"] = draw(
            st.one_of(
                st.fixed_dictionaries({"content-type": st.one_of(st.just("a/b"), TEXT)}),
                st.dictionaries(TEXT, JSON, max_size=3),
                JSON,
            )
        )
    for name in draw(st.lists(st.sampled_from(sorted(event)), max_size=2)):
        event[name] = draw(JSON)
    return draw(st.one_of(st.just(event), st.just(event), JSON))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=events())
def test_whatever_comes_is_answered_as_the_document_says(function: Handler, event: Any) -> None:
    """Store and endpoint are well, so nothing is a reason for a 5xx."""
    answer = function(event)
    assert answer["statusCode"] < 500
    json.dumps(answer).encode()
    route = event.get("routeKey", "") if isinstance(event, dict) else ""
    assert_conforms(route if isinstance(route, str) else "", answer)


# What a container answers comes through as it is; errors are always SageMaker's own JSON.
CODES = ("ValidationError", "ThrottlingException", "InternalFailure", "Odd")
ANSWERS = st.one_of(
    st.builds(
        Reply,
        body=st.one_of(JSON.map(json.dumps).map(str.encode), st.binary(max_size=60)),
        headers=st.fixed_dictionaries(
            {},
            optional={
                "content-type": st.sampled_from(["application/json", "text/csv", "x"]),
                "x-amzn-sagemaker-custom-attributes": st.text("am=;,-0", max_size=30),
            },
        ),
    ),
    st.builds(model_error, st.integers(0, 999), TEXT),
    st.builds(error, st.sampled_from([400, 424, 429, 500, 503]), st.sampled_from(CODES)),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=ANSWERS)
def test_whatever_an_endpoint_answers_is_a_prediction_or_an_error(
    function: Handler, endpoint: EndpointServer, reply: Reply
) -> None:
    endpoint.replies = [reply]
    answer = function(predict())
    assert answer["statusCode"] in (200, 502, 503)
    assert_conforms("POST /predict", answer)
    assert answer["statusCode"] != 200 or reply.status == 200
    if answer["statusCode"] == 200:
        assert json.loads(answer["body"])["prediction"] == json.loads(reply.body)
