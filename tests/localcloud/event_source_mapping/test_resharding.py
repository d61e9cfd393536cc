"""Splits and merges: children wait until their parents are drained and done."""

from __future__ import annotations

import asyncio

import pytest

from localcloud.event_source_mapping.config import StartingPosition
from localcloud.event_source_mapping.lineage import startable
from localcloud.ports import Shard

from .fakes import CONSUMER_ARN, SHARD, STREAM_ARN, Call, Failed, World, scripted
from .virtual import START_MS, virtual


def shard(name: str, *parents: str) -> Shard:
    first, second = (*parents, None, None)[:2]
    return Shard(name, 0, 1, "0", None, first, second)


def names(shards: list[Shard]) -> list[str]:
    return [s.shard_id for s in shards]


LISTED = [shard("p"), shard("q"), shard("left", "p"), shard("right", "p"), shard("m", "p", "q")]


@pytest.mark.parametrize(
    ("finished", "active", "expected"),
    [
        (set(), set(), ["p", "q"]),
        (set(), {"p", "q"}, []),
        ({"p"}, {"q"}, ["left", "right"]),
        ({"p", "q"}, {"left"}, ["right", "m"]),
    ],
)
def test_children_start_after_all_their_parents(
    finished: set[str], active: set[str], expected: list[str]
) -> None:
    assert names(startable(LISTED, finished.__contains__, active)) == expected


def test_a_parent_that_has_expired_holds_nothing_back() -> None:
    orphan = [shard("child", "gone")]
    assert names(startable(orphan, set[str]().__contains__, set())) == ["child"]
    # … unless its last records are still being worked on here.
    assert names(startable(orphan, set[str]().__contains__, {"gone"})) == []


@virtual
async def test_all_shards_are_read_side_by_side() -> None:
    async def slow(call: Call) -> None:
        await asyncio.sleep(1)

    world = World(slow, shards=3)
    for name in world.stream.shard_states:
        world.stream.put("a", shard=name)
    await world.process(world.mapping())
    assert world.function.most_running == 3
    assert {call.shard for call in world.function.calls} == set(world.stream.shard_states)


@pytest.mark.parametrize("source", [STREAM_ARN, CONSUMER_ARN])
@virtual
async def test_children_follow_their_parent(source: str) -> None:
    world = World(scripted(Failed("ValueError"), Failed("ValueError")))
    mapping = world.mapping(batch_size=2, event_source_arn=source)
    world.stream.put_many("a", "b", "c")
    left, right = world.stream.split()
    world.stream.put("a2", shard=left)
    world.stream.put("b2", shard=right)
    await world.process(mapping)
    order = [call.shard for call in world.function.calls]
    assert order[:4] == [SHARD] * 4, "two failures and two batches of the parent"
    assert set(order[4:]) == {left, right}
    assert mapping.snapshot().done == 5
    assert world.checkpoints.finished(SHARD)
    assert not world.checkpoints.finished(left)


@virtual
async def test_children_wait_for_the_parents_last_batch_even_if_all_of_it_was_read() -> None:
    async def answer(call: Call) -> None:
        if call.shard == SHARD and world.clock.elapsed_s < 60:
            raise Failed("ValueError")

    world = World(answer)
    mapping = world.mapping()
    world.stream.put("a")
    left, _ = world.stream.split()
    world.stream.put("a", shard=left)
    mapping.start()
    await world.clock.sleep(50)
    assert {call.shard for call in world.function.calls} == {SHARD}
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.calls[-1].shard == left


@virtual
async def test_a_merged_shard_waits_for_both_parents() -> None:
    async def answer(call: Call) -> None:
        if call.shard == second and world.clock.elapsed_s < 30:
            raise Failed("ValueError")

    world = World(answer, shards=2)
    first, second = world.stream.shard_states
    world.stream.put("a", shard=first)
    world.stream.put("b", shard=second)
    child = world.stream.merge(first, second)
    world.stream.put("c", shard=child)
    mapping = world.mapping()
    mapping.start()
    await world.clock.sleep(20)
    assert world.checkpoints.finished(first)
    assert child not in {call.shard for call in world.function.calls}
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.calls[-1].shard == child


@virtual
async def test_a_reshard_while_running_loses_nothing_and_keeps_each_keys_order() -> None:
    world = World()
    mapping = world.mapping(batch_size=3, parallelization_factor=2)
    mapping.start()
    world.stream.put_many("a", "b")
    await world.clock.sleep(1)
    left, right = world.stream.split()
    world.stream.put("a", "2", shard=left)
    world.stream.put("b", "2", shard=right)
    await world.clock.sleep(1)
    merged = world.stream.merge(left, right)
    for key in "ab":
        world.stream.put(key, "3", shard=merged)
    await mapping.caught_up()
    await mapping.stop()
    seen = [pair for c in world.function.calls for pair in zip(c.keys, c.data, strict=True)]
    for key in "ab":
        assert [data for k, data in seen if k == key] == [key, "2", "3"]


@virtual
async def test_latest_applies_to_the_shards_of_the_start_and_not_to_their_children() -> None:
    world = World()
    world.stream.put("old")
    mapping = world.mapping(starting_position=StartingPosition.LATEST)
    mapping.start()
    await world.clock.sleep(0.5)
    left, _ = world.stream.split()
    world.stream.put("first of the child", shard=left)
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.batches == [["first of the child"]]


@virtual
async def test_at_timestamp_covers_parents_and_children() -> None:
    world = World()
    world.stream.put("too early")
    await world.clock.sleep(10)
    world.stream.put("parent")
    left, _ = world.stream.split()
    world.stream.put("child", shard=left)
    mapping = world.mapping(
        starting_position=StartingPosition.AT_TIMESTAMP, starting_timestamp_ms=START_MS + 5_000
    )
    await world.process(mapping)
    assert world.function.batches == [["parent"], ["child"]]


@virtual
async def test_a_parent_that_expires_between_two_runs_does_not_block_its_children() -> None:
    world = World()
    mapping = world.mapping()
    world.stream.put("a")
    await world.process(mapping)
    left, right = world.stream.split()
    world.stream.put("b", shard=left)
    world.stream.forget(SHARD)
    await world.process(mapping)
    assert world.function.batches == [["a"], ["b"]]
    assert world.checkpoints.get(right) is None, "nothing was finished there yet"


@virtual
async def test_a_drained_shard_is_not_finished_while_one_of_its_batches_is_not() -> None:
    world = World(scripted(*[Failed("ValueError")] * 3))
    world.stream.put("a")
    left, _ = world.stream.split()
    world.stream.put("b", shard=left)
    mapping = world.mapping()
    mapping.start()
    await world.clock.sleep(0.5)
    await mapping.stop()
    assert not world.checkpoints.finished(SHARD)
    await world.process(mapping)
    assert world.function.batches == [*[["a"]] * 4, ["b"]]
