"""POST /events: all of a request's events go to the stream, or none, and the answer says why."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import Unavailable
from millrace.events import EventReader
from millrace.features.definitions_parser import parse
from millrace.ingest import ingest, try_later
from millrace.producer import Outgoing

from tests.features.making import JSON

READER = EventReader(parse('version = 1\n[event.numbers.metric]\n[entity.user]\nkey = "userId"\n'))
NOW_MS = 1_700_000_000_000
EVENT = {"userId": "u", "timestamp": NOW_MS, "eventId": "e"}


class FakeProducer:
    """Takes events, unless it is down."""

    def __init__(self) -> None:
        self.down = False
        self.taken: list[Outgoing] = []

    def put(self, events: Iterable[Outgoing]) -> int:
        if self.down:
            raise Unavailable("Cannot put events: secret detail")
        self.taken += events
        return len(self.taken)


def post(body: object, producer: FakeProducer | None = None, **more: object) -> dict[str, Any]:
    """The answer to a request, its body parsed."""
    taker: Any = producer or FakeProducer()
    answer = ingest({"body": body, "isBase64Encoded": False, **more}, READER, taker, NOW_MS)
    assert answer["headers"]["content-type"] == "application/json"
    return {"status": answer["statusCode"], **orjson.loads(answer["body"])}


def text(value: object) -> str:
    return orjson.dumps(value).decode()


def test_one_event_or_a_list_is_accepted() -> None:
    producer = FakeProducer()
    assert post(text(EVENT), producer) == {"status": 202, "accepted": 1}
    assert post(text([EVENT, {**EVENT, "userId": 7}]), producer) == {"status": 202, "accepted": 2}
    assert [one.partition_key for one in producer.taken] == ["u", "u", "7"]
    assert [orjson.loads(one.data)["eventId"] for one in producer.taken] == ["e"] * 3


def test_a_body_may_be_in_base64() -> None:
    body = base64.b64encode(text(EVENT).encode()).decode()
    assert post(body, isBase64Encoded=True)["status"] == 202
    assert post(body[:-3] + "%%", isBase64Encoded=True)["error"] == "not-json"
    assert post("é", isBase64Encoded=True)["error"] == "not-json"


def test_an_event_without_an_id_gets_one() -> None:
    producer = FakeProducer()
    post(text([{"userId": "u", "timestamp": NOW_MS}] * 2), producer)
    ids = {orjson.loads(one.data)["eventId"] for one in producer.taken}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"timestamp": NOW_MS}, "invalid-userId", "userId is missing"),
        ({**EVENT, "userId": ["u"]}, "invalid-userId", "must be a text"),
        ({**EVENT, "metric": "much"}, "invalid-metric", "metric must be a finite number"),
        ({**EVENT, "timestamp": "soon"}, "invalid-timestamp", "ISO 8601"),
        ({**EVENT, "timestamp": NOW_MS + 6000}, "from-the-future", "6000 ms"),
        (5, "not-an-object", "is a int"),
        ({**EVENT, "note": "x" * 1_100_000}, "too-large", "at most 1048576"),
    ],
)
def test_a_wrong_event_is_named_and_nothing_is_taken(
    wrong: object, error: str, message: str
) -> None:
    producer = FakeProducer()
    alone = post(text(wrong), producer)
    assert (alone["status"], alone["error"]) == (400, error)
    assert message in alone["message"]
    assert "index" not in alone
    among = post(text([EVENT, wrong, EVENT]), producer)
    assert (among["status"], among["error"], among["index"]) == (400, error, 1)
    assert producer.taken == []


@pytest.mark.parametrize("body", ["", "{", "nul", "[1, NaN]", '{"a": Infinity}', None, 5, {}, []])
def test_what_is_no_json_is_refused(body: object) -> None:
    answer = post(body)
    assert (answer["status"], answer["error"]) == (400, "not-json")


def test_no_events_and_too_many_are_refused() -> None:
    assert post("[]")["error"] == "no-events"
    producer = FakeProducer()
    assert post(text([EVENT] * 500), producer)["accepted"] == 500
    answer = post(text([EVENT] * 501), producer)
    assert (answer["status"], answer["error"]) == (413, "too-many-events")
    assert len(producer.taken) == 500


def test_a_stream_that_refuses_is_an_answer_for_later_without_details() -> None:
    producer = FakeProducer()
    producer.down = True
    with pytest.raises(Unavailable):
        post(text(EVENT), producer)
    answer = try_later()
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "2")
    assert "secret" not in answer["body"]


@given(
    JSON | st.fixed_dictionaries({}, optional={"body": JSON | st.text(), "isBase64Encoded": JSON})
)
def test_whatever_comes_is_answered(request: object) -> None:
    producer: Any = FakeProducer()
    answer = ingest(request, READER, producer, NOW_MS)
    assert answer["statusCode"] in (202, 400, 413)
    body = orjson.loads(answer["body"])
    assert ("accepted" in body) == (answer["statusCode"] == 202)
    if answer["statusCode"] != 202:
        assert producer.taken == []
        assert body["message"]


@given(st.lists(JSON | st.fixed_dictionaries({"userId": JSON, "timestamp": JSON}), max_size=5))
def test_whatever_events_come_all_are_taken_or_one_is_named(events: list[object]) -> None:
    producer = FakeProducer()
    answer = post(json.dumps(events), producer)
    if answer["status"] == 202:
        assert answer["accepted"] == len(producer.taken) == len(events)
        return
    assert producer.taken == []
    if len(events) > 1 and answer["error"] != "not-json":
        assert 0 <= answer["index"] < len(events)
