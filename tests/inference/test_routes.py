"""The other routes: features of one and of many, feedback, the document; and what is no request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from millrace.errors import Throttled, Unavailable
from millrace.inference.openapi import document as openapi_document
from openapi_spec_validator import validate

from tests.features.streaming import document
from tests.inference.conforming import assert_conforms
from tests.inference.making import (
    IDENTITY,
    NOW_MS,
    Bench,
    Event,
    measured,
    predict,
    raising,
    request,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def read(user: str | None = "u1") -> Event:
    return request("GET /features/{userId}", user=user, content_type="")


def batch(*users: object) -> Event:
    return request("POST /features", {"userIds": list(users)})


def feedback(**fields: object) -> Event:
    return request("POST /feedback", {"predictionId": IDENTITY, "outcome": True, **fields})


# ---- features ---------------------------------------------------------------------------------


def test_features_are_those_that_a_prediction_is_given(bench: Bench) -> None:
    _, predicted = bench.ask(predict())
    status, body = bench.ask(read())
    assert status == 200
    assert body == {name: predicted[name] for name in body}
    assert body.keys() == predicted.keys() - {"predictionId", "prediction", "model"}


def test_features_of_an_unknown_user_are_stated_or_refused(bench: Bench) -> None:
    status, body = bench.ask(read("nobody"))
    assert (status, body["known"], body["features"]["count"]) == (200, False, 0)
    refusing = Bench(refuse_unknown=True)
    status, body = refusing.ask(read("nobody"))
    assert (status, body["error"], body["field"]) == (404, "unknown-user", "userId")


@pytest.mark.parametrize("user", [None, "", "x" * 257, "\ud800"])
def test_a_path_without_a_user_is_refused(bench: Bench, user: str | None) -> None:
    status, body = bench.ask(read(user))
    assert (status, body["error"], body["field"]) == (400, "invalid-field", "userId")


def test_many_are_answered_as_they_were_listed(bench: Bench) -> None:
    bench.know("u2", [document(5)])
    status, body = bench.ask(batch("u2", "nobody", "u1", "u2", 7))
    assert status == 200
    assert [user["userId"] for user in body["users"]] == ["u2", "nobody", "u1", "u2", "7"]
    assert [user["known"] for user in body["users"]] == [True, False, True, True, False]
    assert body["users"][2] == bench.ask(read())[1]


def test_one_of_many_who_cannot_be_read_leaves_the_others_alone(bench: Bench) -> None:
    bench.profiles.states["broken"] = b"\x91\x01"
    outcome = bench.run(batch("broken", "u1"))
    broken, found = json.loads(outcome.answer["body"])["users"]
    assert (broken["userId"], broken["error"]) == ("broken", "features-unreadable")
    assert found["known"] is True
    assert "UnreadableState" not in outcome.answer["body"]
    assert "cannot be read" in str(outcome.summary["notes"])
    assert_conforms("POST /features", outcome.answer)


def test_damage_that_shows_in_the_columns_only_is_one_users_trouble(bench: Bench) -> None:
    bench.know("u1", [document(n, metric=n / 2, eventType=f"t{n % 7}") for n in range(1, 120)])
    bench.know("u2", [document(5)])
    stored = bench.profiles.states["u1"]
    statuses = []
    for place in range(0, len(stored), 5):
        bench.profiles.states["u1"] = stored[:place] + b"\x52" + stored[place + 1 :]
        status, body = bench.ask(read())
        statuses.append(status)
        broken, found = bench.ask(batch("u1", "u2"))[1]["users"]
        assert (status, "error" in broken) in ((200, False), (500, True))
        assert body.get("error") == broken.get("error")
        assert found["known"] is True
    assert {200, 500} == set(statuses)


def test_one_of_many_who_is_unknown_can_be_refused() -> None:
    bench = Bench(refuse_unknown=True)
    outcome = bench.run(batch("nobody", "u1"))
    refused, found = json.loads(outcome.answer["body"])["users"]
    assert (refused["error"], found["known"]) == ("unknown-user", True)
    assert measured(outcome, "UnknownUsers") == [1]
    assert_conforms("POST /features", outcome.answer)


@pytest.mark.parametrize(
    ("users", "field"),
    [
        ([], "userIds"),
        (["u"] * 101, "userIds"),
        ("u1", "userIds"),
        (None, "userIds"),
        ({"u1": 1}, "userIds"),
        (["u1", None], "userIds[1]"),
        (["u1", "u2", ""], "userIds[2]"),
        ([["u1"]], "userIds[0]"),
    ],
)
def test_a_bad_list_is_named_at_its_place(bench: Bench, users: object, field: str) -> None:
    status, body = bench.ask(request("POST /features", {"userIds": users}))
    assert (status, body["error"], body["field"]) == (400, "invalid-field", field)


def test_an_answer_that_lambda_could_not_carry_is_refused(bench: Bench) -> None:
    """Every character of such a type is twelve in Lambda's answer."""
    kinds = [chr(0x1F600 + n) * 60 for n in range(30)]
    bench.know("u1", [document(n, eventType=kind) for n, kind in enumerate(kinds)])
    outcome = bench.run(batch(*["u1"] * 100))
    assert outcome.answer["statusCode"] == 413
    assert json.loads(outcome.answer["body"])["error"] == "answer-too-large"
    assert bench.ask(batch(*["u1"] * 10))[0] == 200


@pytest.mark.parametrize("event", [read(), batch("u1")], ids=["one", "many"])
def test_a_store_in_trouble_is_said_with_when_to_come_again(bench: Bench, event: Event) -> None:
    for error, code in (
        (Throttled("secret"), "features-throttled"),
        (Unavailable("secret"), "features-unavailable"),
    ):
        bench.profiles.trouble = raising(error)
        outcome = bench.run(event)
        assert outcome.answer["statusCode"] == 503
        assert json.loads(outcome.answer["body"])["error"] == code
        assert "secret" not in outcome.answer["body"]
        assert_conforms(event["routeKey"], outcome.answer)


# ---- feedback ---------------------------------------------------------------------------------


def test_feedback_goes_to_the_stream_under_its_user(bench: Bench) -> None:
    status, body = bench.ask(feedback(userId=7, timestamp="2023-11-14T22:00:00+01:00"))
    assert (status, body) == (202, {"accepted": True, "predictionId": IDENTITY})
    record = {
        "kind": "feedback",
        "predictionId": IDENTITY,
        "userId": "7",
        "timestamp": "2023-11-14T21:00:00.000Z",
        "outcome": True,
    }
    assert bench.stream.put == [("7", record)]


def test_feedback_without_user_and_time_is_of_now(bench: Bench) -> None:
    assert bench.ask(feedback(outcome=None, userId=None, timestamp=None))[0] == 202
    key, record = bench.stream.put[0]
    assert (key, record["timestamp"]) == (IDENTITY, "2023-11-14T22:14:20.000Z")
    assert record["outcome"] is None
    assert "userId" not in record


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"predictionId": "p1"}, "invalid-field", "predictionId"),
        ({"predictionId": None}, "invalid-field", "predictionId"),
        ({"predictionId": 12}, "invalid-field", "predictionId"),
        ({"predictionId": [IDENTITY]}, "invalid-field", "predictionId"),
        ({"userId": 1.5}, "invalid-field", "userId"),
        ({"timestamp": "yesterday"}, "invalid-field", "timestamp"),
        ({"timestamp": True}, "invalid-field", "timestamp"),
        ({"timestamp": (NOW_MS + 6_000) / 1000}, "invalid-field", "timestamp"),
        ({"timestamp": 5}, "invalid-field", "timestamp"),
        ({"score": 1}, "unknown-field", "score"),
    ],
)
def test_bad_feedback_is_named(bench: Bench, fields: dict[str, Any], code: str, field: str) -> None:
    status, body = bench.ask(feedback(**fields))
    assert (status, body["error"], body["field"]) == (400, code, field)
    assert bench.stream.put == []


def test_feedback_without_an_outcome_is_named(bench: Bench) -> None:
    status, body = bench.ask(request("POST /feedback", {"predictionId": IDENTITY}))
    assert (status, body["error"], body["field"]) == (400, "missing-field", "outcome")


def test_feedback_that_is_not_kept_is_not_accepted(bench: Bench) -> None:
    bench.stream.trouble = raising(Unavailable("secret"))
    outcome = bench.run(feedback())
    assert outcome.answer["statusCode"] == 503
    assert json.loads(outcome.answer["body"])["error"] == "feedback-unavailable"
    assert_conforms("POST /feedback", outcome.answer)
    unlogged = Bench(with_stream=False).run(feedback())
    assert unlogged.answer["statusCode"] == 503
    assert json.loads(unlogged.answer["body"])["error"] == "feedback-none"
    assert_conforms("POST /feedback", unlogged.answer)


# ---- the document -----------------------------------------------------------------------------


def test_the_document_is_served_as_it_is_and_is_valid(bench: Bench) -> None:
    outcome = bench.run(request("GET /openapi.json"))
    served = json.loads(outcome.answer["body"])
    assert served == openapi_document()
    validate(served)
    assert_conforms("GET /openapi.json", outcome.answer)


def test_the_document_and_the_api_know_the_same_routes(bench: Bench) -> None:
    documented = {
        f"{method.upper()} {path}"
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }
    assert documented == bench.api._routes.keys()


# ---- what is no request -----------------------------------------------------------------------


@pytest.mark.parametrize("event", [None, [], "text", {}, {"routeKey": 7}, {"Records": []}])
def test_an_event_that_is_no_request_is_told_so(bench: Bench, event: object) -> None:
    status, body = bench.ask(event)
    assert (status, body["error"]) == (400, "not-a-request")


def test_another_route_is_not_found(bench: Bench) -> None:
    outcome = bench.run(request("GET /predict"))
    assert outcome.answer["statusCode"] == 404
    assert json.loads(outcome.answer["body"])["error"] == "not-found"
    assert outcome.summary["route"] == ""
