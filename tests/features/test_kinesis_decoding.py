"""Records of an invocation, decoded: plain ones, aggregates, and whatever is neither."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import Unavailable
from millrace.kinesis import Delivery, Position, Rejected, Stream, decode, partial_batch_answer
from millrace.quarantine import rejected_object

from tests.features.decoding import ALL_HASHES, decoded, delivered, rejected, stream_of
from tests.features.making import JSON
from tests.features.streaming import ARN, NOW_MS, Record, document, record


def test_a_record_is_delivered_with_its_place() -> None:
    (found,) = delivered(record(b"\0\xff data", 10**55, key="ключ", shard=7))
    assert found.position == Position(1_600_000_000_000, 7, 10**55, 0)
    assert (found.partition_key, found.data) == ("ключ", b"\0\xff data")
    assert (found.sequence_number, found.arrival_ms) == (str(10**55), NOW_MS)
    assert (found.aggregated, found.arn) == (False, ARN)


def test_an_empty_record_is_a_record() -> None:
    assert delivered(record(b"", 1))[0].data == b""


def test_with_fan_out_the_stream_stands_before_the_consumer() -> None:
    seen = []

    def noting(arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
        seen.append((arn, shard_id, sequence, arrival_ms))
        return stream_of(arn, shard_id, sequence, arrival_ms)

    one = record(document(1), 5, arn=f"{ARN}/consumer/millrace:1600000000")
    (found,) = decode([one], noting)
    assert found.arn == ARN
    assert seen == [(ARN, "shardId-000000000000", 5, NOW_MS)]


def test_a_stream_is_looked_up_once_for_each_of_its_shards() -> None:
    asked: list[tuple[str, str]] = []

    def noting(arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
        asked.append((arn[-1], shard_id[-1]))
        return Stream(1000 if arn == ARN else 2000, lambda shard_id: ALL_HASHES)

    other = ARN[:-1] + "t"
    records = [
        record(document(n), n, shard=n % 2, arn=arn) for n in range(4) for arn in (ARN, other)
    ]
    found = [one.position for one in decode(records, noting) if isinstance(one, Delivery)]
    assert asked == [("s", "0"), ("t", "0"), ("s", "1"), ("t", "1")]
    assert [(one.created_ms, one.shard) for one in found[:4]] == [
        (1000, 0),
        (2000, 0),
        (1000, 1),
        (2000, 1),
    ]


def test_what_describes_streams_may_fail() -> None:
    def down(*_: object) -> Stream:
        raise Unavailable("Kinesis is down")

    with pytest.raises(Unavailable):
        list(decode([record(document(1), 1)], down))


# What Lambda never sends.


def broken(*path: str, value: object = None, drop: bool = False) -> Record:
    one = record(document(1), 77)
    inside: Any = one
    for name in path[:-1]:
        inside = inside[name]
    if drop:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return one


PLACES = [
    ("kinesis",),
    ("kinesis", "partitionKey"),
    ("kinesis", "sequenceNumber"),
    ("kinesis", "data"),
    ("kinesis", "approximateArrivalTimestamp"),
    ("eventID",),
    ("eventSourceARN",),
]


@pytest.mark.parametrize("path", PLACES)
def test_a_missing_key_rejects_the_record(path: tuple[str, ...]) -> None:
    found = rejected(broken(*path, drop=True))
    assert found.reason == "not-a-kinesis-record"
    assert path[-1] in found.message
    named = path not in (("kinesis",), ("kinesis", "sequenceNumber"))
    assert found.sequence_number == ("77" if named else None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kinesis", "sequenceNumber"), "abc"),
        (("kinesis", "sequenceNumber"), ""),
        (("kinesis", "sequenceNumber"), 12.5),
        (("kinesis", "sequenceNumber"), True),
        (("kinesis", "sequenceNumber"), [1]),
        (("kinesis", "sequenceNumber"), "9" * 130),
        (("kinesis", "sequenceNumber"), "9" * 10_000),
        (("kinesis", "sequenceNumber"), "²"),
        (("kinesis", "sequenceNumber"), "-1"),
        (("kinesis", "sequenceNumber"), -1),
        (("kinesis", "approximateArrivalTimestamp"), "1700000000"),
        (("kinesis", "approximateArrivalTimestamp"), float("nan")),
        (("kinesis", "approximateArrivalTimestamp"), float("inf")),
        (("kinesis", "approximateArrivalTimestamp"), -1),
        (("kinesis", "approximateArrivalTimestamp"), 1e18),
        (("kinesis", "approximateArrivalTimestamp"), [1]),
        (("kinesis", "partitionKey"), 5),
        (("kinesis", "partitionKey"), "\ud800"),
        (("kinesis", "partitionKey"), ["k"]),
        (("eventID",), "shardId-000000000000"),
        (("eventID",), "shard:77"),
        (("eventID",), "shardId-٣:77"),
        (("eventID",), f"shardId-{10**12}:77"),
        (("eventID",), f"shardId-{'7' * 5000}:77"),
        (("eventID",), 5),
        (("eventID",), [":"]),
        (("eventSourceARN",), 5),
        (("eventSourceARN",), ["a"]),
    ],
)
def test_a_wrong_value_rejects_the_record(path: tuple[str, ...], value: object) -> None:
    found = rejected(broken(*path, value=value))
    assert found.reason == "not-a-kinesis-record"
    assert found.position is None
    # Only what an answer may name is kept as its number.
    assert found.sequence_number == (None if path[-1] == "sequenceNumber" else "77")


@pytest.mark.parametrize("source", [5, None])
def test_a_record_that_is_rejected_does_not_move_the_next_one(source: object) -> None:
    other = {**record(document(2), 78, shard=5), "eventSourceARN": source}
    first, _, last = decoded(record(document(1), 77), other, record(document(3), 79))
    assert isinstance(first, Delivery)
    assert isinstance(last, Delivery)
    assert (last.position, last.arn) == (first.position._replace(sequence=79), first.arn)


@pytest.mark.parametrize("depth", [100, 500, 100_000])
def test_whatever_depth_a_record_has_it_can_be_put_away(depth: int) -> None:
    deep: object = "x"
    for _ in range(depth):
        deep = [deep]
    key, body = rejected_object(rejected({"a": deep}))
    kept = orjson.loads(body)
    assert kept["reason"] == "not-a-kinesis-record"
    assert key.startswith("quarantine/unplaced/")
    assert ("x" in str(kept["raw"])) == (depth < 100_000)


@pytest.mark.parametrize("one", [None, 5, "text", [], {}, {"kinesis": None}, {"kinesis": []}])
def test_what_is_no_record_at_all_is_rejected_whole(one: object) -> None:
    found = rejected(one)
    assert found.raw == one
    assert found.sequence_number is None


@pytest.mark.parametrize(
    "data", ["%%%", "YQ", "YQ==YQ==", " YQ==", "YQ==\n", "é", None, 5, ["YQ=="]]
)
def test_what_is_not_base64_keeps_its_place(data: object) -> None:
    found = rejected(broken("kinesis", "data", value=data))
    assert (found.reason, found.sequence_number) == ("not-base64", "77")
    assert found.position == Position(1_600_000_000_000, 0, 77, 0)
    assert found.raw == data


@given(st.dictionaries(st.sampled_from([path[-1] for path in PLACES]), JSON), JSON)
def test_nothing_crashes_the_decoder_and_nothing_is_dropped(
    changes: dict[str, object], other: object
) -> None:
    one = record(document(1), 77)
    for name, value in changes.items():
        inside = one if name in one else one["kinesis"]
        if isinstance(inside, dict):
            inside[name] = value
    found = decoded(other, one, record(document(2), 78))
    assert len(found) == 3
    assert isinstance(found[2], Delivery)
    for each in found:
        if isinstance(each, Rejected):
            key, body = rejected_object(each)
            assert orjson.loads(body)["reason"] == each.reason
            assert key.startswith("quarantine/")


# Positions, the answer.

POSITIONS = st.builds(
    Position,
    st.integers(0, 2**45),
    st.integers(0, 10**12),
    st.integers(0, 10**129 - 1),
    st.integers(0, 10**6),
)


@given(POSITIONS, POSITIONS)
def test_positions_are_text_and_back_and_compare_as_integers(
    one: Position, other: Position
) -> None:
    assert Position.parse(str(one)) == one
    assert (one < other) == (tuple(one) < tuple(other))


@pytest.mark.parametrize("text", ["", "1/2/3", "1/2/3/4/5", "a/b/c/d", "1/2/3/"])
def test_what_is_no_position_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|literal"):
        Position.parse(text)


@given(st.lists(st.integers(0, 10**129 - 1).map(str), max_size=8))
def test_the_answer_names_the_lowest_number(numbers: list[str]) -> None:
    answer = partial_batch_answer(numbers)["batchItemFailures"]
    assert answer == ([{"itemIdentifier": str(min(map(int, numbers)))}] if numbers else [])
