"""Split, merge and uniform scaling: lineage, order, and what stays readable."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import (
    InvalidArgument,
    LimitExceeded,
    ResourceInUse,
    ValidationFailed,
)
from localcloud.kinesis.limits import Limits
from localcloud.kinesis.scaling import merges, splits, uniform_starts
from localcloud.kinesis.shard import HASH_KEYS
from localcloud.kinesis.stream import ON_DEMAND, StreamSettings
from localcloud.kinesis.topology import ShardFilter
from localcloud.ports import Shard
from tests.localcloud.clock import START_MS
from tests.localcloud.kinesis.streams import HALF, QUARTER, backend_with, drain, put, texts

DAY_S = 24 * 3600


def shard_id(index: int) -> str:
    return f"shardId-{index:012d}"


def by_id(backend: KinesisBackend) -> dict[str, Shard]:
    return {shard.shard_id: shard for shard in backend.shards("events")}


def open_starts(backend: KinesisBackend) -> list[int]:
    return [shard.hash_range.start for shard in backend.stream("events").topology.open]


def test_a_split_closes_the_parent_and_its_children_take_over() -> None:
    backend, _ = backend_with()
    put(backend, "before")
    backend.split_shard("events", shard_id(0), QUARTER)
    put(backend, "low", at=QUARTER - 1)
    put(backend, "high", at=QUARTER)
    parent, low, high = backend.shards("events")
    assert parent.ending_sequence is not None
    assert parent.ending_sequence < min(low.starting_sequence, high.starting_sequence)
    assert (low.parent_id, high.parent_id) == (shard_id(0), shard_id(0))
    assert low.adjacent_parent_id is None
    assert (low.starting_hash_key, low.ending_hash_key) == (0, QUARTER - 1)
    assert (high.starting_hash_key, high.ending_hash_key) == (QUARTER, HASH_KEYS - 1)
    assert texts(backend.read("events", low.shard_id, None, 9).records) == ["low"]
    assert texts(backend.read("events", high.shard_id, None, 9).records) == ["high"]


def test_a_merge_closes_both_parents_and_their_child_takes_over() -> None:
    backend, _ = backend_with(2)
    put(backend, "low")
    put(backend, "high", at=HALF)
    backend.merge_shards("events", shard_id(1), shard_id(0))
    put(backend, "from low", "still low")
    put(backend, "from high", at=HALF)
    low, high, child = backend.shards("events")
    assert low.ending_sequence is not None
    assert high.ending_sequence is not None
    assert max(low.ending_sequence, high.ending_sequence) < child.starting_sequence
    assert (child.parent_id, child.adjacent_parent_id) == (high.shard_id, low.shard_id)
    assert (child.starting_hash_key, child.ending_hash_key) == (0, HASH_KEYS - 1)
    read = backend.read("events", child.shard_id, None, 9)
    assert texts(read.records) == ["from low", "still low", "from high"]


def test_only_the_last_read_of_a_closed_shard_is_drained() -> None:
    backend, _ = backend_with()
    _, second = put(backend, "a", "b")
    assert not backend.read("events", shard_id(0), None, 9).drained
    backend.split_shard("events", shard_id(0), HALF)
    assert not backend.read("events", shard_id(0), None, 1).drained
    assert backend.read("events", shard_id(0), None, 2).drained
    assert backend.read("events", shard_id(0), second, 2).drained


def test_sequence_numbers_grow_along_a_key_through_reshardings_of_one_instant() -> None:
    backend, _ = backend_with()
    issued = put(backend, "0")
    backend.split_shard("events", shard_id(0), HALF)
    issued += put(backend, "1")
    backend.split_shard("events", shard_id(1), QUARTER)
    issued += put(backend, "2")
    backend.merge_shards("events", shard_id(3), shard_id(4))
    issued += put(backend, "3")
    backend.merge_shards("events", shard_id(5), shard_id(2))
    issued += put(backend, "4")
    assert [int(number) for number in issued] == sorted({int(number) for number in issued})
    assert texts(drain(backend, "events")) == ["0", "1", "2", "3", "4"]


def test_closed_shards_are_listed_until_their_records_have_expired() -> None:
    backend, clock = backend_with()
    put(backend, "old")
    clock.advance(3600)
    backend.split_shard("events", shard_id(0), HALF)
    clock.advance(DAY_S - 0.001)
    assert list(by_id(backend)) == [shard_id(0), shard_id(1), shard_id(2)]
    clock.advance(0.001)
    assert list(by_id(backend)) == [shard_id(1), shard_id(2)]
    assert by_id(backend)[shard_id(1)].parent_id == shard_id(0)
    assert backend.stream("events").topology.find(shard_id(0)).held == 0
    expired = backend.read("events", shard_id(0), None, 1)
    assert (list(expired.records), expired.drained) == ([], True)


@pytest.mark.parametrize("at", [0, 1, HASH_KEYS - 1, HASH_KEYS, -1])
def test_a_split_that_leaves_a_child_empty_is_refused(at: int) -> None:
    backend, _ = backend_with()
    with pytest.raises(InvalidArgument, match=f"NewStartingHashKey {at} does not split"):
        backend.split_shard("events", shard_id(0), at)
    assert len(backend.shards("events")) == 1


def test_merging_what_is_not_adjacent_is_refused() -> None:
    backend, _ = backend_with(3)
    for one, other in ((0, 2), (1, 1)):
        with pytest.raises(InvalidArgument, match="not adjacent"):
            backend.merge_shards("events", shard_id(one), shard_id(other))


def test_closed_shards_cannot_be_split_or_merged_again() -> None:
    backend, _ = backend_with(2)
    backend.split_shard("events", shard_id(0), QUARTER)
    with pytest.raises(InvalidArgument, match="is closed already"):
        backend.split_shard("events", shard_id(0), QUARTER // 2)
    with pytest.raises(InvalidArgument, match="is closed already"):
        backend.merge_shards("events", shard_id(1), shard_id(0))


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 3), (3, 6), (4, 2), (6, 3), (5, 4)])
def test_scaling_makes_shards_of_equal_size(first: int, second: int) -> None:
    backend, _ = backend_with(first)
    backend.update_shard_count("events", second)
    assert open_starts(backend) == uniform_starts(second)


@pytest.mark.parametrize("at", [HALF - 1, HALF + 1])
def test_scaling_copes_with_a_boundary_one_key_from_where_it_goes(at: int) -> None:
    backend, _ = backend_with(3)
    backend.split_shard("events", shard_id(1), at)
    backend.update_shard_count("events", 2)
    assert open_starts(backend) == [0, HALF]


def test_doubling_splits_every_shard_once_and_halving_merges_every_pair() -> None:
    backend, _ = backend_with(3)
    backend.update_shard_count("events", 6)
    assert [shard.parent_id for shard in backend.shards("events")[3:]] == [
        shard_id(0), shard_id(0), shard_id(1), shard_id(1), shard_id(2), shard_id(2),
    ]  # fmt: skip
    backend.update_shard_count("events", 3)
    assert len(backend.shards("events")) == 12


@given(
    st.sets(st.integers(1, 1000), max_size=12).map(lambda cuts: sorted({0, *cuts})),
    st.integers(1, 12).map(lambda count: [index * 1001 // count for index in range(count)]),
)
def test_planned_splits_and_merges_reach_any_target(current: list[int], target: list[int]) -> None:
    starts = set(current)
    for start, at in splits(current, target):
        assert start in starts
        assert not any(start < other <= at for other in starts)
        starts.add(at)
    for lower, upper in merges(sorted(starts), target):
        assert (lower, upper) in pairwise(sorted(starts))
        starts.remove(upper)
    assert sorted(starts) == target


@pytest.mark.parametrize(("shards", "target"), [(3, 7), (4, 1), (3, 1), (5, 2)])
def test_one_call_at_most_doubles_or_halves(shards: int, target: int) -> None:
    backend, _ = backend_with(shards)
    with pytest.raises(InvalidArgument, match=f"TargetShardCount {target}: .* in steps"):
        backend.update_shard_count("events", target)


def test_ten_rescalings_a_day_when_limits_are_on() -> None:
    backend, clock = backend_with(limits=Limits())
    for round_ in range(10):
        backend.update_shard_count("events", 2 - round_ % 2)
        clock.advance(1)
    with pytest.raises(LimitExceeded, match="rescaled 10 times"):
        backend.update_shard_count("events", 2)
    clock.advance(DAY_S - 10)
    backend.update_shard_count("events", 2)
    with pytest.raises(LimitExceeded):
        backend.update_shard_count("events", 1)


def test_on_demand_streams_are_not_resharded_by_hand() -> None:
    backend, clock = backend_with(2)
    backend.stream("events").set_mode(ON_DEMAND, clock.now_ms())
    with pytest.raises(ValidationFailed, match="SplitShard is for streams in PROVISIONED mode"):
        backend.split_shard("events", shard_id(0), QUARTER)
    with pytest.raises(ValidationFailed, match="MergeShards"):
        backend.merge_shards("events", shard_id(0), shard_id(1))
    with pytest.raises(ValidationFailed, match="UpdateShardCount"):
        backend.update_shard_count("events", 4)


def test_a_stream_that_is_changing_takes_records_and_no_other_change() -> None:
    backend, clock = backend_with(settle_s=2)
    clock.advance(2)
    backend.split_shard("events", shard_id(0), HALF)
    put(backend, "meanwhile")
    assert backend.stream("events").status(clock.now_ms()) == "UPDATING"
    with pytest.raises(ResourceInUse, match="is UPDATING"):
        backend.merge_shards("events", shard_id(1), shard_id(2))
    clock.advance(2)
    backend.merge_shards("events", shard_id(1), shard_id(2))
    assert texts(drain(backend, "events")) == ["meanwhile"]


def selected(backend: KinesisBackend, kind: str, at_s: float | None = None) -> list[int]:
    stream, now_ms = backend.stream("events"), backend.clock.now_ms()
    timestamp_ms = None if at_s is None else START_MS + round(at_s * 1000)
    wanted = ShardFilter(kind, timestamp_ms)
    return [shard.index for shard in stream.topology.select(wanted, stream.horizon_ms(now_ms))]


def test_shard_filters() -> None:
    """0 is split into 1 and 2 after 10 s; 1 into 3 and 4 after 20 s."""
    backend, clock = backend_with()
    clock.advance(10)
    backend.split_shard("events", shard_id(0), HALF)
    clock.advance(10)
    backend.split_shard("events", shard_id(1), QUARTER)
    clock.advance(10)
    assert selected(backend, "FROM_TRIM_HORIZON") == [0, 1, 2, 3, 4]
    assert selected(backend, "AT_TRIM_HORIZON") == [0]
    assert selected(backend, "AT_LATEST") == [2, 3, 4]
    assert selected(backend, "AT_TIMESTAMP", -100) == [0]
    assert selected(backend, "AT_TIMESTAMP", 9.999) == [0]
    assert selected(backend, "AT_TIMESTAMP", 10) == [0, 1, 2], "both ends are inclusive"
    assert selected(backend, "AT_TIMESTAMP", 15) == [1, 2]
    assert selected(backend, "AT_TIMESTAMP", 25) == [2, 3, 4]
    assert selected(backend, "FROM_TIMESTAMP", 5) == [0, 1, 2, 3, 4]
    assert selected(backend, "FROM_TIMESTAMP", 10.001) == [1, 2, 3, 4]
    assert selected(backend, "FROM_TIMESTAMP", 30) == [2, 3, 4]
    clock.advance(DAY_S - 20)
    assert selected(backend, "FROM_TRIM_HORIZON") == [1, 2, 3, 4]
    assert selected(backend, "AT_TRIM_HORIZON") == [1, 2]
    assert selected(backend, "FROM_TIMESTAMP", 0) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"shard_count": 0}, "ShardCount 0"),
        ({"shard_count": 10_001}, "ShardCount 10001"),
        ({"shard_count": 1, "mode": "ELASTIC"}, "StreamMode 'ELASTIC'"),
        ({"shard_count": 1, "retention_hours": 1}, "RetentionPeriodHours 1"),
        ({"shard_count": 1, "max_record_kib": 1}, "MaxRecordSizeInKiB 1"),
    ],
)
def test_settings_that_no_stream_can_have(settings: dict[str, int], complaint: str) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        StreamSettings(**settings)  # type: ignore[arg-type]
