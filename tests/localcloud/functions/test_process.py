"""A worker's processes: watched before they begin, forgotten when they are gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from millrace.errors import StartupError

from localcloud.functions.logs import Log, LogLine
from localcloud.functions.process import WorkerProcess
from localcloud.functions.watchdog import Watchdog


class FakeWatchdog(Watchdog):
    """Remembers what it is told, or has died."""

    def __init__(self, *, dead: bool = False) -> None:
        self.told: list[str] = []
        self._dead = dead

    def _tell(self, line: str) -> None:
        if self._dead:
            raise StartupError("the watchdog has died, as the test wants it")
        self.told.append(line)


async def start(
    folder: Path, watchdog: Watchdog, script: str, lines: list[LogLine] | None = None
) -> WorkerProcess:
    log = Log(folder / "log", "f", 1, (lines if lines is not None else []).append)
    command: Sequence[str] = ["/bin/sh", "-c", script]
    environment = {"PATH": os.environ["PATH"]}
    return await WorkerProcess.start(
        command, folder=folder, environment=environment, watchdog=watchdog, log=log
    )


def test_it_is_watched_before_it_begins_and_forgotten_when_it_is_gone(tmp_path: Path) -> None:
    async def main() -> None:
        watchdog = FakeWatchdog()
        process = await start(tmp_path, watchdog, "sleep 600")
        assert process.alive
        assert watchdog.told == [f"+{process.pid}\n"]
        await process.reap()
        assert not process.alive
        assert watchdog.told == [f"+{process.pid}\n", f"-{process.pid}\n"]

    asyncio.run(main())


def test_without_a_watchdog_it_does_not_begin(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(StartupError):
            await start(tmp_path, FakeWatchdog(dead=True), "touch begun")

    asyncio.run(main())
    assert not (tmp_path / "begun").exists()


def test_its_whole_output_is_copied_even_without_a_line_end(tmp_path: Path) -> None:
    lines: list[LogLine] = []

    async def main() -> None:
        script = "printf 'a\\n\\nb'; printf '\\303\\251\\377' >&2"
        process = await start(tmp_path, FakeWatchdog(), script, lines)
        while process.alive:
            await asyncio.sleep(0.005)
        await process.reap()

    asyncio.run(main())
    assert [line.text for line in lines] == ["a", "", "bé\N{REPLACEMENT CHARACTER}"]
    assert (tmp_path / "log").read_bytes() == b"a\n\nb\xc3\xa9\xff"


def test_output_held_open_by_a_process_that_left_does_not_hold_us_up(tmp_path: Path) -> None:
    async def main() -> None:
        process = await start(tmp_path, FakeWatchdog(), "setsid sh -c 'echo $$; exec sleep 600' &")
        while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
            await asyncio.sleep(0.005)
        async with asyncio.timeout(20):
            await process.reap()
        os.kill(int((tmp_path / "log").read_text()), 9)

    asyncio.run(main())
