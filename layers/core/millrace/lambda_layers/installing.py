"""Packages into a folder, for another machine than this one, with uv."""

from __future__ import annotations

import importlib.util
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
_OLD_GLIBC, _GLIBC = 17, 34
_ON_OLD_GLIBC = 11
_PYTHON = re.compile(r"python(3\.\d+)")
_NODE = re.compile(r"nodejs(\d+)\.x")
_TOLD_LINES = 6
_NO_WAY = ("failed to fetch", "error sending request", "certificate", "connect", "unauthorized")


@dataclass(frozen=True, slots=True)
class Target:
    """What a layer is for. Raises ConfigurationError for what Lambda does not have."""

    runtime: str
    architecture: str

    def __post_init__(self) -> None:
        if not (_PYTHON.fullmatch(self.runtime) or _NODE.fullmatch(self.runtime)):
            raise ConfigurationError(
                f"Runtime {self.runtime!r} is unknown; expected something like python3.13 or"
                " nodejs22.x."
            )
        if self.architecture not in _MACHINES:
            raise ConfigurationError(
                f"Architecture {self.architecture!r} is unknown; Lambda has arm64 and x86_64."
            )

    @property
    def node(self) -> bool:
        """Whether it is for Node.js."""
        return _NODE.fullmatch(self.runtime) is not None

    @property
    def version(self) -> str:
        """Python's, as in 3.13, or Node's, as in 22."""
        found = _PYTHON.fullmatch(self.runtime) or _NODE.fullmatch(self.runtime)
        assert found is not None
        return found[1]

    @property
    def machine(self) -> str:
        """The architecture as Linux calls it."""
        return _MACHINES[self.architecture]

    @property
    def platform(self) -> str:
        """The wheels' platform, as uv calls it."""
        return f"{self.machine}-manylinux_2_{self._glibc}"

    @property
    def pip_platforms(self) -> tuple[str, ...]:
        """The same for pip, which knows of no older one by itself."""
        legacy = (f"manylinux2014_{self.machine}",)
        versions = range(self._glibc, _OLD_GLIBC - 1, -1)
        return (*(f"manylinux_2_{n}_{self.machine}" for n in versions), *legacy)

    @property
    def _glibc(self) -> int:
        old = int(self.version.partition(".")[2]) <= _ON_OLD_GLIBC
        return _OLD_GLIBC if old else _GLIBC


def uv() -> list[str]:
    """The command uv: beside this interpreter, on the path, or a module. Raises LayerError."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is not None:
        return [found]
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    raise LayerError(
        "uv is neither beside this Python nor on PATH. Run scripts/setup, or:"
        " python3 -m pip install uv"
    )


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
    options = ["--only-binary=:all:", *(f"--no-binary={name}" for name in source_only)]
    options += ["--require-hashes", "--no-deps", *index]
    options += [f"--target={folder}", f"--requirement={requirements}"]
    command = [*uv(), "pip", "install", "--quiet", "--link-mode=copy"]
    command += [f"--python-platform={target.platform}", f"--python-version={target.version}"]
    done = _run([*command, *options])
    if done.returncode and _out_of_reach(done.stderr) and _with_pip(target, folder, options):
        return
    if done.returncode:
        raise LayerError(_explained(requirements.name, target, done.stderr))


def _out_of_reach(words: str) -> bool:
    """Whether uv failed to get at packages at all, which pip, configured otherwise, may do."""
    told = words.lower()
    return not told.strip() or any(sign in told for sign in _NO_WAY)


def _with_pip(target: Target, folder: Path, options: Sequence[str]) -> bool:
    """Slower than uv, but it knows mirrors and certificates that uv does not."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--implementation=cp", f"--python-version={target.version}"]
    command += [f"--platform={name}" for name in target.pip_platforms]
    return _run([*command, *options]).returncode == 0


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


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
