"""A folder read-only at /opt, for one process at a time; nothing of the host's own /opt changes.

A mount of its own for each process needs Linux and the right to unshare namespaces. Where that is
missing there is a copy that nobody may write to, and `mounted` says so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from millrace.lambda_layers.compiling import MOUNT

# As root, and as anybody where user namespaces are allowed.
UNSHARED = (
    ["unshare", "--mount", "--"],
    ["unshare", "--user", "--map-root-user", "--mount", "--"],
)
_MOUNTED = """
opt=$1 code=$2; shift 2
mount --bind "$opt" /opt && mount -o remount,bind,ro /opt || exit 97
mount --bind "$code" "$code" && mount -o remount,bind,ro "$code" && cd "$code" || exit 97
PATH=$PATH:/opt/bin LD_LIBRARY_PATH=/opt/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$@"
"""


class Mount:
    """A layer where a program, which must not stand in /opt itself, finds it."""

    def __init__(
        self, opt: Path, program: Path, scratch: Path, unshared: Sequence[list[str]] = UNSHARED
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._opt = opt.absolute()
        self._unshared = _can(self._opt, program, scratch.absolute(), unshared)
        if self._unshared is None:
            self._opt = _protected(self._opt, scratch.absolute() / "opt-copy")

    @property
    def mounted(self) -> bool:
        """Whether it really is a mount."""
        return self._unshared is not None

    @property
    def place(self) -> str:
        """Where the layers are."""
        return MOUNT if self.mounted else str(self._opt)

    @property
    def how(self) -> str:
        """The same for people."""
        if self.mounted:
            return f"the layers mounted read-only at {MOUNT}"
        return "the layers in a folder without write permission: nothing can be mounted here"

    def before(self, code: Path) -> list[str]:
        """What stands before a command, so that it runs in `code`, with the layers in /opt."""
        if self._unshared is None:
            return []
        return [*self._unshared, "/bin/sh", "-c", _MOUNTED, "sh", str(self._opt), str(code)]


def _can(
    opt: Path, program: Path, scratch: Path, unshared: Sequence[list[str]]
) -> list[str] | None:
    """How namespaces are unshared here; None where they are not, or the program is in /opt."""
    if sys.platform != "linux" or str(program.resolve()).startswith(f"{MOUNT}/"):
        return None
    for command in unshared:
        if shutil.which(command[0]) is None or not Path(MOUNT).is_dir():
            return None
        tried = [*command, "/bin/sh", "-c", _MOUNTED, "sh", str(opt), str(scratch), "true"]
        if subprocess.run(tried, check=False, capture_output=True).returncode == 0:
            return command
    return None


def _protected(opt: Path, copy: Path) -> Path:
    """A copy that nobody may write to: the layer itself stays as it is."""
    shutil.copytree(opt, copy)
    for path in copy.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode & ~0o222)
    return copy


def staged(files: dict[str, Path], task: Path) -> Path:
    """A copy of a function's code, path in the function → file."""
    for name, path in files.items():
        (task / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, task / name)
    return task
