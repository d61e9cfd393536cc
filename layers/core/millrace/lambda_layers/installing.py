"""Packages into a folder, for another machine than this one, with uv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError, LayerError

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# The C library of a runtime: Amazon Linux 2 up to Python 3.11, then 2023.
_OLD_GLIBC, _GLIBC = "manylinux_2_17", "manylinux_2_34"
_ON_OLD_GLIBC = 11
_RUNTIME = re.compile(r"python3\.(\d+)")
_TOLD_LINES = 6


@dataclass(frozen=True, slots=True)
class Target:
    """What a layer is for. Raises ConfigurationError for what Lambda does not have."""

    runtime: str
    architecture: str

    def __post_init__(self) -> None:
        if not _RUNTIME.fullmatch(self.runtime):
            raise ConfigurationError(
                f"Runtime {self.runtime!r} is unknown; expected something like python3.13."
            )
        if self.architecture not in _MACHINES:
            raise ConfigurationError(
                f"Architecture {self.architecture!r} is unknown; Lambda has arm64 and x86_64."
            )

    @property
    def version(self) -> str:
        """Python's, as in 3.13."""
        return self.runtime.removeprefix("python")

    @property
    def machine(self) -> str:
        """The architecture as Linux calls it."""
        return _MACHINES[self.architecture]

    @property
    def platform(self) -> str:
        """The wheels' platform, as uv calls it."""
        old = int(self.version.partition(".")[2]) <= _ON_OLD_GLIBC
        return f"{self.machine}-{_OLD_GLIBC if old else _GLIBC}"


def uv() -> Path:
    """uv, beside this interpreter or on the path. Raises ConfigurationError."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise ConfigurationError(
            "uv is neither beside this Python nor on PATH. Run scripts/setup, or:"
            " python3 -m pip install uv"
        )
    return Path(found)


def install(
    requirements: Path,
    target: Target,
    folder: Path,
    source_only: Sequence[str] = (),
    index: Sequence[str] = (),
) -> None:
    """Install a locked requirements file into a folder. Raises LayerError, with uv's reason.

    Wheels only, so that nothing is built for this host, but for the packages in `source_only`.
    `index` are further options of uv that say where packages come from.
    """
    options = [f"--no-binary={name}" for name in source_only]
    command = [str(uv()), "pip", "install", "--quiet", "--link-mode=copy", "--no-deps"]
    command += [f"--python-platform={target.platform}", f"--python-version={target.version}"]
    command += ["--only-binary=:all:", *options, "--require-hashes", *index]
    command += [f"--target={folder}", f"--requirement={requirements}"]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise LayerError(_explained(requirements.name, target, done.stderr))


def _explained(name: str, target: Target, words: str) -> str:
    """uv's reason, and what one can do about it."""
    lines = [line.strip(" ×╰─▶│├\t") for line in words.splitlines() if line.strip()]
    told = " ".join(lines[:_TOLD_LINES])
    # Before the hashes: uv names hashes in some hints of its own.
    if "no usable wheels" in told or "no wheels" in told or "building from source" in told.lower():
        remedy = (
            "Take a version that has one; or, if the package is pure Python and only published as"
            " source, say --source-only NAME."
        )
        where = f"{target.runtime} on {target.architecture}"
        return f"{name}: a package has no wheel for {where}: {told} {remedy}"
    if "hash" in told.lower():
        remedy = "Lock it: uv pip compile --generate-hashes requirements.in -o requirements.lock"
        return f"{name} is not locked, or a hash differs: {told} {remedy}"
    return f"{name} cannot be installed for {target.runtime} on {target.architecture}: {told}"
