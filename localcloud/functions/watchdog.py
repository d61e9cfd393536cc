"""Makes sure that no worker outlives this process, even if it is killed with SIGKILL.

A small process of its own (`orphans`) holds the reading end of a pipe whose writing end only we
have. When we end, it sees the end of the pipe, and kills every session that it was told of. This
needs no help from the workers, and works on Linux and macOS alike.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from millrace.errors import StartupError

from localcloud.functions import orphans

_CLOSE_TIMEOUT_S = 10


class Watchdog:
    """The pipe and the process at its other end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(orphans.__file__))],
            stdin=subprocess.PIPE,
            # Not in our group: Ctrl-C in a terminal must not reach it before us.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process that watches."""
        return self._process.pid

    def watch(self, session: int) -> None:
        """Kill this session when we end."""
        self._tell(f"+{session}\n")

    def forget(self, session: int) -> None:
        """The session has ended; its number may come to mean somebody else's."""
        self._tell(f"-{session}\n")

    def close(self) -> None:
        """End the watch; kills what is still watched."""
        # Popen.communicate closes the pipe even if the other end has gone.
        self._process.communicate(timeout=_CLOSE_TIMEOUT_S)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise StartupError(
                "The watchdog that keeps workers from outliving the local cloud has ended "
                f"(status {self._process.poll()}); start the local cloud anew."
            ) from None
