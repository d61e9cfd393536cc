"""What describes a stream is asked once, and again when the stream may be another one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from millrace.errors import Throttled, Unavailable
from millrace.streams import StreamCatalog

from tests.features.services import Services

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
ALL = (0, 2**128 - 1)


class FakeKinesis:
    """Describes one stream, its shards three a page."""

    class meta:
        endpoint_url = "https://kinesis.test"

    def __init__(self, shards: int = 7) -> None:
        self.created = datetime(2024, 1, 2, tzinfo=UTC)
        self.shards = [
            {
                "ShardId": f"shardId-{n:012d}",
                "HashKeyRange": {"StartingHashKey": str(n * 10), "EndingHashKey": str(n * 10 + 9)},
            }
            for n in range(shards)
        ]
        self.error: ClientError | None = None
        self.asked: list[str] = []

    def _note(self, operation: str) -> None:
        self.asked.append(operation)
        if self.error:
            raise self.error

    def describe_stream_summary(self, StreamARN: str) -> Any:
        self._note(f"describe {StreamARN}")
        return {"StreamDescriptionSummary": {"StreamCreationTimestamp": self.created}}

    def list_shards(self, StreamARN: str = "", NextToken: str = "") -> Any:
        assert bool(StreamARN) != bool(NextToken), "Kinesis takes one or the other"
        self._note("list")
        start = int(NextToken or 0)
        more = {"NextToken": str(start + 3)} if start + 3 < len(self.shards) else {}
        return {"Shards": self.shards[start : start + 3], **more}


def catalog(kinesis: Any) -> StreamCatalog:
    return StreamCatalog(kinesis)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStreamSummary")


def test_a_stream_is_described_once() -> None:
    kinesis = FakeKinesis()
    streams = catalog(kinesis)
    assert {streams.stream(ARN).created_ms for _ in range(3)} == {1_704_153_600_000}
    assert kinesis.asked == [f"describe {ARN}"]
    streams.stream(ARN + "-2")
    assert kinesis.asked[1:] == [f"describe {ARN}-2"]


def test_shards_are_listed_only_when_a_range_is_asked_for_and_page_by_page() -> None:
    kinesis = FakeKinesis()
    stream = catalog(kinesis).stream(ARN)
    assert "list" not in kinesis.asked
    assert [stream.hash_range(f"shardId-{n:012d}") for n in (6, 0, 3)] == [
        (60, 69),
        (0, 9),
        (30, 39),
    ]
    assert kinesis.asked.count("list") == 3


def test_a_shard_that_is_not_listed_any_more_may_have_had_every_hash() -> None:
    assert catalog(FakeKinesis()).stream(ARN).hash_range("shardId-000000000099") == ALL


@pytest.mark.parametrize("sequence", [None, 1, 10**55 - 1, 10**55])
def test_a_stream_made_anew_is_described_again(sequence: int | None) -> None:
    kinesis = FakeKinesis()
    streams = catalog(kinesis)
    streams.begins(ARN, "shardId-000000000000", 10**55, 5000)
    streams.stream(ARN).hash_range("shardId-000000000000")
    kinesis.created = datetime(2024, 1, 3, tzinfo=UTC)
    kinesis.shards = kinesis.shards[:1]
    if sequence is None:
        streams.forget(ARN)
    else:
        streams.begins(ARN, "shardId-000000000000", sequence, 9000)
    stream = streams.stream(ARN)
    assert stream.created_ms == 1_704_240_000_000
    assert stream.hash_range("shardId-000000000006") == ALL, "its shards are asked for as well"


@pytest.mark.parametrize(
    ("sequence", "arrival_ms"),
    [(90, 4000), (90, 5000), (100, 5000), (101, 9000)],
    ids=["an earlier batch", "an earlier batch of that time", "the same batch", "the next"],
)
def test_a_retry_is_no_reason_to_ask(sequence: int, arrival_ms: int) -> None:
    kinesis = FakeKinesis()
    streams = catalog(kinesis)
    streams.begins(ARN, "shardId-000000000000", 100, 5000)
    streams.stream(ARN)
    streams.begins(ARN, "shardId-000000000000", sequence, arrival_ms)
    streams.stream(ARN)
    assert kinesis.asked == [f"describe {ARN}"]


def test_with_a_shard_that_is_new_to_a_worker_the_stream_may_be_new() -> None:
    """Its numbers say nothing, for this worker knows none of that shard."""
    kinesis = FakeKinesis()
    streams = catalog(kinesis)
    for shard in ("shardId-000000000000", "shardId-000000000001"):
        for sequence in (100, 101):
            streams.begins(ARN, shard, sequence, sequence)
            streams.stream(ARN)
    assert kinesis.asked == [f"describe {ARN}"] * 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [("LimitExceededException", Throttled), ("ResourceNotFoundException", Unavailable)],
)
def test_a_stream_that_cannot_be_described_is_asked_for_again_later(
    code: str, kind: type[Unavailable]
) -> None:
    kinesis = FakeKinesis()
    streams = catalog(kinesis)
    kinesis.error = refusal(code)
    with pytest.raises(kind, match=f"Cannot describe {ARN} at https://kinesis.test"):
        streams.stream(ARN)
    kinesis.error = None
    stream = streams.stream(ARN)
    kinesis.error = refusal(code)
    with pytest.raises(kind, match=f"Cannot list the shards of {ARN}"):
        stream.hash_range("shardId-000000000000")
    kinesis.error = None
    assert stream.hash_range("shardId-000000000000") == (0, 9)


# The local cloud's Kinesis, through a real client.


@pytest.fixture
def stream(services: Services) -> Iterator[str]:
    name = services.name("stream")
    kinesis = services.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=2)
    yield f"arn:aws:kinesis:us-east-1:123456789012:stream/{name}"
    kinesis.delete_stream(StreamName=name)


def test_a_split_stream_keeps_its_time_and_names_its_children(
    services: Services, stream: str
) -> None:
    kinesis = services.client("kinesis")
    streams = catalog(kinesis)
    before = streams.stream(stream)
    middle = 2**127
    halves = [before.hash_range(f"shardId-{n:012d}") for n in (0, 1)]
    assert halves == [(0, middle - 1), (middle, 2**128 - 1)]
    kinesis.split_shard(
        StreamARN=stream, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(middle + 9)
    )
    after = streams.stream(stream)
    assert after.created_ms == before.created_ms
    children = [after.hash_range(f"shardId-{n:012d}") for n in (2, 3)]
    assert children == [(middle, middle + 8), (middle + 9, 2**128 - 1)]


def test_two_streams_of_one_name_have_different_times(services: Services, stream: str) -> None:
    kinesis = services.client("kinesis")
    streams, name = catalog(kinesis), stream.rpartition("/")[2]
    first_ms = streams.stream(stream).created_ms
    kinesis.delete_stream(StreamName=name)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    assert streams.stream(stream).created_ms == first_ms
    streams.forget(stream)
    assert streams.stream(stream).created_ms > first_ms
