"""A mapping at work: batching, polling and pushing, starting positions, throttles."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from millrace.errors import LocalCloudError, Unavailable

from localcloud.event_source_mapping.config import StartingPosition

from .fakes import (
    CONSUMER_ARN,
    SHARD,
    STREAM_ARN,
    Call,
    Failed,
    FakeFunction,
    World,
    scripted,
)
from .virtual import START_MS, virtual


@virtual
async def test_records_arrive_in_order_in_batches() -> None:
    world = World()
    numbers = world.stream.put_many("a", "b", "c", "d", "e")
    mapping = world.mapping(batch_size=2)
    await world.process(mapping)
    assert world.function.batches == [["a", "b"], ["c", "d"], ["e"]]
    assert [n for call in world.function.calls for n in call.numbers] == numbers
    counters = mapping.snapshot()
    assert (counters.invocations, counters.delivered, counters.done) == (3, 5, 5)
    assert (counters.redelivered, counters.retries, counters.given_up) == (0, 0, 0)


@virtual
async def test_the_event_names_shard_source_and_role() -> None:
    world = World()
    number = world.stream.put("a", "hello")
    await world.process(world.mapping())
    (record,) = world.function.calls[0].event["Records"]
    assert record["eventID"] == f"{SHARD}:{number}"
    assert record["eventSourceARN"] == CONSUMER_ARN
    assert record["awsRegion"] == "eu-west-1"
    assert record["invokeIdentityArn"] == "arn:aws:iam::123456789012:role/enrich"
    assert record["kinesis"]["approximateArrivalTimestamp"] == START_MS / 1000
    assert world.function.calls[0].data == ["hello"]


@virtual
async def test_who_hurries_does_not_wait_for_a_batching_window() -> None:
    world = World()
    mapping = world.mapping(batching_window_s=60, batch_size=10)
    mapping.start()
    world.stream.put_many("a", "b")
    await world.clock.sleep(5)
    assert world.function.calls == []
    await mapping.caught_up(hurry=True)
    assert world.function.batches == [["a", "b"]]
    assert world.clock.elapsed_s < 6
    world.stream.put("c")
    await mapping.caught_up()
    assert world.clock.elapsed_s > 60, "later windows are as long as ever"
    await mapping.stop()


@virtual
async def test_enhanced_fan_out_is_woken_by_a_record() -> None:
    world = World()
    mapping = world.mapping()
    mapping.start()
    for at_s in (0.25, 7.75, 7.875):
        await world.clock.sleep(at_s - world.clock.elapsed_s)
        world.stream.put("a")
    await mapping.caught_up()
    await mapping.stop()
    assert [call.at_s for call in world.function.calls] == [0.25, 7.75, 7.875]


@virtual
async def test_a_standard_iterator_polls_once_a_second() -> None:
    world = World()
    mapping = world.mapping(event_source_arn=STREAM_ARN)
    mapping.start()
    await world.clock.sleep(2.25)
    world.stream.put("a")
    await world.clock.sleep(1.5)
    world.stream.put("b")
    await world.clock.sleep(3)
    await mapping.stop()
    assert [call.at_s for call in world.function.calls] == [3.0, 4.0]
    polls = [at_ms for _, at_ms in world.stream.reads]
    assert [later - earlier for earlier, later in pairwise(polls)] == [1000] * (len(polls) - 1)


@virtual
async def test_a_standard_iterator_that_is_behind_reads_on_at_once() -> None:
    world = World()
    world.stream.put_many(*(f"k{n}" for n in range(5_000)))
    mapping = world.mapping(event_source_arn=STREAM_ARN, batch_size=100)
    mapping.start()
    await world.clock.until(lambda: mapping.snapshot().done == 5_000)
    await mapping.stop()
    assert world.clock.elapsed_s < 1.0


@virtual
async def test_a_batching_window_gathers_records() -> None:
    world = World()
    mapping = world.mapping(batching_window_s=5, batch_size=3)
    mapping.start()
    await world.clock.sleep(1)
    world.stream.put("a")
    await world.clock.sleep(3)
    world.stream.put("b")  # both leave at 5 s, and the next window opens
    await world.clock.sleep(2)
    world.stream.put_many("c", "d", "e")  # full at 6 s, so they leave, and the window opens
    await world.clock.sleep(1)
    world.stream.put("f")
    await mapping.caught_up()
    await mapping.stop()
    assert [(call.at_s, call.keys) for call in world.function.calls] == [
        (5.0, ["a", "b"]),
        (6.0, ["c", "d", "e"]),
        (11.0, ["f"]),
    ]


@virtual
async def test_records_that_come_during_an_invocation_make_the_next_batch() -> None:
    async def slow(call: Call) -> None:
        await asyncio.sleep(1)

    world = World(slow)
    mapping = world.mapping()
    mapping.start()
    for key in "abc":
        world.stream.put(key)
        await world.clock.sleep(0.25)
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.batches == [["a"], ["b", "c"]]
    assert world.function.most_running == 1


@virtual
async def test_trim_horizon_begins_with_the_oldest_record() -> None:
    world = World()
    world.stream.put_many("old", "newer", "newest")
    world.stream.trim(1)
    await world.process(world.mapping(starting_position=StartingPosition.TRIM_HORIZON))
    assert world.function.batches == [["newer", "newest"]]


@virtual
async def test_latest_begins_with_what_comes_next() -> None:
    world = World(scripted(Failed()))
    world.stream.put_many("old", "older")
    mapping = world.mapping(starting_position=StartingPosition.LATEST)
    mapping.start()
    await world.clock.sleep(1)
    world.stream.put("new")
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.batches == [["new"], ["new"]]


@virtual
async def test_latest_means_the_first_start_even_if_nothing_was_ever_finished() -> None:
    world = World()
    world.stream.put("old")
    mapping = world.mapping(starting_position=StartingPosition.LATEST)
    mapping.start()
    await world.clock.sleep(1)
    await mapping.stop()
    world.stream.put("while it was stopped")
    await world.process(mapping)
    assert world.function.batches == [["while it was stopped"]]


@virtual
async def test_at_timestamp_begins_with_the_first_record_from_then() -> None:
    world = World()
    for n in range(5):
        world.stream.put(f"at {n} s")
        await world.clock.sleep(1)
    mapping = world.mapping(
        starting_position=StartingPosition.AT_TIMESTAMP, starting_timestamp_ms=START_MS + 2_500
    )
    await world.process(mapping)
    assert world.function.batches == [["at 3 s", "at 4 s"]]


@virtual
async def test_a_throttled_invocation_waits_and_spends_no_retry() -> None:
    world = World(scripted(*[Unavailable("throttled")] * 4))
    world.stream.put_many("a", "b")
    mapping = world.mapping(max_retries=0, bisect_on_error=True)
    await world.process(mapping)
    assert world.function.batches == [["a", "b"]] * 5
    assert [call.at_s for call in world.function.calls] == pytest.approx([0, 0.1, 0.3, 0.7, 1.5])
    counters = mapping.snapshot()
    assert (counters.throttled, counters.invocations, counters.done) == (4, 1, 2)
    assert (counters.retries, counters.bisects, counters.given_up) == (0, 0, 0)


@virtual
async def test_the_iterator_age_is_that_of_the_last_record_of_a_batch() -> None:
    world = World()
    world.stream.put("a")
    await world.clock.sleep(40)
    world.stream.put("b")
    await world.clock.sleep(2)
    mapping = world.mapping()
    await world.process(mapping)
    assert mapping.snapshot().iterator_age_ms == 2_000
    world.stream.put("c")
    await world.process(mapping)
    counters = mapping.snapshot()
    assert (counters.iterator_age_ms, counters.max_iterator_age_ms) == (0, 2_000)


@pytest.mark.parametrize("source", [STREAM_ARN, CONSUMER_ARN])
@virtual
async def test_a_read_that_fails_is_tried_again(source: str) -> None:
    world = World()
    world.stream.put("a")
    world.stream.failing_reads = 3
    mapping = world.mapping(event_source_arn=source)
    mapping.start()
    await world.clock.until(lambda: bool(world.function.calls))
    await mapping.stop()
    assert mapping.snapshot().read_failures == 3
    assert world.function.batches == [["a"]]


@virtual
async def test_a_disabled_mapping_does_nothing() -> None:
    world = World()
    world.stream.put("a")
    mapping = world.mapping(enabled=False)
    mapping.start()
    assert not mapping.running
    await world.clock.sleep(60)
    with pytest.raises(LocalCloudError, match="not running"):
        await mapping.caught_up()
    await mapping.stop()
    assert world.function.calls == []


@virtual
async def test_what_goes_wrong_inside_is_raised_by_stop() -> None:
    async def broken(call: Call) -> None:
        raise RuntimeError("the invoker itself is broken")

    world = World()
    world.function = FakeFunction(world.clock, broken)
    world.stream.put("a")
    mapping = world.mapping()
    mapping.start()
    with pytest.raises(LocalCloudError, match="not running"):
        await mapping.caught_up()
    with pytest.raises(ExceptionGroup) as caught:
        await mapping.stop()
    assert caught.group_contains(RuntimeError, match="the invoker itself is broken")
