"""The ingest function as it is deployed: whatever is posted, it answers; what it took is there."""

from __future__ import annotations

import base64
import itertools
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.making import JSON
from tests.features.services import failing
from tests.handlers.malformed import deep, event, now_ms
from tests.handlers.running_handlers import ROOT, SHARED, STREAM, Handlers
from tests.inference.handling import Context, handler

_users = itertools.count()
REQUESTS = st.fixed_dictionaries({}, optional={"body": JSON | st.text(), "isBase64Encoded": JSON})


def new_user() -> str:
    return f"poster-{next(_users)}"


class Stream:
    """What came to the stream since it was last asked."""

    def __init__(self, handlers: Handlers) -> None:
        self.kinesis = handlers.services.client("kinesis")
        self.iterator = self.kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId="shardId-000000000000", ShardIteratorType="LATEST"
        )["ShardIterator"]

    def new(self) -> list[Any]:
        answer = self.kinesis.get_records(ShardIterator=self.iterator)
        self.iterator = answer["NextShardIterator"]
        return [(one["PartitionKey"], json.loads(one["Data"])) for one in answer["Records"]]


def post(handlers: Handlers, body: object, **more: object) -> tuple[int, Any]:
    request = {"version": "2.0", "body": body, "isBase64Encoded": False, **more}
    error, answer = handlers.call("ingest", request)
    assert error is None, answer
    assert answer["headers"]["content-type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "events/ingest").glob("*.json")), ids=lambda p: p.stem
)
def test_every_sample_request_is_taken(handlers: Handlers, path: Path) -> None:
    error, answer = handlers.call("ingest", json.loads(path.read_text()))
    assert error is None
    assert answer["statusCode"] == 202


def test_events_come_to_the_stream_under_their_keys(handlers: Handlers) -> None:
    stream, user = Stream(handlers), new_user()
    events = [event(user, 1), event(user, 2), {"userId": user, "timestamp": now_ms()}]
    assert post(handlers, json.dumps(events)) == (202, {"accepted": 3})
    body = base64.b64encode(json.dumps(events[0]).encode()).decode()
    assert post(handlers, body, isBase64Encoded=True) == (202, {"accepted": 1})
    found = stream.new()
    assert [key for key, _ in found] == [user] * 4
    assert [one for _, one in found][:2] == events[:2]
    assert found[2][1]["eventId"]


BROKEN: list[tuple[object, int, str]] = [
    ("", 400, "not-json"),
    (None, 400, "not-json"),
    (5, 400, "not-json"),
    ({"userId": "u"}, 400, "not-json"),
    ("{", 400, "not-json"),
    ('{"userId": "\ud800"}', 400, "not-json"),
    ('{"metric": NaN}', 400, "not-json"),
    ("[]", 400, "no-events"),
    ("[1]", 400, "not-an-object"),
    ("{}", 400, "invalid-timestamp"),
    (json.dumps(event("u", 1, timestamp="never")), 400, "invalid-timestamp"),
    (json.dumps(event("u", 1, timestamp=4e12)), 400, "from-the-future"),
    (json.dumps(event("u", 1, metric=1e300)), 400, "invalid-metric"),
    (json.dumps(event("u", 1, metric=float("inf"))), 400, "not-json"),
    (json.dumps(event("u", 1, note="x" * 1_100_000)), 400, "too-large"),
    (json.dumps([event("u", n) for n in range(501)]), 413, "too-many-events"),
    (deep(3000).decode(), 400, "not-json"),
    (json.dumps(event("u", 1))[:-1] + ', "n": ' + deep(600).decode() + "}", 400, "not-writable"),
]


@pytest.mark.parametrize(("body", "status", "error"), BROKEN, ids=[error for *_, error in BROKEN])
def test_what_is_wrong_is_named_and_nothing_is_taken(
    handlers: Handlers, body: object, status: int, error: str
) -> None:
    stream = Stream(handlers)
    found, answer = post(handlers, body)
    assert (found, answer["error"]) == (status, error)
    assert answer["message"]
    assert len(answer["message"]) < 400, "a caller's megabyte is not sent back"
    assert stream.new() == []


@settings(max_examples=40, suppress_health_check=SHARED)
@given(JSON | REQUESTS)
def test_whatever_is_no_request_is_answered(handlers: Handlers, request_: object) -> None:
    error, answer = handlers.call("ingest", request_)
    assert error is None, answer
    assert answer["statusCode"] in (202, 400, 413)


@settings(max_examples=30, suppress_health_check=SHARED)
@given(st.lists(st.sampled_from(("good", "no id", "no user", "text")), min_size=1, max_size=6))
def test_all_of_a_request_is_taken_or_nothing(handlers: Handlers, kinds: list[str]) -> None:
    stream, user = Stream(handlers), new_user()
    makes: dict[str, Any] = {
        "good": lambda n: event(user, n),
        "no id": lambda n: event(user, n, eventId=None),
        "no user": lambda n: {**event(user, n), "userId": ""},
        "text": lambda n: "text",
    }
    events = [makes[kind](n) for n, kind in enumerate(kinds)]
    status, answer = post(handlers, json.dumps(events))
    wrong = [n for n, kind in enumerate(kinds) if kind in ("no user", "text")]
    if wrong:
        assert status == 400
        assert answer.get("index", 0) == wrong[0]
        assert stream.new() == []
    else:
        assert (status, answer) == (202, {"accepted": len(kinds)})
        assert len(stream.new()) == len(kinds)


def test_a_stream_that_refuses_is_an_answer_for_later(handlers: Handlers) -> None:
    stream, user = Stream(handlers), new_user()
    refusal = failing("ProvisionedThroughputExceededException")
    handlers.services.fail("kinesis", "PutRecords", refusal)
    status, answer = post(handlers, json.dumps(event(user, 1)))
    assert (status, answer["error"]) == (503, "unavailable")
    assert STREAM not in json.dumps(answer), "what refused is not the caller's business"
    handlers.services.heal()
    assert post(handlers, json.dumps(event(user, 1)))[0] == 202
    assert len(stream.new()) == 1


def test_what_a_request_logs_has_the_gateway_s_id_of_it(handlers: Handlers) -> None:
    sample = json.loads((ROOT / "events/ingest/metric.json").read_text())
    environment = {"AWS_ENDPOINT_URL": handlers.services.url, "STREAM_NAME": "there-is-none"}
    with handler("ingest", environment) as function:
        assert function(sample)["statusCode"] == 503
        (line,) = [one for one in function.printed() if one.get("level") == "WARNING"]
    assert line["correlation_id"] == sample["requestContext"]["requestId"]


def test_a_stream_that_hangs_is_an_answer_for_later_too() -> None:
    """Else Lambda ends the function, and the caller learns nothing, not even when to come again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {"AWS_ENDPOINT_URL": url, "STREAM_NAME": STREAM}
        with handler("ingest", environment) as function:
            function.context = Context(remaining_ms=600)
            answer = function({"body": json.dumps(event(new_user(), 1))})
            (line,) = [one for one in function.printed() if one.get("level") == "WARNING"]
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "2")
    assert "within 0.500 s" in line["problem"]


def test_one_refusal_is_tried_again(handlers: Handlers) -> None:
    stream = Stream(handlers)
    refusal = failing("ProvisionedThroughputExceededException")
    handlers.services.fail("kinesis", "PutRecords", refusal, 1)
    assert post(handlers, json.dumps(event(new_user(), 1)))[0] == 202
    assert len(stream.new()) == 1
