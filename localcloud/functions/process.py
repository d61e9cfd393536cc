"""A worker's processes: started where nothing can outlive us, and ended all together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcloud.functions.logs import Log
from localcloud.functions.orphans import kill_session
from localcloud.functions.watchdog import Watchdog

_LAST_OUTPUT_S = 2
# The command begins only when the watchdog knows of it; if we die before, the shell reads the end
# of the pipe and ends too.
_GATE = 'read -r _ && exec "$@"'


class WorkerProcess:
    """A command in a session of its own, with all that it starts."""

    def __init__(
        self, process: asyncio.subprocess.Process, copying: asyncio.Task[None], watchdog: Watchdog
    ) -> None:
        self._process = process
        self._copying = copying
        self._watchdog = watchdog
        self._killed = False
        self._reaped = False

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        watchdog: Watchdog,
        log: Log,
        pass_fds: Sequence[int] = (),
    ) -> WorkerProcess:
        """Start `command` in `folder`; its output goes to `log`."""
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _GATE, "sh", *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            pass_fds=pass_fds,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog.watch(process.pid)
        process.stdin.write(b"go\n")
        process.stdin.close()
        copying = asyncio.create_task(log.copy(process.stdout))
        return cls(process, copying, watchdog)

    @property
    def pid(self) -> int:
        """The process id of the command, which is also the number of its session."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the command still runs and was not killed by us."""
        return not self._killed and self._process.returncode is None

    def kill(self) -> None:
        """End the whole session at once; `reap` must follow."""
        if not self._reaped:
            self._killed = True
            kill_session(self.pid)

    async def reap(self) -> None:
        """End the session, wait until its command is gone, and for the rest of its output."""
        if self._reaped:
            return
        self.kill()
        self._reaped = True
        await self._process.wait()
        # A process that has left the session may hold its output open; do not wait for that.
        await asyncio.wait({self._copying}, timeout=_LAST_OUTPUT_S)
        self._copying.cancel()
        self._watchdog.forget(self.pid)
