"""Journals keep what was written, and notice what was not written by them."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, PlanRefused, Unavailable
from millrace.objects import MemoryObjects
from millrace.plans.executors import PerformingExecutor
from millrace.plans.journal import Entry, started
from millrace.plans.journal_file import FileJournal
from millrace.plans.journal_objects import ObjectJournal
from millrace.plans.plan import read

from tests.plans.making import NOW_MS, World, at, plan, step

ENTRIES = (
    started(plan(), NOW_MS),
    Entry("intent", NOW_MS, "a", {"found": {"text": "é\n"}}),
    Entry("done", NOW_MS + 1, "a"),
)


def filled(path: Path) -> None:
    with FileJournal(path) as journal:
        for one in ENTRIES:
            journal.append(one)


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    filled(path)
    with FileJournal(path) as journal:
        assert journal.entries() == ENTRIES
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_half_a_line_at_the_end_is_cut_off(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "journal.jsonl"
    filled(path)
    content = path.read_bytes()
    last = content.splitlines(keepends=True)[-1]
    path.write_bytes(content[: -len(last) + min(kept, len(last) - 1)])
    with FileJournal(path) as journal:
        assert journal.entries() == ENTRIES[:-1]
        journal.append(ENTRIES[-1])
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"event":"intent"', b'"event":"failed"', "tampered-journal"),
        (b'"event":"done"', b'"event":"gone"', "unreadable-journal"),
        (b"\n{", b"\n\n{", "unreadable-journal"),
        (b"{", b"[", "unreadable-journal"),
        (b"{", b"[" * 100_000, "unreadable-journal"),
    ],
)
def test_an_edited_journal_is_refused(tmp_path: Path, old: bytes, new: bytes, code: str) -> None:
    path = tmp_path / "journal.jsonl"
    filled(path)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(PlanRefused) as refused:
        FileJournal(path)
    assert refused.value.code == code


def test_a_line_that_was_cut_out_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    filled(path)
    first, _, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(PlanRefused, match=":2 does not follow"):
        FileJournal(path)


def test_two_processes_cannot_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with FileJournal(path), pytest.raises(PlanRefused) as refused:
        FileJournal(path)
    assert refused.value.code == "in-use"
    FileJournal(path).close()


def test_on_a_full_disk_nothing_is_half_written_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    filled(path)
    content = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with FileJournal(path) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 20, hard))
        try:
            with pytest.raises(Unavailable, match="File too large"):
                journal.append(ENTRIES[-1])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == content
        journal.append(ENTRIES[-1])
    with FileJournal(path) as journal:
        assert len(journal.entries()) == len(ENTRIES) + 1


def test_a_journal_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Cannot open"):
        FileJournal(tmp_path / "file" / "journal.jsonl")


def test_a_plan_is_carried_out_over_a_file_and_goes_on_from_it(tmp_path: Path) -> None:
    world = World({"a": 1, "b": 1})
    wanted = plan(step("a", 1, 2), step("b", 1, 2))
    world.failing = {"b"}
    path = tmp_path / "journal.jsonl"
    for _ in range(2):
        with FileJournal(path) as journal:
            run = PerformingExecutor(world, journal, at())
            if world.failing:
                with pytest.raises(Exception, match="does not answer"):
                    run.run(wanted)
            else:
                run.run(wanted)
        world.failing.clear()
    assert world.performed == ["a", "b"]


def test_objects_hold_the_plan_and_every_entry_apart() -> None:
    objects = MemoryObjects()
    wanted = plan(step("a", 1, 2))
    world = World({"a": 1})
    PerformingExecutor(world, ObjectJournal(objects, "audit", wanted), at()).run(wanted)
    folder = f"audit/{wanted.hash}"
    assert list(objects.bodies) == [
        f"{folder}/plan.json", *(f"{folder}/journal/{n:06d}.json" for n in range(4)),
    ]  # fmt: skip
    assert read(objects.get(f"{folder}/plan.json").decode()) == wanted
    again = ObjectJournal(objects, "audit", wanted)
    assert [one.event for one in again.entries()] == ["started", "intent", "done", "finished"]
    objects.put(f"{folder}/journal/000001.json", b"{}")
    with pytest.raises(PlanRefused):
        ObjectJournal(objects, "audit", wanted)
