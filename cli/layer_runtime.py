"""Layers in /opt on this machine: read-only, under the real runtime client, with nothing beside.

A mount of its own for each process needs Linux and the right to unshare namespaces. Where that is
missing the layers stand in a folder that nobody may write to, and `how` says so.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.lambda_layers.compiling import MOUNT, interpreter
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.stripping import host
from millrace.lambda_layers.testing import Answer, Function

from localcloud.functions.pool import FunctionPool, Kind
from localcloud.functions.spec import FunctionSpec

_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_RUNNING = "{}.{}".format(*sys.version_info[:2])
# As root, and as anybody where user namespaces are allowed.
_UNSHARED = (
    ["unshare", "--mount", "--"],
    ["unshare", "--user", "--map-root-user", "--mount", "--"],
)
_MOUNTED = """
opt=$1 code=$2; shift 2
mount --bind "$opt" /opt && mount -o remount,bind,ro /opt || exit 97
mount --bind "$code" "$code" && mount -o remount,bind,ro "$code" && cd "$code" || exit 97
PATH=$PATH:/opt/bin LD_LIBRARY_PATH=/opt/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$@"
"""
_FUNCTION = "layer-under-test"


class LocalRuntime:
    """Runs functions with a folder in /opt; `scratch` is a folder to work in.

    `unshared` are the ways to unshare namespaces that are tried.
    """

    def __init__(
        self,
        opt: Path,
        target: Target,
        scratch: Path,
        unshared: Sequence[list[str]] = _UNSHARED,
    ) -> None:
        self._opt = opt.absolute()
        self._scratch = scratch.absolute()
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._target = target
        self._python, asked = _runner(target)
        self._kind = FunctionPool([], log_folder=self._scratch, kind=asked).kind
        self._unshared = _can_mount(self._opt, scratch, self._python, unshared)
        if self._unshared is None:
            self._opt = _protected(self._opt, self._scratch / "opt-copy")
        names = _CLIENT if self._kind is Kind.EMULATOR else ()
        self._client = _client(self._scratch / "runtime", names)
        self._calls = 0

    @property
    def mount(self) -> str:
        """Where the layers are."""
        return MOUNT if self._unshared is not None else str(self._opt)

    @property
    def how(self) -> str:
        """The runtime client, and the mount."""
        client = "Lambda's runtime client" if self._kind is Kind.EMULATOR else "a plain process"
        place = f"the layers mounted read-only at {MOUNT}"
        if self._unshared is None:
            place = "the layers in a folder without write permission: nothing can be mounted here"
        return f"Python {self._target.version}, {client}, {place}"

    def call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        """The answers of a fresh process."""
        return asyncio.run(self._call(function, payloads))

    async def _call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        self._calls += 1
        place = self._scratch / f"call-{self._calls}"
        spec = self._spec(function, _staged(function, place / "task"), place)
        answers = []
        async with FunctionPool([spec], log_folder=place / "logs", kind=self._kind) as pool:
            for payload in payloads:
                answers.append(await pool.invoke(_FUNCTION, payload))
        log = "".join(_text(path) for path in sorted((place / "logs").glob("*.log")))
        return [Answer(one.payload, one.error, log, one.duration_ms) for one in answers]

    def _spec(self, function: Function, code: Path, place: Path) -> FunctionSpec:
        python = f"{self.mount}/python"
        site = f"{python}/lib/python{self._target.version}/site-packages"
        return FunctionSpec(
            name=_FUNCTION,
            handler=function.handler,
            code=code,
            environment={
                **function.environment,
                "PYTHONPATH": os.pathsep.join([site, python, str(self._client)]),
            },
            timeout_s=function.timeout_s,
            memory_mb=function.memory_mb,
            max_workers=1,
            runtime=self._target.runtime,
            python=self._wrapper(place / "python", code),
        )

    def _wrapper(self, path: Path, code: Path) -> Path:
        """What stands for Python: the same one, without its own packages, with the layers."""
        command = [str(self._python), "-S"]
        if self._unshared is not None:
            mounted = ["/bin/sh", "-c", _MOUNTED, "sh", str(self._opt), str(code)]
            command = [*self._unshared, *mounted, *command]
        else:
            command.append("-B")
        path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return path


def _runner(target: Target) -> tuple[Path, Kind | None]:
    """The Python to run, and how; the real client is there for the running one alone."""
    if target.node:
        raise ConfigurationError(
            f"The layer is for {target.runtime}; only layers of Python can be tried. Its build"
            " imports and times what it holds: millrace layers build."
        )
    if target.architecture != host():
        raise ConfigurationError(
            f"The layer is for {target.architecture}, and this machine is {host()}. Test it on such"
            " a machine, or with --cloud."
        )
    if target.version == _RUNNING:
        return Path(sys.executable), None
    found = interpreter(target.version)
    if found is None:
        raise ConfigurationError(
            f"The layer is for Python {target.version}, and there is none here. Install it"
            f" (uv python install {target.version}), or use --cloud."
        )
    return found.path, Kind.PROCESS


def _can_mount(
    opt: Path, scratch: Path, python: Path, unshared: Sequence[list[str]]
) -> list[str] | None:
    """How namespaces are unshared here; None where they are not, or Python itself is in /opt."""
    if sys.platform != "linux" or str(python.resolve()).startswith(f"{MOUNT}/"):
        return None
    for command in unshared:
        if shutil.which(command[0]) is None or not Path(MOUNT).is_dir():
            return None
        tried = [*command, "/bin/sh", "-c", _MOUNTED, "sh", str(opt), str(scratch.absolute())]
        if subprocess.run([*tried, "true"], check=False, capture_output=True).returncode == 0:
            return command
    return None


def _protected(opt: Path, copy: Path) -> Path:
    """A copy that nobody may write to: the layer itself stays as it is."""
    shutil.copytree(opt, copy)
    for path in copy.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode & ~0o222)
    return copy


def _client(folder: Path, names: Sequence[str]) -> Path:
    """The runtime client by itself: of what else this Python has, functions must see nothing."""
    folder.mkdir(parents=True)
    for name in names:
        distribution = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or () if ".." not in file.parts}
        for top in sorted(tops):
            link = folder / top
            if top != "__pycache__" and not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
    return folder


def _staged(function: Function, task: Path) -> Path:
    """A copy of the function's code, which is mounted read-only as well."""
    for name, path in function.files().items():
        (task / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, task / name)
    return task


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
