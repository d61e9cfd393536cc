"""A worker's processes: started where nothing can outlive us, and ended all together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcloud.functions.logs import Capture, Log
from localcloud.functions.orphans import kill_session
from localcloud.functions.watchdog import Watchdog

# The command begins only when the watchdog knows of it; if we die before, the shell reads the end
# of the pipe and ends too.
_GATE = 'read -r _ && exec "$@"'


class WorkerProcess:
    """A command in a session of its own, with all that it starts."""

    def __init__(
        self, process: asyncio.subprocess.Process, capture: Capture, watchdog: Watchdog
    ) -> None:
        self._process = process
        self._capture = capture
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
        capture = await Capture.into(log)
        try:
            process = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _GATE, "sh", *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=capture.end,
                stderr=capture.end,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
                pass_fds=pass_fds,
            )
        except BaseException:
            capture.release()
            await capture.finish()
            raise
        capture.release()
        try:
            watchdog.watch(process.pid)
        except BaseException:
            process.kill()
            await process.communicate()
            await capture.finish()
            raise
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
        return cls(process, capture, watchdog)

    @property
    def pid(self) -> int:
        """The process id of the command, which is also the number of its session."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the command still runs and was not killed by us."""
        return not self._killed and self._process.returncode is None

    async def ended(self) -> None:
        """Return when the command has ended, however that came about; `reap` must follow."""
        await self._process.wait()

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
        await self._capture.finish()
        self._watchdog.forget(self.pid)
