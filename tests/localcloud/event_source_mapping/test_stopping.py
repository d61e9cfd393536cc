"""Stopping and going on: checkpoints outlive a run, and nothing is lost between two."""

from __future__ import annotations

import asyncio

import pytest

from .fakes import SHARD, Call, Failed, World, scripted
from .virtual import virtual


async def slow(call: Call) -> None:
    await asyncio.sleep(1)


@virtual
async def test_stopping_waits_for_the_batches_in_flight_and_starts_no_more() -> None:
    world = World(slow)
    world.stream.put_many("a", "b", "c", "d")
    mapping = world.mapping(batch_size=2)
    mapping.start()
    await world.clock.sleep(0.5)
    await mapping.stop()
    assert world.clock.elapsed_s == 1.0
    assert world.function.batches == [["a", "b"]]
    assert mapping.snapshot().done == 2
    assert not mapping.running


@virtual
async def test_the_next_run_goes_on_behind_the_checkpoint() -> None:
    world = World(slow)
    world.stream.put_many("a", "b", "c", "d")
    mapping = world.mapping(batch_size=2)
    mapping.start()
    await world.clock.sleep(0.5)
    await mapping.stop()
    await world.process(world.mapping(batch_size=2))
    assert world.function.batches == [["a", "b"], ["c", "d"]]


@virtual
async def test_abandoned_batches_are_delivered_again() -> None:
    world = World(slow)
    world.stream.put_many("a", "b", "c", "d")
    mapping = world.mapping(batch_size=2)
    mapping.start()
    await world.clock.sleep(1.5)
    await mapping.stop(abandon=True)
    assert world.clock.elapsed_s == 1.5
    assert world.function.batches == [["a", "b"], ["c", "d"]]
    await world.process(world.mapping(batch_size=2))
    assert world.function.batches == [["a", "b"], ["c", "d"], ["c", "d"]]


@virtual
async def test_a_retry_that_was_due_is_left_to_the_next_run() -> None:
    world = World(scripted(*[Failed("ValueError")] * 3))
    world.stream.put("a")
    mapping = world.mapping()
    mapping.start()
    await world.clock.sleep(0.2)
    await mapping.stop()
    calls = len(world.function.calls)
    assert calls == 2
    await world.process(mapping)
    assert world.function.batches == [["a"]] * 4


@virtual
async def test_what_one_lane_finished_beyond_the_checkpoint_is_delivered_again() -> None:
    async def stuck_on_first(call: Call) -> None:
        if "k0" in call.keys and not healed:
            raise Failed("ValueError")

    healed: list[bool] = []
    world = World(stuck_on_first)
    world.stream.put_many(*(f"k{n}" for n in range(10)))
    mapping = world.mapping(parallelization_factor=5, batch_size=1)
    mapping.start()
    await world.clock.sleep(1)
    await mapping.stop()
    finished = mapping.snapshot().done
    assert finished > 0
    checkpoint = world.checkpoints.get(SHARD)
    assert checkpoint is not None
    assert checkpoint.after is None, "the first record is not done, so nothing is certain"
    healed.append(True)
    again = world.mapping()
    await world.process(again)
    assert again.snapshot().done == 10


@virtual
async def test_a_finished_shard_is_not_read_again() -> None:
    world = World()
    world.stream.put("a")
    world.stream.split()
    await world.process(world.mapping())
    reads = sum(shard == SHARD for shard, _ in world.stream.reads)
    await world.process(world.mapping())
    assert sum(shard == SHARD for shard, _ in world.stream.reads) == reads
    assert world.function.batches == [["a"]]


@pytest.mark.parametrize("abandon", [False, True])
@virtual
async def test_stopping_twice_or_before_the_start_is_harmless(abandon: bool) -> None:
    mapping = World().mapping()
    await mapping.stop(abandon=abandon)
    mapping.start()
    mapping.start()
    await mapping.stop(abandon=abandon)
    await mapping.stop(abandon=abandon)
    assert not mapping.running


@pytest.mark.parametrize("turns", range(30))
@virtual
async def test_it_stops_at_whatever_point_it_is(turns: int) -> None:
    world = World(slow)
    world.stream.put_many("a", "b")
    mapping = world.mapping(batch_size=1, parallelization_factor=2)
    mapping.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await mapping.stop()
    await world.process(mapping)
    assert sorted(key for keys in world.function.batches for key in keys) == ["a", "b"]


@virtual
async def test_nothing_is_left_running() -> None:
    world = World(slow, shards=2)
    for shard in world.stream.shard_states:
        world.stream.put_many(*"abcdef", shard=shard)
    mapping = world.mapping(parallelization_factor=3)
    mapping.start()
    await world.clock.sleep(0.5)
    await mapping.stop(abandon=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
