"""Failures at work: retries, partial answers, splits, ages, and what is given up."""

from __future__ import annotations

import asyncio

import pytest
from millrace.errors import Unavailable

from .fakes import Answer, Call, Failed, FakeFunction, World, item_failures, scripted
from .virtual import virtual


def failing_with(*keys: str, partial: bool = False) -> Answer:
    """A function that fails on records with these keys."""

    async def answer(call: Call) -> object:
        bad = [n for key, n in zip(call.keys, call.numbers, strict=True) if key in keys]
        if bad and not partial:
            raise Failed("ValueError")
        return item_failures(*bad)

    return answer


@virtual
async def test_an_error_is_retried_after_a_growing_pause_until_it_succeeds() -> None:
    world = World(scripted(Failed("ValueError"), Failed("Sandbox.Timedout"), Failed("X")))
    world.stream.put_many("a", "b")
    mapping = world.mapping()
    mapping.start()
    await world.clock.sleep(0.05)
    world.stream.put("c")
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.batches == [["a", "b"]] * 4 + [["c"]]
    assert [call.at_s for call in world.function.calls][:4] == pytest.approx([0, 0.1, 0.3, 0.7])
    counters = mapping.snapshot()
    assert (counters.invocations, counters.function_errors, counters.retries) == (5, 3, 3)
    assert (counters.delivered, counters.redelivered, counters.done) == (9, 6, 3)


@virtual
async def test_retries_are_spent_then_the_batch_is_given_up_and_the_shard_goes_on() -> None:
    world = World(failing_with("bad"))
    world.stream.put_many("bad", "b", "c")
    mapping = world.mapping(batch_size=2, max_retries=3)
    await world.process(mapping)
    assert world.function.batches == [["bad", "b"]] * 4 + [["c"]]
    counters = mapping.snapshot()
    assert (counters.given_up, counters.given_up_batches, counters.done) == (2, 1, 1)


@virtual
async def test_an_answer_that_was_lost_to_a_killed_worker_is_a_failed_invocation() -> None:
    world = World(scripted(Failed("Runtime.ExitError")))
    world.stream.put("a")
    mapping = world.mapping(max_retries=1)
    await world.process(mapping)
    assert world.function.batches == [["a"], ["a"]]
    assert mapping.snapshot().done == 1


@virtual
async def test_a_partial_answer_resumes_at_the_lowest_failure() -> None:
    world = World()
    numbers = world.stream.put_many("a", "b", "c", "d")
    world.function = FakeFunction(
        world.clock, scripted(item_failures(numbers[3], numbers[1]), item_failures(numbers[2]))
    )
    mapping = world.mapping(report_item_failures=True)
    await world.process(mapping)
    assert world.function.batches == [["a", "b", "c", "d"], ["b", "c", "d"], ["c", "d"]]
    assert world.clock.elapsed_s < 0.1, "there is no back-off after progress"
    counters = mapping.snapshot()
    assert (counters.resumed, counters.retries, counters.done) == (2, 0, 4)


@virtual
async def test_as_recorded_from_the_service_the_rest_has_a_retry_quota_of_its_own() -> None:
    # Six records, batches of three, three retries, the last record always fails: the service
    # delivered it five times, once in its batch and four times alone.
    world = World(failing_with("5", partial=True))
    world.stream.put_many("0", "1", "2", "3", "4", "5")
    mapping = world.mapping(report_item_failures=True, batch_size=3, max_retries=3)
    await world.process(mapping)
    assert world.function.batches == [["0", "1", "2"], ["3", "4", "5"], *[["5"]] * 4]
    assert mapping.snapshot().given_up == 1


@virtual
async def test_a_partial_answer_without_progress_spends_retries_of_the_whole_batch() -> None:
    world = World(failing_with("bad", partial=True))
    world.stream.put_many("bad", "b")
    mapping = world.mapping(report_item_failures=True, max_retries=1)
    await world.process(mapping)
    assert world.function.batches == [["bad", "b"]] * 2
    assert mapping.snapshot().given_up == 2


@pytest.mark.parametrize("partial", [False, True])
@virtual
async def test_bisecting_gives_up_the_bad_record_only(partial: bool) -> None:
    world = World(failing_with("bad", partial=partial))
    world.stream.put_many("a", "b", "bad", "d", "e", "f", "g")
    mapping = world.mapping(bisect_on_error=True, report_item_failures=partial, max_retries=2)
    await world.process(mapping)
    counters = mapping.snapshot()
    assert (counters.given_up, counters.done, counters.retries) == (1, 6, 2)
    assert world.function.batches.count(["bad"]) == 3
    first_seen = list(dict.fromkeys(key for keys in world.function.batches for key in keys))
    assert first_seen == ["a", "b", "bad", "d", "e", "f", "g"]
    assert world.function.batches[-1][-1] == "g"


@virtual
async def test_the_pieces_of_a_split_batch_go_before_later_records() -> None:
    world = World(scripted(Failed("ValueError")))
    world.stream.put_many("a", "b", "c")
    world.stream.put_many("d", "e")
    await world.process(world.mapping(bisect_on_error=True, batch_size=3))
    assert world.function.batches == [["a", "b", "c"], ["a"], ["b", "c"], ["d", "e"]]


@virtual
async def test_records_older_than_the_maximum_age_are_never_delivered() -> None:
    world = World()
    world.stream.put("old")
    await world.clock.sleep(30)
    world.stream.put("young")
    await world.clock.sleep(31)
    mapping = world.mapping(max_record_age_s=60)
    await world.process(mapping)
    assert world.function.batches == [["young"]]
    assert mapping.snapshot().given_up == 1


@virtual
async def test_a_batch_that_ages_while_it_is_retried_loses_its_old_records_first() -> None:
    async def down_for_two_minutes(call: Call) -> None:
        if world.clock.elapsed_s < 120:
            raise Failed("ValueError")

    world = World(down_for_two_minutes)
    world.stream.put("first")
    await world.clock.sleep(50)
    world.stream.put("second")
    await world.clock.sleep(5)
    mapping = world.mapping(max_record_age_s=80)
    await world.process(mapping)
    times = {key: [c.at_s for c in world.function.calls if key in c.keys] for key in ("first",)}
    assert max(times["first"]) <= 80
    assert world.function.batches[-1] == ["second"]
    counters = mapping.snapshot()
    assert (counters.given_up, counters.done) == (1, 1)


@virtual
async def test_without_bounds_a_record_is_retried_until_the_stream_forgets_it() -> None:
    world = World(failing_with("bad"))
    world.stream.put_many("bad", "bad", "good")
    mapping = world.mapping(batch_size=2)
    mapping.start()
    await world.clock.sleep(3600)
    assert mapping.snapshot().given_up == 0
    world.stream.trim(1)
    await world.clock.sleep(60)
    assert mapping.snapshot().given_up == 1
    assert world.function.batches[-1] == ["bad"]
    world.stream.trim(1)
    await mapping.caught_up()
    await mapping.stop()
    assert world.function.batches[-1] == ["good"]
    assert mapping.snapshot().given_up == 2


@virtual
async def test_a_batch_that_never_reached_the_function_expires_too() -> None:
    async def throttled(call: Call) -> None:
        raise Unavailable("throttled")

    world = World(throttled)
    world.stream.put("a")
    mapping = world.mapping()
    mapping.start()
    await world.clock.sleep(60)
    world.stream.trim(1)
    await mapping.caught_up()
    await mapping.stop()
    assert mapping.snapshot().given_up == 1


@virtual
async def test_a_stuck_key_stops_its_lane_only() -> None:
    async def answer(call: Call) -> None:
        if "stuck" in call.keys and world.clock.elapsed_s < 30:
            raise Failed("ValueError")

    world = World(answer)
    keys = ["stuck", *(f"k{n}" for n in range(40)), "stuck"]
    world.stream.put_many(*keys)
    mapping = world.mapping(parallelization_factor=4, batch_size=5)
    mapping.start()
    await world.clock.sleep(20)
    early = {key for call in world.function.calls for key in call.keys}
    assert mapping.snapshot().done > 20
    assert not any(call.keys.count("stuck") > 1 for call in world.function.calls)
    assert mapping.checkpoints.get(world.function.calls[0].shard) is not None
    await mapping.caught_up()
    await mapping.stop()
    assert {key for call in world.function.calls for key in call.keys} == set(keys)
    assert early < set(keys) | {"stuck"}


@virtual
async def test_lanes_run_side_by_side_up_to_the_factor() -> None:
    async def slow(call: Call) -> None:
        await asyncio.sleep(1)

    world = World(slow)
    world.stream.put_many(*(f"k{n}" for n in range(200)))
    await world.process(world.mapping(parallelization_factor=5, batch_size=10))
    assert world.function.most_running == 5
    assert world.clock.elapsed_s < 8, "one after the other they would take 20 s"


@virtual
async def test_each_key_keeps_its_order_across_lanes_errors_and_splits() -> None:
    async def moody(call: Call) -> object:
        await asyncio.sleep(len(call.keys) / 10)
        if len(world.function.calls) % 3 == 0:
            raise Failed("ValueError")
        if len(world.function.calls) % 5 == 0:
            return item_failures(call.numbers[len(call.numbers) // 2])
        seen.extend(zip(call.keys, call.numbers, strict=True))
        return None

    seen: list[tuple[str, str]] = []
    world = World(moody)
    numbers = {n: f"k{n % 7}" for n in range(300)}
    for key in numbers.values():
        world.stream.put(key)
    mapping = world.mapping(
        parallelization_factor=3, batch_size=8, bisect_on_error=True, report_item_failures=True
    )
    await world.process(mapping)
    for key in set(numbers.values()):
        own = [int(number) for k, number in seen if k == key]
        assert own == sorted(own)
    assert mapping.snapshot().done == 300
