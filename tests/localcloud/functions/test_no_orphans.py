"""However the local cloud ends, none of its workers outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from millrace.errors import StartupError

from localcloud.functions.orphans import main
from localcloud.functions.pool import Kind
from localcloud.functions.watchdog import Watchdog

from .kinds import KINDS
from .pools import alive, check_that_nothing_outlives, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(tmp_path: Path, kind: Kind, how: signal.Signals) -> None:
    module = f"{__package__}.running_pool"
    check_that_nothing_outlives(module, kind, str(tmp_path), how=how, processes=_expected(kind))


def _expected(kind: Kind) -> int:
    """The watchdog and two workers, which are two processes each under the emulator."""
    return 5 if kind is Kind.EMULATOR else 3


def test_the_watchdog_kills_what_it_is_told_to_watch_and_nothing_that_it_is_told_to_forget() -> (
    None
):
    watched, forgotten = (
        subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2)
    )
    try:
        main([f"+{watched.pid}\n", f"+{forgotten.pid}\n", f"-{forgotten.pid}\n"])
        assert watched.wait(10) == -signal.SIGKILL
        assert forgotten.poll() is None
    finally:
        for process in (watched, forgotten):
            process.kill()
            process.wait()


def test_a_session_is_killed_with_all_its_process_groups() -> None:
    # `set -m` gives the inner sleep a process group of its own, as the emulator does.
    script = "set -m; sleep 600 & echo $!; wait"
    with subprocess.Popen(
        ["bash", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as leader:
        assert leader.stdout is not None
        inner = int(leader.stdout.readline())
        assert os.getpgid(inner) != os.getpgid(leader.pid)
        main([f"+{leader.pid}\n"])
        assert leader.wait(10) == -signal.SIGKILL
    asyncio.run(until(lambda: not alive({inner})))


def test_a_watchdog_that_has_died_is_noticed() -> None:
    watchdog = Watchdog()
    os.kill(watchdog.pid, signal.SIGKILL)
    asyncio.run(until(lambda: not alive({watchdog.pid})))
    with pytest.raises(StartupError, match="watchdog"):
        watchdog.watch(2**30)
    watchdog.close()
