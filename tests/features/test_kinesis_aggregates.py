"""KPL aggregates: their user records, and those that only look like one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from hashlib import md5
from typing import Any

import orjson
import pytest
from millrace.kinesis import Delivery, Position, Stream, decode

from tests.features.decoding import decoded, delivered, rejected
from tests.features.streaming import aggregate, document, record

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
        with_hash("-1"),
        with_hash(str(2**128)),
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
