"""The answer leaves in time, whatever hangs; and a record never costs an answer."""

from __future__ import annotations

import json
import threading
import time

import pytest
from millrace.errors import InvalidRequest, TooSlow, Unavailable
from millrace.inference.api import Outcome
from millrace.inference.call import Call, within

from tests.inference.conforming import assert_conforms
from tests.inference.making import (
    IDENTITY,
    Bench,
    Event,
    hanging,
    measured,
    predict,
    raising,
    request,
)

# What a busy machine may add: it says nothing of the code.
SLACK_S = 2.0


def timed(bench: Bench, event: Event, remaining_ms: int | None = None) -> tuple[float, Outcome]:
    begun = time.monotonic()
    outcome = bench.run(event, remaining_ms)
    return time.monotonic() - begun, outcome


@pytest.mark.parametrize("where", ["features", "endpoint"])
def test_whatever_hangs_the_answer_leaves_in_time(where: str) -> None:
    bench = Bench(deadline_ms=200)
    hung = bench.profiles if where == "features" else bench.model
    hung.trouble = hanging(10)
    took_s, outcome = timed(bench, predict())
    assert took_s < 0.2 + SLACK_S
    body = json.loads(outcome.answer["body"])
    assert (outcome.answer["statusCode"], body["error"]) == (504, "too-slow")
    assert outcome.answer["headers"]["retry-after"] == "1"
    assert ("endpoint" in body["message"]) == (where == "endpoint")
    assert measured(outcome, "EndpointErrors") == ([1] if where == "endpoint" else [])
    assert bench.stream.put == []
    assert_conforms("POST /predict", outcome.answer)


@pytest.mark.parametrize(
    "event",
    [
        request("GET /features/{userId}", user="u1"),
        request("POST /features", {"userIds": ["u1"]}),
    ],
    ids=["one", "many"],
)
def test_reading_features_has_the_same_deadline(event: Event) -> None:
    bench = Bench(deadline_ms=200)
    bench.profiles.trouble = hanging(10)
    took_s, outcome = timed(bench, event)
    assert took_s < 0.2 + SLACK_S
    assert outcome.answer["statusCode"] == 504
    assert_conforms(event["routeKey"], outcome.answer)


def test_feedback_has_it_too() -> None:
    bench = Bench(deadline_ms=200)
    bench.stream.trouble = hanging(10)
    event = request("POST /feedback", {"predictionId": IDENTITY, "outcome": 1})
    took_s, outcome = timed(bench, event)
    assert took_s < 0.2 + SLACK_S
    assert outcome.answer["statusCode"] == 504
    assert_conforms("POST /feedback", outcome.answer)


def test_lambdas_own_time_is_a_deadline_as_well() -> None:
    bench = Bench(deadline_ms=20_000)
    bench.model.trouble = hanging(10)
    took_s, outcome = timed(bench, predict(), remaining_ms=400)
    assert took_s < 0.4 + SLACK_S
    assert outcome.answer["statusCode"] == 504
    assert bench.run(predict(), remaining_ms=50).answer["statusCode"] == 504


def test_a_record_that_hangs_holds_up_the_answer_by_its_bound_and_no_more() -> None:
    bench = Bench(deadline_ms=10_000)
    bench.stream.trouble = hanging(10)
    took_s, outcome = timed(bench, predict())
    assert 0.2 <= took_s < 0.2 + SLACK_S
    assert outcome.answer["statusCode"] == 200
    assert measured(outcome, "InferenceRecordLost") == [1]
    assert IDENTITY in str(outcome.summary["notes"])


@pytest.mark.parametrize(
    "error", [Unavailable("down"), InvalidRequest(413, "too-large", "too large")]
)
def test_a_record_that_cannot_be_put_costs_nothing_but_itself(
    error: Unavailable | InvalidRequest,
) -> None:
    bench = Bench()
    bench.stream.trouble = raising(error)
    outcome = bench.run(predict())
    assert outcome.answer["statusCode"] == 200
    assert outcome.problem is None
    assert measured(outcome, "InferenceRecordLost") == [1]
    assert measured(outcome, "Predictions") == [1]


def test_time_is_set_aside_for_the_record_even_of_a_slow_answer() -> None:
    bench = Bench(deadline_ms=1_000)
    bench.model.trouble = hanging(0.9)
    _, outcome = timed(bench, predict())
    assert outcome.answer["statusCode"] == 504
    bench.model.trouble = hanging(0.5)
    assert bench.ask(predict())[0] == 200
    assert len(bench.stream.put) == 1


def test_work_in_time_returns_or_raises() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(Unavailable, match="gone"):
        within(5, raising(Unavailable("gone")))


def test_work_that_is_too_slow_is_left_to_itself() -> None:
    done = threading.Event()

    def work() -> None:
        time.sleep(0.2)
        done.set()

    with pytest.raises(TooSlow, match=r"within 0\.010 s"):
        within(0.01, work)
    assert done.wait(5)
    with pytest.raises(TooSlow):
        within(-1, lambda: time.sleep(0.1))


def test_a_calls_time_runs_on_its_clock() -> None:
    now_s = 100.0
    call = Call(2.5, lambda: now_s)
    assert call.left_s == 2.5
    now_s = 103.0
    assert call.left_s == -0.5
    call.took("Waiting", 101.0)
    assert [(m.name, m.unit, m.value) for m in call.measures] == [
        ("Waiting", "Milliseconds", 2000.0)
    ]
