"""Parts of a demo side by side: all are up while one looks, and all are gone afterwards."""

from __future__ import annotations

import asyncio

import pytest
from millrace.errors import StartupError

from localcloud.demo.stage import Cue, Part, playing


def part(name: str, log: list[str], error: Exception | None = None) -> Part[str]:
    async def play(cue: Cue[str]) -> None:
        try:
            await asyncio.sleep(0)
            if error is not None:
                raise error
            await cue.show(f"{name} is exact")
        finally:
            log.append(f"{name} gone")

    return play


def test_all_stay_until_the_end() -> None:
    log: list[str] = []

    async def demo() -> None:
        async with playing([part("one", log), part("other", log)]) as shown:
            assert shown == ["one is exact", "other is exact"]
            await asyncio.sleep(0)
            assert log == []
        assert sorted(log) == ["one gone", "other gone"]

    asyncio.run(demo())


def test_an_error_stops_the_others_and_comes_as_it_is() -> None:
    log: list[str] = []

    async def demo() -> None:
        parts = [part("one", log), part("other", log, StartupError("no fdk"))]
        async with playing(parts):
            log.append("shown")

    with pytest.raises(StartupError, match="no fdk"):
        asyncio.run(demo())
    assert sorted(log) == ["one gone", "other gone"]


def test_what_fails_while_one_looks_comes_as_it_is() -> None:
    log: list[str] = []

    async def demo() -> None:
        async with playing([part("one", log)]):
            raise KeyError("looking")

    with pytest.raises(KeyError, match="looking"):
        asyncio.run(demo())
    assert log == ["one gone"]
