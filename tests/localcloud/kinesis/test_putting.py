"""Where records go, what numbers they get, and what is refused."""

from __future__ import annotations

from hashlib import md5
from itertools import pairwise

import pytest

from localcloud.kinesis.errors import InvalidArgument, ResourceNotFound
from localcloud.kinesis.limits import MIB
from localcloud.kinesis.producing import NewRecord, Placed, hash_key_of
from localcloud.kinesis.shard import HASH_KEYS, HashRange, ShardLog
from tests.localcloud.kinesis.streams import HALF, backend_with, drain, put, texts


def test_shards_cover_all_hash_keys_without_gap_or_overlap() -> None:
    backend, _ = backend_with(7)
    shards = backend.shards("events")
    assert [shard.shard_id for shard in shards] == [f"shardId-{i:012d}" for i in range(7)]
    assert shards[0].starting_hash_key == 0
    assert shards[-1].ending_hash_key == HASH_KEYS - 1
    for lower, upper in pairwise(shards):
        assert lower.ending_hash_key + 1 == upper.starting_hash_key


def test_three_shards_are_cut_where_kinesis_cuts_them() -> None:
    backend, _ = backend_with(3)
    assert [shard.starting_hash_key for shard in backend.shards("events")] == [
        0,
        113427455640312821154458202477256070485,
        226854911280625642308916404954512140970,
    ]


@pytest.mark.parametrize("key", ["user-1", "user-2", "ключ", "k" * 256])
def test_a_record_goes_where_the_md5_of_its_key_says(key: str) -> None:
    backend, _ = backend_with(4)
    hashed = int(md5(key.encode(), usedforsecurity=False).hexdigest(), 16)
    placed = backend.put_record("events", NewRecord(key, b"x"))
    (shard,) = [s for s in backend.shards("events") if s.shard_id == placed.shard_id]
    assert hash_key_of(key) == hashed
    assert shard.starting_hash_key <= hashed <= shard.ending_hash_key


@pytest.mark.parametrize(
    ("explicit", "index"), [(0, 0), (HALF - 1, 0), (HALF, 1), (HASH_KEYS - 1, 1)]
)
def test_an_explicit_hash_key_overrides_the_partition_key(explicit: int, index: int) -> None:
    backend, _ = backend_with(2)
    placed = backend.put_record("events", NewRecord("any", b"x", explicit))
    assert placed.shard_id == f"shardId-{index:012d}"


def test_a_record_is_read_as_it_was_put() -> None:
    backend, clock = backend_with()
    clock.advance(5)
    placed = backend.put_record("events", NewRecord("user", b"\x00\xff"))
    (record,) = drain(backend, "events")
    assert record.sequence_number == placed.sequence_number
    assert (record.partition_key, record.data) == ("user", b"\x00\xff")
    assert record.arrival_ms == clock.now_ms()


def test_the_same_record_put_twice_is_two_records() -> None:
    backend, _ = backend_with()
    first, second = put(backend, "same", "same")
    assert first < second
    assert texts(drain(backend, "events")) == ["same", "same"]


def test_many_records_answer_in_their_order() -> None:
    backend, _ = backend_with(2)
    records = [NewRecord("k", str(i).encode(), HALF * (i % 2)) for i in range(500)]
    placed = backend.put_records("events", records)
    assert [p.shard_id for p in placed if isinstance(p, Placed)] == [
        f"shardId-{i % 2:012d}" for i in range(500)
    ]
    evens, odds = list(range(0, 500, 2)), list(range(1, 500, 2))
    assert [int(text) for text in texts(drain(backend, "events"))] == evens + odds


def test_arrival_never_goes_back_within_a_shard_when_the_clock_does() -> None:
    shard = ShardLog(0, HashRange(0, HASH_KEYS - 1), 1_000)
    for now_ms in (5_000, 3_000, 6_000):
        shard.append("k", b"x", now_ms, 2)
    records = shard.read(None, 10, 100, 6_000).records
    assert [record.arrival_ms for record in records] == [5_000, 5_000, 6_000]
    assert sorted(records, key=lambda record: int(record.sequence_number)) == records
    shard.trim(4_999)
    assert len(shard.read(None, 10, 100, 6_000).records) == 3
    shard.trim(5_000)
    assert len(shard.read(None, 10, 100, 6_000).records) == 1


def test_ordering_takes_any_number_of_the_stream_and_no_other() -> None:
    backend, _ = backend_with()
    (first,) = put(backend, "one")
    backend.split_shard("events", "shardId-000000000000", HALF)
    record = NewRecord("k", b"two")
    assert backend.put_record("events", record, ordering=first).sequence_number > first
    for foreign in ("1", first[:-1] + str(9 - int(first[-1])), "9" * 56):
        with pytest.raises(InvalidArgument, match="not issued by stream 'events'"):
            backend.put_record("events", record, ordering=foreign)


def test_a_record_may_have_a_mebibyte_with_its_key_and_not_a_byte_more() -> None:
    backend, _ = backend_with()
    backend.put_record("events", NewRecord("key", bytes(MIB - 3)))
    with pytest.raises(InvalidArgument, match=r"1048577 bytes .* 1024 KiB.*UpdateMaxRecordSize"):
        backend.put_record("events", NewRecord("key", bytes(MIB - 2)))
    # The limit is on bytes: this key has one character and two bytes.
    with pytest.raises(InvalidArgument, match="1048577 bytes"):
        backend.put_record("events", NewRecord("é", bytes(MIB - 1)))


def test_a_stream_may_take_larger_records() -> None:
    backend, clock = backend_with()
    backend.stream("events").set_max_record(2048, clock.now_ms())
    backend.put_record("events", NewRecord("key", bytes(2 * MIB - 3)))
    with pytest.raises(InvalidArgument, match="2048 KiB"):
        backend.put_record("events", NewRecord("key", bytes(2 * MIB)))


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([], "0 records"),
        ([NewRecord("k", b"x")] * 501, "501 records"),
        ([NewRecord("k", bytes(MIB - 1))] * 11, "11534336 bytes"),
        ([NewRecord("k", b"x"), NewRecord("k", b"x", HASH_KEYS)], "ExplicitHashKey"),
        ([NewRecord("k", b"x"), NewRecord("k", b"x", -1)], "ExplicitHashKey -1"),
        ([NewRecord("k", b"x"), NewRecord("k", bytes(MIB))], "1048577 bytes"),
    ],
)
def test_a_call_that_is_refused_stores_nothing(records: list[NewRecord], complaint: str) -> None:
    backend, _ = backend_with()
    with pytest.raises(InvalidArgument, match=complaint):
        backend.put_records("events", records)
    assert drain(backend, "events") == []


def test_a_call_may_have_ten_mebibytes() -> None:
    backend, _ = backend_with()
    assert len(backend.put_records("events", [NewRecord("k", bytes(MIB - 1))] * 10)) == 10


def test_streams_are_found_by_name_and_by_arn_of_this_account_and_region() -> None:
    backend, _ = backend_with()
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
    assert backend.stream(arn) is backend.stream("events")
    for unknown in ("nothing", arn.replace("us-east-1", "eu-west-1"), arn + "x"):
        with pytest.raises(ResourceNotFound, match="does not exist"):
            backend.put_record(unknown, NewRecord("k", b"x"))
