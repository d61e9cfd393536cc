"""The throughput of a shard when limits are on, and its absence when they are off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.kinesis.errors import ThroughputExceeded
from localcloud.kinesis.limits import MIB, Limits, Window
from localcloud.kinesis.producing import NewRecord, Placed
from localcloud.kinesis.reading import Position, get_records, shard_iterator
from tests.localcloud.kinesis.streams import HALF, backend_with, drain, put

SHARD = "shardId-000000000000"
SMALL = Limits(write_records_per_s=3, write_bytes_per_s=100, reads_per_s=2, read_bytes_per_s=50)


def accepted(results: list[Placed | ThroughputExceeded]) -> list[bool]:
    return [isinstance(result, Placed) for result in results]


def test_without_limits_a_shard_takes_whatever_comes() -> None:
    backend, _ = backend_with()
    for _ in range(10):
        assert all(accepted(backend.put_records("events", [NewRecord("k", b"x")] * 500)))


def test_the_shipped_limits_are_those_of_kinesis() -> None:
    backend, clock = backend_with(limits=Limits())
    batch = [NewRecord("k", b"x")] * 400
    results = [r for _ in range(3) for r in backend.put_records("events", batch)]
    assert sum(accepted(results)) == 1_000
    clock.advance(1)
    large = [NewRecord("k", bytes(MIB // 4 - 1))] * 5
    assert sum(accepted(backend.put_records("events", large))) == 4


def test_records_fail_one_by_one_and_what_fails_is_not_stored() -> None:
    backend, _ = backend_with(2, limits=SMALL)
    records = [NewRecord("k", str(i).encode(), HALF * (i == 4)) for i in range(6)]
    results = backend.put_records("events", records)
    assert accepted(results) == [True, True, True, False, True, False]
    refused = results[3]
    assert isinstance(refused, ThroughputExceeded)
    assert refused.code == "ProvisionedThroughputExceededException"
    assert SHARD in str(refused)
    assert [record.data for record in drain(backend, "events")] == [b"0", b"1", b"2", b"4"]


def test_a_single_put_raises() -> None:
    backend, clock = backend_with(limits=SMALL)
    put(backend, "a", "b", "c")
    with pytest.raises(ThroughputExceeded, match="Rate exceeded for shard"):
        put(backend, "d")
    clock.advance(0.999)
    with pytest.raises(ThroughputExceeded):
        put(backend, "d")
    clock.advance(0.001)
    put(backend, "d")


def test_bytes_count_with_their_key() -> None:
    backend, _ = backend_with(limits=SMALL)
    records = [NewRecord("key", bytes(47)), NewRecord("key", bytes(47)), NewRecord("key", b"")]
    assert accepted(backend.put_records("events", records)) == [True, True, False]


def test_a_record_larger_than_a_second_goes_through_and_shuts_the_shard_as_long() -> None:
    backend, clock = backend_with(limits=SMALL)
    put(backend, "x" * 249)
    clock.advance(2.499)
    with pytest.raises(ThroughputExceeded):
        put(backend, "y")
    clock.advance(0.001)
    put(backend, "y")


def test_reads_through_iterators_share_a_shard() -> None:
    backend, clock = backend_with(limits=SMALL)
    stream = backend.stream("events")
    iterator = shard_iterator(backend, stream, SHARD, Position("TRIM_HORIZON"))
    for _ in range(2):
        get_records(backend, iterator, 10)
    with pytest.raises(ThroughputExceeded, match="its reads or bytes"):
        get_records(backend, iterator, 10)
    for _ in range(5):
        backend.read("events", SHARD, None, 10)  # the mapping's own read is not throttled
    clock.advance(1)
    get_records(backend, iterator, 10)


def test_a_large_read_shuts_the_shard_for_as_many_seconds_as_it_took() -> None:
    backend, clock = backend_with(limits=SMALL)
    for _ in range(2):
        put(backend, "x" * 99)
        clock.advance(1)
    stream = backend.stream("events")
    iterator = shard_iterator(backend, stream, SHARD, Position("TRIM_HORIZON"))
    assert len(get_records(backend, iterator, 10).records) == 2  # 200 bytes at 50 a second
    clock.advance(3.999)
    with pytest.raises(ThroughputExceeded):
        get_records(backend, iterator, 10)
    clock.advance(0.001)
    get_records(backend, iterator, 10)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 80)), max_size=60),
)
def test_a_window_lets_through_its_rate_and_not_more(
    rate: int, calls: list[tuple[int, int]]
) -> None:
    window, now_ms, used = Window(rate), 0, list[tuple[int, int]]()
    for passed_ms, cost in calls:
        now_ms += passed_ms
        if window.admits(now_ms, cost):
            window.use(now_ms, cost)
            used.append((now_ms, cost))
    total = sum(cost for _, cost in used)
    largest = max((cost for _, cost in used), default=0)
    # Fixed windows: one may end as the next begins, and one call may exceed its window alone.
    assert total <= (now_ms / 1000 + 2) * rate + largest
