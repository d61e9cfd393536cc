"""Faults on purpose: duplicates and lost answers, the same under the same seed."""

from __future__ import annotations

from localcloud.event_source_mapping.batch import Batch
from localcloud.event_source_mapping.event import QueuedRecord
from localcloud.event_source_mapping.faults import NoFaults, SeededFaults

from .fakes import World
from .virtual import virtual


def batches(count: int) -> list[Batch]:
    return [Batch((QueuedRecord(n, str(n), 0, b""),)) for n in range(count)]


def test_a_draw_is_the_same_under_the_same_seed_and_another_under_another() -> None:
    def draws(seed: int) -> list[bool]:
        faults = SeededFaults(seed, repeat=0.5)
        return [faults.repeats("shard", batch) for batch in batches(64)]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)


def test_draws_keep_to_their_probability_and_are_independent() -> None:
    faults = SeededFaults(7, repeat=0.2, lose_answer=0.2)
    repeats = [faults.repeats("shard", batch) for batch in batches(5_000)]
    losses = [faults.loses_answer("shard", batch) for batch in batches(5_000)]
    assert 850 < sum(repeats) < 1_150
    assert 850 < sum(losses) < 1_150
    assert 120 < sum(a and b for a, b in zip(repeats, losses, strict=True)) < 290


@virtual
async def test_a_repeated_batch_is_delivered_again_after_its_success() -> None:
    class OnlyFirst(NoFaults):
        def repeats(self, shard_id: str, batch: Batch) -> bool:
            return batch.records[0].ordinal == 1

    world = World()
    world.stream.put_many("a", "b", "c")
    mapping = world.mapping(OnlyFirst(), batch_size=2)
    await world.process(mapping)
    assert world.function.batches == [["a", "b"], ["a", "b"], ["c"]]
    counters = mapping.snapshot()
    assert (counters.duplicates, counters.redelivered, counters.done) == (1, 2, 3)


@virtual
async def test_a_lost_answer_is_a_failure_although_the_function_ran() -> None:
    class LoseFirst(NoFaults):
        def loses_answer(self, shard_id: str, batch: Batch) -> bool:
            return batch.invocations == 0

    world = World()
    world.stream.put_many("a", "b")
    mapping = world.mapping(LoseFirst(), max_retries=1)
    await world.process(mapping)
    assert world.function.batches == [["a", "b"], ["a", "b"]]
    counters = mapping.snapshot()
    assert (counters.lost_answers, counters.retries, counters.done) == (1, 1, 2)


@virtual
async def test_the_same_seed_makes_the_same_history() -> None:
    async def history(seed: int) -> list[tuple[float, list[str]]]:
        world = World(shards=2)
        for shard in world.stream.shard_states:
            world.stream.put_many(*(f"k{n % 9}" for n in range(120)), shard=shard)
        faults = SeededFaults(seed, repeat=0.2, lose_answer=0.2)
        started_s = world.clock.elapsed_s
        mapping = world.mapping(
            faults, batch_size=5, parallelization_factor=3, bisect_on_error=True
        )
        await world.process(mapping)
        assert mapping.snapshot().done == 240
        calls = world.function.calls
        return [(round(call.at_s - started_s, 3), call.numbers) for call in calls]

    first = await history(3)
    assert first == await history(3)
    assert first != await history(4)
