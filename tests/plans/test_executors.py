"""A plan is done as a whole or told where it stands; after a crash it goes on."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import PlanRefused, PlanStopped, StalePlan
from millrace.plans.executors import PerformingExecutor, PrintingExecutor
from millrace.plans.journal import Journal, MemoryJournal
from millrace.plans.plan import Plan

from tests.plans.making import HOUR_MS, NOW_MS, Crash, DyingJournal, World, at, plan, step


def executor(world: World, journal: Journal, now_ms: int = NOW_MS) -> PerformingExecutor:
    return PerformingExecutor(world, journal, at(now_ms))


def three() -> tuple[World, Plan]:
    values = dict.fromkeys("abc", 1)
    return World(values), plan(*(step(name, 1, 2) for name in values))


def test_every_step_is_announced_done_and_noted_in_order() -> None:
    world, wanted = three()
    journal = MemoryJournal()
    seen = []
    run = executor(world, journal)
    run.watch = lambda step, result: seen.append((step.id, result))
    outcome = run.run(wanted)
    assert world.values == {"a": 2, "b": 2, "c": 2}
    assert [one.event for one in journal.entries()] == [
        "started", *("intent", "done") * 3, "finished",
    ]  # fmt: skip
    assert [one.data for one in journal.entries() if one.event == "intent"] == [
        {"found": {"value": 1}}
    ] * 3
    assert [step.id for step in outcome.done] == ["a", "b", "c"] == [name for name, _ in seen]
    assert outcome.results["a"] == {"was": 1}


def test_printing_changes_nothing() -> None:
    world, wanted = three()
    written: list[str] = []
    PrintingExecutor(written.append).run(wanted)
    assert world.performed == []
    text = "\n".join(written)
    for words in (wanted.hash[:12], "+ set a", "it is asked for", "nothing else", "3 steps"):
        assert words in text


def test_a_second_run_of_a_plan_does_nothing() -> None:
    world, wanted = three()
    journal = MemoryJournal()
    executor(world, journal).run(wanted)
    world.values["a"] = 7  # somebody's later change is not undone
    outcome = executor(world, journal).run(wanted)
    assert (outcome.done, len(outcome.already)) == ((), 3)
    assert world.values["a"] == 7


@given(st.integers(1, 3), st.sampled_from(["before", "after"]))
def test_a_crash_around_a_change_is_made_good(call: int, when: str) -> None:
    world, wanted = three()
    world.crash_at = (call, when)
    journal = MemoryJournal()
    with pytest.raises(Crash):
        executor(world, journal).run(wanted)
    assert journal.entries()[-1].event == "intent"
    world.crash_at = None
    outcome = executor(world, journal).run(wanted)
    assert world.values == {"a": 2, "b": 2, "c": 2}
    assert sorted(world.performed) == ["a", "b", "c"]  # each exactly once
    assert set(outcome.results) == {"a", "b", "c"}


@given(st.integers(1, 8), st.sampled_from(["before", "after"]))
def test_a_crash_around_an_entry_is_made_good(entry: int, when: str) -> None:
    world, wanted = three()
    journal = DyingJournal(entry, when)
    with contextlib.suppress(Crash):
        executor(world, journal).run(wanted)
    executor(world, MemoryJournal(journal.entries())).run(wanted)
    assert sorted(world.performed) == ["a", "b", "c"]


def test_a_stale_plan_changes_nothing_at_all() -> None:
    world, wanted = three()
    world.values["c"] = 5
    journal = MemoryJournal()
    with pytest.raises(StalePlan, match="c: value is 5, not 1") as refused:
        executor(world, journal).run(wanted)
    assert refused.value.code == "stale"
    assert (world.performed, journal.entries()) == ([], ())


def test_what_is_as_the_plan_would_leave_it_is_done_already() -> None:
    world, wanted = three()
    world.values["b"] = 2
    outcome = executor(world, MemoryJournal()).run(wanted)
    assert world.performed == ["a", "c"]
    assert [step.id for step in outcome.already] == ["b"]


def test_a_failure_stops_and_the_same_plan_goes_on_later() -> None:
    world, wanted = three()
    world.failing = {"b"}
    journal = MemoryJournal()
    with pytest.raises(PlanStopped, match="set b: b does not answer") as stopped:
        executor(world, journal).run(wanted)
    assert stopped.value.code == "failed"
    assert world.values == {"a": 2, "b": 1, "c": 1}
    assert journal.entries()[-1].event == "failed"
    world.failing.clear()
    executor(world, journal).run(wanted)
    assert world.performed == ["a", "b", "c"]


def test_what_changes_while_the_plan_runs_is_not_overwritten() -> None:
    world, wanted = three()
    run = executor(world, MemoryJournal())
    run.watch = lambda step, result: world.values.update(c=9)
    with pytest.raises(PlanStopped) as stopped:
        run.run(wanted)
    assert stopped.value.code == "stale"
    assert world.values["c"] == 9


def test_it_can_be_stopped_between_two_steps() -> None:
    world, wanted = three()
    journal = MemoryJournal()
    run = executor(world, journal)
    run.stopped = lambda: len(world.performed) == 1
    with pytest.raises(PlanStopped) as stopped:
        run.run(wanted)
    assert stopped.value.code == "stopped"
    assert world.performed == ["a"]
    assert [one.event for one in journal.entries()][-1] == "stopped"


def test_a_step_that_another_makes_possible_is_looked_at_only_then() -> None:
    world = World({"a": 1})
    wanted = plan(step("a", 1, 2), step("b", 5, 6, needs=["a"]))
    with pytest.raises(PlanStopped) as stopped:
        executor(world, MemoryJournal()).run(wanted)
    assert stopped.value.code == "stale"  # not before a was done
    assert world.performed == ["a"]


def test_regions_run_side_by_side_and_all_stop() -> None:
    world = World({"a": 1, "b": 1, "c": 1})
    steps = [step(name, 1, 2, region=name) for name in "abc"]
    executor(world, MemoryJournal()).run(plan(*steps))
    assert sorted(world.performed) == ["a", "b", "c"]


def test_another_plans_journal_is_refused() -> None:
    world, wanted = three()
    journal = MemoryJournal()
    executor(world, journal).run(plan(step("a", 1, 2)))
    with pytest.raises(PlanRefused, match="journal is of plan") as refused:
        executor(world, journal).run(wanted)
    assert refused.value.code == "other-journal"
    assert world.performed == ["a"]


def test_an_old_plan_is_refused_even_halfway() -> None:
    world, wanted = three()
    with pytest.raises(PlanRefused):
        executor(world, MemoryJournal(), NOW_MS + HOUR_MS).run(wanted)
    assert world.performed == []
