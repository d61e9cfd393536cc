"""Reading: positions, lag, bounds, trimming, waiting."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import InvalidArgument, ResourceNotFound
from localcloud.kinesis.limits import MIB
from localcloud.kinesis.producing import NewRecord
from localcloud.kinesis.stream import StreamSettings
from localcloud.ports import StreamReader
from tests.localcloud.clock import START_MS, ManualClock, settle
from tests.localcloud.kinesis.streams import HALF, backend_with, put, texts

SHARD = "shardId-000000000000"
HOUR_S = 3600


def read(backend: StreamReader, after: str | None, limit: int = 10_000) -> list[str]:
    return texts(backend.read("events", SHARD, after, limit).records)


def test_reading_goes_on_after_the_last_record() -> None:
    backend, _ = backend_with()
    numbers = put(backend, "a", "b", "c")
    assert read(backend, None, 2) == ["a", "b"]
    assert read(backend, numbers[1]) == ["c"]
    assert read(backend, numbers[2]) == []
    assert read(backend, numbers[1]) == ["c"], "a second read finds what the first found"


def test_positions_are_compared_as_numbers() -> None:
    backend, _ = backend_with()
    numbers = put(backend, "a", "b")
    assert read(backend, "1") == ["a", "b"]
    assert read(backend, "0" * 9 + numbers[0]) == ["b"]
    assert read(backend, str(int(numbers[1]) - 1)) == ["b"]
    assert read(backend, "1" * 128) == []
    with pytest.raises(InvalidArgument, match="decimal digits"):
        read(backend, "LATEST")


def test_starting_positions() -> None:
    backend, clock = backend_with()
    put(backend, "old")
    clock.advance(10)
    put(backend, "at ten")
    clock.advance(10)
    put(backend, "at twenty")
    clock.advance(10)

    def at(seconds: float) -> list[str]:
        moment_ms = START_MS + round(seconds * 1000)
        return read(backend, backend.position_at("events", SHARD, "AT_TIMESTAMP", moment_ms))

    latest = backend.position_at("events", SHARD, "LATEST")
    put(backend, "new")
    assert read(backend, latest) == ["new"]
    assert backend.position_at("events", SHARD, "TRIM_HORIZON") is None
    assert at(-1) == at(0) == ["old", "at ten", "at twenty", "new"]
    assert at(0.001) == at(10) == ["at ten", "at twenty", "new"]
    assert at(10.001) == at(20) == ["at twenty", "new"]
    assert at(20.001) == at(30) == ["new"]
    with pytest.raises(InvalidArgument, match="in the future"):
        at(30.001)
    with pytest.raises(InvalidArgument, match="'AT_SEQUENCE_NUMBER': expected TRIM_HORIZON"):
        backend.position_at("events", SHARD, "AT_SEQUENCE_NUMBER")


def test_a_timestamp_after_the_last_record_begins_with_the_next() -> None:
    backend, clock = backend_with()
    put(backend, "old")
    clock.advance(10)
    position = backend.position_at("events", SHARD, "AT_TIMESTAMP", START_MS + 5_000)
    put(backend, "new")
    assert read(backend, position) == ["new"]


def test_latest_of_an_empty_shard_is_before_its_first_record() -> None:
    backend, _ = backend_with()
    latest = backend.position_at("events", SHARD, "LATEST")
    put(backend, "first")
    assert read(backend, latest) == ["first"]


def test_lag_is_the_age_of_the_last_record_read_while_more_follow() -> None:
    backend, clock = backend_with()
    put(backend, "a")
    clock.advance(2)
    put(backend, "b")
    clock.advance(3)
    assert backend.read("events", SHARD, None, 1).behind_ms == 5_000
    assert backend.read("events", SHARD, None, 2).behind_ms == 0
    assert backend.read("events", SHARD, "9" * 56, 2).behind_ms == 0


def test_lag_is_never_zero_while_more_follow() -> None:
    backend, _ = backend_with()
    put(backend, "a", "b")
    assert backend.read("events", SHARD, None, 1).behind_ms == 1


def test_a_read_gives_ten_mebibytes_at_most_and_one_record_at_least() -> None:
    backend, clock = backend_with()
    backend.stream("events").set_max_record(10 * 1024, clock.now_ms())
    backend.put_record("events", NewRecord("k", bytes(10 * MIB - 1)))
    for _ in range(11):
        backend.put_record("events", NewRecord("k", bytes(MIB - 1)))
    first = backend.read("events", SHARD, None, 10_000)
    second = backend.read("events", SHARD, first.records[-1].sequence_number, 10_000)
    assert len(first.records) == 1
    assert len(second.records) == 10


def test_records_are_trimmed_when_they_are_as_old_as_the_retention() -> None:
    backend, clock = backend_with()
    put(backend, "old")
    clock.advance(HOUR_S)
    put(backend, "young")
    clock.advance(23 * HOUR_S - 0.001)
    assert read(backend, None) == ["old", "young"]
    clock.advance(0.001)
    assert read(backend, None) == ["young"]
    clock.advance(HOUR_S)
    assert read(backend, None) == []
    put(backend, "new")
    assert read(backend, None) == ["new"]


def test_a_trimmed_position_reads_from_the_horizon() -> None:
    backend, clock = backend_with()
    numbers = put(backend, "a", "b")
    clock.advance(HOUR_S)
    put(backend, "c", "d")
    clock.advance(23 * HOUR_S)
    assert read(backend, numbers[0]) == ["c", "d"]
    assert read(backend, backend.position_at("events", SHARD, "AT_TIMESTAMP", 0)) == ["c", "d"]


def test_bounds_by_bytes_hold_after_trimming() -> None:
    backend, clock = backend_with()
    for _ in range(20):
        backend.put_record("events", NewRecord("k", bytes(MIB - 1)))
        clock.advance(HOUR_S)
    clock.advance(8 * HOUR_S)  # the first five are a day old
    assert len(backend.read("events", SHARD, None, 10_000).records) == 10
    put(backend, "small")
    later = backend.position_at("events", SHARD, "AT_TIMESTAMP", START_MS + 15 * HOUR_S * 1000)
    assert len(backend.read("events", SHARD, later, 10_000).records) == 6


def test_a_stream_that_nobody_reads_forgets_as_well() -> None:
    backend, clock = backend_with()
    put(backend, *"abcdef")
    clock.advance(24 * HOUR_S)
    put(backend, "g")
    assert backend.stream("events").topology.find(SHARD).held == 1


def test_longer_retention_does_not_bring_back_what_has_expired() -> None:
    backend, clock = backend_with()
    put(backend, "expired")
    clock.advance(24 * HOUR_S)
    backend.stream("events").retain(48, clock.now_ms(), longer=True)
    assert read(backend, None) == []
    put(backend, "kept")
    clock.advance(47 * HOUR_S)
    assert read(backend, None) == ["kept"]
    backend.stream("events").retain(24, clock.now_ms(), longer=False)
    assert read(backend, None) == []


@pytest.mark.parametrize(
    ("hours", "longer", "complaint"),
    [
        (24, True, "must be more than the 24"),
        (24, False, "must be less than the 24"),
        (48, False, "must be less"),
        (23, False, "between 24 and 8760"),
        (8761, True, "between 24 and 8760"),
    ],
)
def test_retention_that_cannot_be_meant(hours: int, longer: bool, complaint: str) -> None:
    backend, clock = backend_with()
    with pytest.raises(InvalidArgument, match=complaint):
        backend.stream("events").retain(hours, clock.now_ms(), longer=longer)


def test_unknown_shards_are_named() -> None:
    backend, _ = backend_with()
    for unknown in ("shardId-000000000001", "shardId-0", "", "shardId--1"):
        with pytest.raises(ResourceNotFound, match=f"Shard '{unknown}' does not exist in stream"):
            backend.read("events", unknown, None, 1)


async def _waiting(
    backend: KinesisBackend, after: str | None, timeout_s: float = 10
) -> asyncio.Task[bool]:
    task = asyncio.create_task(backend.wait("events", SHARD, after, timeout_s))
    await settle()
    return task


def test_wait_returns_at_once_when_a_record_is_there() -> None:
    backend, _ = backend_with()
    first, last = put(backend, "a", "b")
    assert asyncio.run(backend.wait("events", SHARD, None, 0))
    assert asyncio.run(backend.wait("events", SHARD, first, 0))
    assert not asyncio.run(backend.wait("events", SHARD, last, 0))


def test_wait_wakes_when_a_record_is_put_though_no_time_passes() -> None:
    async def scenario() -> None:
        backend, clock = backend_with(2)
        waiting = await _waiting(backend, None)
        put(backend, "in the other shard", at=HALF)
        await settle()
        assert not waiting.done()
        put(backend, "here")
        await settle()
        assert waiting.done()
        assert await waiting
        assert clock.sleeping == 0, "the timer is gone with the wait"

    asyncio.run(scenario())


def test_wait_gives_up_when_time_has_run_out() -> None:
    async def scenario() -> None:
        backend, clock = backend_with()
        bell = backend.stream("events").topology.find(SHARD).bell
        waiting = await _waiting(backend, None)
        await clock.run(9.999)
        assert not waiting.done()
        assert bell.waiting == 1
        await clock.run(0.001)
        assert waiting.done()
        assert not await waiting
        assert bell.waiting == 0

    asyncio.run(scenario())


def test_wait_wakes_when_the_shard_is_closed() -> None:
    async def scenario() -> None:
        backend, _ = backend_with()
        waiting = await _waiting(backend, None)
        backend.split_shard("events", SHARD, HALF)
        await settle()
        assert waiting.done()
        assert await waiting
        assert backend.read("events", SHARD, None, 1).drained

    asyncio.run(scenario())


@pytest.mark.parametrize("made_anew", [False, True])
def test_wait_fails_when_the_stream_is_deleted(made_anew: bool) -> None:
    async def scenario() -> None:
        backend, _ = backend_with()
        waiting = await _waiting(backend, None)
        backend.delete_stream("events")
        if made_anew:
            backend.create_stream("events", StreamSettings(1))
        with pytest.raises(ResourceNotFound, match="events"):
            await waiting

    asyncio.run(scenario())


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    async def scenario(clock: ManualClock, backend: KinesisBackend) -> None:
        waiting = await _waiting(backend, None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await settle()
        assert clock.sleeping == 0
        assert backend.stream("events").topology.find(SHARD).bell.waiting == 0

    backend, clock = backend_with()
    asyncio.run(scenario(clock, backend))
