"""Records of an invocation, decoded: plain ones, aggregates, and whatever is neither."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from hashlib import md5
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import Unavailable
from millrace.kinesis import Delivery, Position, Rejected, Stream, decode, partial_batch_answer
from millrace.quarantine import rejected_object

from tests.features.making import JSON
from tests.features.streaming import ARN, NOW_MS, FakeStreams, Record, aggregate, document, record

ALL_HASHES = (0, 2**128 - 1)


def stream_of(arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
    return Stream(FakeStreams().created_ms, lambda shard_id: ALL_HASHES)


def decoded(*records: Any) -> list[Delivery | Rejected]:
    return list(decode(records, stream_of))


def delivered(*records: Any) -> list[Delivery]:
    found = decoded(*records)
    assert all(isinstance(one, Delivery) for one in found)
    return [one for one in found if isinstance(one, Delivery)]


def rejected(one_record: Any) -> Rejected:
    (found,) = decoded(one_record)
    assert isinstance(found, Rejected)
    return found


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


# KPL aggregates.

MAGIC = b"\xf3\x89\x9a\xc2"


def test_an_aggregate_gives_its_records_in_order() -> None:
    documents = [document(n, f"u{n % 2}") for n in range(4)]
    found = delivered(aggregate(documents, 50, shard=3), record(document(9), 51, shard=3))
    assert [one.position[1:] for one in found] == [
        (3, 50, 0),
        (3, 50, 1),
        (3, 50, 2),
        (3, 50, 3),
        (3, 51, 0),
    ]
    assert [one.partition_key for one in found] == ["u0", "u1", "u0", "u1", "u1"]
    assert [one.aggregated for one in found] == [True] * 4 + [False]
    assert [orjson.loads(one.data) for one in found[:4]] == documents


def test_what_was_aggregated_for_another_shard_is_left_to_it() -> None:
    documents = [document(n, f"user-{n}") for n in range(40)]
    middle = 2**127

    def half(arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
        ranges = {
            "shardId-000000000001": (0, middle - 1),
            "shardId-000000000002": (middle, 2**128 - 1),
        }
        return Stream(0, lambda shard_id: ranges[shard_id])

    found = {
        shard: [
            one.partition_key
            for one in decode([aggregate(documents, 5, shard=shard)], half)
            if isinstance(one, Delivery)
        ]
        for shard in (1, 2)
    }
    assert sorted(found[1] + found[2]) == sorted(one["userId"] for one in documents)
    assert found[1]
    assert found[2]
    for key in found[1]:
        assert int.from_bytes(md5(key.encode()).digest(), "big") < middle


def kpl(change: Callable[[Any], None]) -> bytes:
    """An aggregate of one record, changed before it is packed."""
    from aws_kinesis_agg.deaggregator import messages_pb2

    message = messages_pb2.AggregatedRecord()
    message.partition_key_table.append("u1")
    row = message.records.add()
    row.partition_key_index = 0
    row.data = b"{}"
    change(message)
    body: bytes = message.SerializeToString()
    return MAGIC + body + md5(body).digest()


def with_hash(text: str) -> bytes:
    def change(message: Any) -> None:
        message.explicit_hash_key_table.append(text)
        message.records[0].explicit_hash_key_index = 0

    return kpl(change)


def test_an_explicit_hash_key_decides_where_a_record_belongs() -> None:
    def lower(*_: object) -> Stream:
        return Stream(0, lambda shard_id: (0, 99))

    assert len(list(decode([record(with_hash("99"), 1)], lower))) == 1
    assert list(decode([record(with_hash("100"), 1)], lower)) == []


@pytest.mark.parametrize(
    "data",
    [
        kpl(lambda message: setattr(message.records[0], "partition_key_index", 5)),
        with_hash("no number"),
        with_hash("9" * 5000),
        MAGIC + b"\xff\xff" + md5(b"\xff\xff").digest(),
    ],
)
def test_a_damaged_aggregate_is_rejected_whole_with_its_place(data: bytes) -> None:
    found = rejected(record(data, 60))
    assert (found.reason, found.sequence_number) == ("damaged-aggregate", "60")
    assert found.raw == data
    assert found.position == Position(1_600_000_000_000, 0, 60, 0)


@pytest.mark.parametrize(
    "data",
    [
        MAGIC,
        MAGIC + b"\0" * 16,
        kpl(lambda message: None)[:-1] + b"\0",
        kpl(lambda message: None)[:-1],
        b"\xf3\x89\x9a\xc3" + kpl(lambda message: None)[4:],
    ],
)
def test_without_a_right_digest_it_is_a_plain_record(data: bytes) -> None:
    (found,) = delivered(record(data, 60))
    assert (found.data, found.aggregated) == (data, False)


def test_an_aggregate_of_nothing_is_nothing() -> None:
    assert decoded(record(kpl(lambda message: message.ClearField("records")), 1)) == []


def test_plain_records_do_not_load_protobuf() -> None:
    script = (
        "import sys; from millrace.kinesis import *;"
        "from tests.features.streaming import record;"
        "S = lambda *_: Stream(0, lambda s: (0, 2**128));"
        "assert isinstance(next(decode([record(b'{}', 1, key='k')], S)), Delivery);"
        "assert not [m for m in sys.modules if 'protobuf' in m or 'aws_kinesis_agg' in m]"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )


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
