"""Events on their way to the stream: checked, identified, in batches, tried again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import orjson
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import InvalidEvent, Unavailable
from millrace.events import EventReader
from millrace.features.definitions_parser import parse
from millrace.producer import (
    BATCH_BYTES,
    BATCH_RECORDS,
    RECORD_BYTES,
    Outgoing,
    Producer,
    batches,
    outgoing,
    unchecked,
)

PLAIN = parse('version = 1\n[entity.user]\nkey = "userId"\n')
NESTED = parse(
    'version = 1\n[event]\nid = "meta.id"\ntime = "at"\n[entity.user]\nkey = "meta.user"\n'
)
NOW_MS = 1_700_000_000_000


class FakeKinesis:
    """Takes records as each call's script says: an error, or which of them are refused."""

    class meta:
        endpoint_url = "https://kinesis.test"

    def __init__(self, *script: Exception | Callable[[bytes], bool]) -> None:
        self.script = list(script)
        self.calls: list[list[bytes]] = []

    def put_records(self, StreamName: str, Records: Sequence[Any]) -> Any:
        assert StreamName == "events"
        step = self.script.pop(0) if self.script else None
        self.calls.append([record["Data"] for record in Records])
        if isinstance(step, Exception):
            raise step
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slower"}
        results = [refused if step and step(record["Data"]) else {} for record in Records]
        return {"Records": results}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutRecords")


def producer(kinesis: FakeKinesis, slept: list[float] | None = None) -> Producer:
    sleep = slept.append if slept is not None else lambda seconds: None
    return Producer(cast(Any, kinesis), "events", tries=3, sleep=sleep)


def events(*data: bytes) -> list[Outgoing]:
    return [Outgoing("k", one) for one in data]


def test_what_is_refused_for_now_is_tried_again_alone() -> None:
    slept: list[float] = []
    kinesis = FakeKinesis(lambda data: data == b"b", lambda data: True)
    assert producer(kinesis, slept).put(events(b"a", b"b", b"c")) == 3
    assert kinesis.calls == [[b"a", b"b", b"c"], [b"b"], [b"b"]]
    assert slept == sorted(slept)
    assert len(slept) == 2


@pytest.mark.parametrize(
    "problem", [refusal("InternalFailure"), EndpointConnectionError(endpoint_url="x")]
)
def test_a_call_that_fails_is_tried_again_until_it_is_no_use(problem: Exception) -> None:
    kinesis = FakeKinesis(problem)
    assert producer(kinesis).put(events(b"a")) == 1
    kinesis = FakeKinesis(*[problem] * 3)
    with pytest.raises(Unavailable, match=r"Cannot put 1 events on events \(3 tries\)"):
        producer(kinesis).put(events(b"a"))
    assert len(kinesis.calls) == 3


def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    slept: list[float] = []
    kinesis = FakeKinesis(refusal("ResourceNotFoundException"))
    with pytest.raises(Unavailable, match=r"\(1 tries\).*ResourceNotFoundException"):
        producer(kinesis, slept).put(events(b"a"))
    assert (len(kinesis.calls), slept) == (1, [])


@given(st.lists(st.sampled_from([0, 1, 400_000, RECORD_BYTES - 1]), max_size=1200))
def test_batches_are_what_put_records_takes_and_lose_nothing(sizes: list[int]) -> None:
    given_events = [Outgoing("k", b"x" * size) for size in sizes]
    made = list(batches(given_events))
    assert [event for batch in made for event in batch] == given_events
    for batch in made:
        assert 0 < len(batch) <= BATCH_RECORDS
        assert sum(len(event.data) + 1 for event in batch) <= BATCH_BYTES


# One event.


def test_an_event_goes_under_its_key_with_an_id() -> None:
    document = {"userId": 7, "timestamp": NOW_MS}
    made = outgoing(document, EventReader(PLAIN), NOW_MS, identify=lambda: "new")
    assert made.partition_key == "7"
    assert orjson.loads(made.data) == {**document, "eventId": "new"}
    assert "eventId" not in document, "what was given is not changed"


def test_an_event_keeps_the_id_that_it_has() -> None:
    document = {"userId": "u", "timestamp": NOW_MS, "eventId": "own"}
    assert orjson.loads(outgoing(document, EventReader(PLAIN), NOW_MS).data) == document


def test_ids_are_all_different() -> None:
    document = {"userId": "u", "timestamp": NOW_MS}
    made = {outgoing(document, EventReader(PLAIN), NOW_MS).data for _ in range(9)}
    assert len(made) == 9


def test_nested_ids_are_set_where_they_belong() -> None:
    document = {"meta": {"user": "u"}, "at": NOW_MS}
    made = outgoing(document, EventReader(NESTED), NOW_MS, identify=lambda: "new")
    assert made.partition_key == "u"
    assert orjson.loads(made.data) == {"meta": {"user": "u", "id": "new"}, "at": NOW_MS}
    assert document == {"meta": {"user": "u"}, "at": NOW_MS}


def test_an_event_may_stay_without_an_id() -> None:
    document = {"userId": "u", "timestamp": NOW_MS}
    made = outgoing(document, EventReader(PLAIN), NOW_MS, identify=None)
    assert orjson.loads(made.data) == document


@pytest.mark.parametrize("extra", [0, 1])
def test_what_no_stream_would_take_is_refused_before(extra: int) -> None:
    document = {"userId": "uu", "timestamp": NOW_MS, "eventId": "e", "note": ""}
    room = RECORD_BYTES - len(orjson.dumps(document)) - len("uu")
    document["note"] = "x" * (room + extra)
    if not extra:
        assert len(outgoing(document, EventReader(PLAIN), NOW_MS).data) == RECORD_BYTES - 2
        return
    with pytest.raises(InvalidEvent) as caught:
        outgoing(document, EventReader(PLAIN), NOW_MS)
    assert caught.value.reason == "too-large"


def test_what_is_no_event_goes_as_it_stands() -> None:
    assert unchecked(b"{oops", PLAIN).data == b"{oops"
    assert unchecked({"userId": "u"}, PLAIN) == Outgoing("u", b'{"userId":"u"}')
    assert unchecked({"userId": 5}, PLAIN).partition_key == "5"
    assert unchecked({"meta": {"user": "u"}}, NESTED).partition_key == "u"


@pytest.mark.parametrize(
    "document", [b"\xff", None, 3, "text", [{"userId": "u"}], {}, {"userId": "x" * 257}]
)
def test_without_a_usable_key_its_content_is_the_key(document: object) -> None:
    made = unchecked(document, PLAIN)
    assert 0 < len(made.partition_key) <= 256
    assert made == unchecked(document, PLAIN)
    assert made.partition_key != unchecked(b"another", PLAIN).partition_key


def test_what_is_no_event_must_still_fit_a_record() -> None:
    with pytest.raises(InvalidEvent, match="a record takes at most"):
        unchecked(b"x" * RECORD_BYTES, PLAIN)


@pytest.mark.parametrize("depth", [200, 900])
def test_what_is_nested_too_deeply_to_be_written_is_refused(depth: int) -> None:
    deep = orjson.loads(b'{"a":' * depth + b"1" + b"}" * depth)
    document = {"userId": "u", "timestamp": NOW_MS, "note": deep}
    made = [
        partial(outgoing, document, EventReader(PLAIN), NOW_MS),
        partial(unchecked, deep, PLAIN),
    ]
    for make in made:
        if depth == 200:
            assert make().data.count(b'"a"') == 200
        else:
            with pytest.raises(InvalidEvent, match="cannot be written as JSON"):
                make()
