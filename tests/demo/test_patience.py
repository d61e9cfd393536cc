"""A function that only fails is told of, once; what makes progress is waited for in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from localcloud.demo.patience import patiently
from localcloud.event_source_mapping.counters import Counters


@dataclass
class Mapping:
    """A mapping that takes so many steps to catch up, and what changes at each."""

    step: Callable[[Counters], None]
    steps: int = 6
    counters: Counters = field(default_factory=Counters)
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def caught_up(self) -> None:
        while self.steps > 0:
            await self.looked.wait()
            self.looked.clear()
            self.steps -= 1

    def snapshot(self) -> list[Counters]:
        """The counters, which have moved on since they were last asked for."""
        self.step(self.counters)
        self.looked.set()
        return [self.counters.copy()]


def notes_of(mapping: Mapping, problem: str) -> list[str]:
    notes: list[str] = []

    async def wait() -> None:
        def note(text: str) -> None:
            notes.append(text)
            mapping.steps = 0
            mapping.looked.set()

        await patiently(mapping.caught_up(), mapping.snapshot, lambda: problem, note, 0.001)

    asyncio.run(wait())
    return notes


def failing(counters: Counters) -> None:
    counters.retries += 1


def progressing(counters: Counters) -> None:
    counters.retries += 1
    counters.done += 3


def giving_up(counters: Counters) -> None:
    counters.retries += 1
    counters.given_up += 1


def test_failures_without_end_are_told_once_with_the_latest_problem() -> None:
    (note,) = notes_of(Mapping(failing, steps=9), "no such feature " * 100)
    assert "have only failed" in note
    assert "Ctrl-C stops it. no such feature" in note
    assert len(note) < 800


@pytest.mark.parametrize("step", [progressing, giving_up, lambda counters: None])
def test_progress_and_patience_are_silent(step: Callable[[Counters], None]) -> None:
    assert notes_of(Mapping(step), "a problem") == []


def test_an_error_of_the_work_comes_as_it_is() -> None:
    async def broken() -> None:
        raise KeyError("mapping")

    with pytest.raises(KeyError, match="mapping"):
        asyncio.run(patiently(broken(), lambda: [Counters()], str, print, 0.001))
