"""Kills the sessions that a dead parent leaves behind. Run as a script, on bare Python.

Standard input says which: `+SESSION` from its start, `-SESSION` from its end, a line each. When the
input ends, the parent has ended, however that came about, and what is left is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator

_PROC = "/proc"


def main(lines: Iterable[str]) -> None:
    """Follow the parent's lines to their end, then kill the sessions that remain."""
    sessions: set[int] = set()
    for line in lines:
        session = int(line[1:])
        if line.startswith("+"):
            sessions.add(session)
        else:
            sessions.discard(session)
    for session in sessions:
        kill_session(session)


def kill_session(session: int) -> None:
    """SIGKILL every process of a session, also those that have a process group of their own.

    The emulator gives the runtime a group of its own, and a busy runtime outlives its emulator, so
    a group is not enough. Where there is no /proc (macOS) it has to be: no emulator runs there.
    """
    if not os.path.isdir(_PROC):  # noqa: PTH112  bare Python must start fast
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)
        return
    killed: set[int] = set()
    while fresh := set(members(session)) - killed:
        for pid in fresh:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= fresh


def members(session: int) -> Iterator[int]:
    """The processes of a session that have not ended (Linux)."""
    for name in os.listdir(_PROC):  # noqa: PTH208
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"{_PROC}/{name}/stat") as file:  # noqa: PTH123
                # "pid (command) state ppid pgrp session …"; a command may hold any character.
                fields = file.read().rpartition(")")[2].split()
                if fields[3] == str(session) and fields[0] not in "ZX":
                    yield int(name)


if __name__ == "__main__":
    main(sys.stdin)
