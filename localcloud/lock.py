"""A lock on a folder of a local cloud, which ends with its process, however that ends.

The file that is left of it blocks nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from millrace.errors import StartupError


class Taken(StartupError):
    """Somebody else holds a lock; `holder` is the process, as it wrote itself down."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"Process {holder} holds {path}")
        self.holder = holder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock while the block runs. Raises Taken at once where somebody else does."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            # It may be about to write.
            raise Taken(path, lock.read().strip() or "unknown") from None
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        yield
