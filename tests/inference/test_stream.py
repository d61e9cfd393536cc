"""Records on their stream: the real client against Kinesis on loopback, and in trouble."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from millrace.errors import InvalidRequest, Throttled, Unavailable
from millrace.inference.call import Call
from millrace.inference.stream import RECORD_BYTES, InferenceStream

from localcloud.faults.plan import When
from tests.features.services import Services, failing


class Bench:
    """A stream of inference records, and what is on it."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.name = services.name("stream")
        self.kinesis = services.client("kinesis", attempts=1)
        self.kinesis.create_stream(StreamName=self.name, ShardCount=1)
        self.kinesis.get_waiter("stream_exists").wait(
            StreamName=self.name, WaiterConfig={"Delay": 1}
        )
        self.patient_made = 0
        self.stream = InferenceStream(self.name, self.kinesis, self.patient)

    def patient(self) -> Any:
        self.patient_made += 1
        return self.kinesis

    def records(self) -> list[tuple[str, object]]:
        (shard,) = self.kinesis.list_shards(StreamName=self.name)["Shards"]
        iterator = self.kinesis.get_shard_iterator(
            StreamName=self.name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        found = self.kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return [(one["PartitionKey"], orjson.loads(one["Data"])) for one in found]


@pytest.fixture
def bench(services: Services) -> Bench:
    return Bench(services)


def call(seconds: float = 30.0) -> Call:
    return Call(seconds, time.monotonic)


def test_records_stand_under_their_keys(bench: Bench) -> None:
    bench.stream.record(b'{"kind":"inference"}', "ä" * 128, call())
    assert bench.patient_made == 0, "most functions never see feedback"
    bench.stream.feedback(b'{"kind":"feedback"}', "u2", call())
    assert bench.records() == [
        ("ä" * 128, {"kind": "inference"}),
        ("u2", {"kind": "feedback"}),
    ]


def test_a_record_is_tried_once_and_feedback_again(bench: Bench) -> None:
    throttled = failing("LimitExceededException")
    bench.services.fail("kinesis", "PutRecord", throttled, 1)
    with pytest.raises(Throttled, match=bench.name):
        bench.stream.record(b"{}", "u1", call())
    bench.services.fail("kinesis", "PutRecord", throttled, 1)
    bench.stream.feedback(b"{}", "u1", call())
    assert len(bench.records()) == 1


def test_a_connection_that_went_stale_loses_no_record(bench: Bench) -> None:
    bench.services.fail("kinesis", "PutRecord", None, 1)
    bench.stream.record(b"{}", "u1", call())
    assert len(bench.records()) == 1


def test_feedback_whose_answer_was_lost_may_stand_there_twice(bench: Bench) -> None:
    """Joining takes a prediction's feedback once, whatever stands there."""
    bench.services.fail("kinesis", "PutRecord", None, 1, when=When.AFTER)
    bench.stream.feedback(b'{"n":1}', "u1", call())
    assert bench.records() == [("u1", {"n": 1})] * 2


def test_a_stream_that_is_not_there_is_unavailable(bench: Bench) -> None:
    stream = InferenceStream("nowhere", bench.kinesis, bench.patient)
    with pytest.raises(Unavailable, match="nowhere"):
        stream.feedback(b"{}", "u1", call())


def test_what_no_stream_takes_is_not_sent(bench: Bench) -> None:
    before = bench.services.calls("kinesis", "PutRecord")
    with pytest.raises(InvalidRequest, match="at most"):
        bench.stream.record(b"x" * RECORD_BYTES, "u1", call())
    assert bench.services.calls("kinesis", "PutRecord") == before
    bench.stream.record(b"x" * (RECORD_BYTES - 2), "u1", call())
