"""Layers in /opt on this machine: read-only, under the real runtime client, with nothing beside."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.lambda_layers.compiling import interpreter
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.stripping import host
from millrace.lambda_layers.testing import PROBE, Answer, Function

from cli.layer_mount import UNSHARED, Mount, staged
from localcloud.functions.pool import FunctionPool, Kind
from localcloud.functions.spec import FunctionSpec

_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_RUNNING = "{}.{}".format(*sys.version_info[:2])
_FUNCTION = "layer-under-test"


class LocalRuntime:
    """Runs functions with a folder in /opt; `scratch` is a folder to work in.

    `unshared` are the ways to unshare namespaces that are tried.
    """

    probe = PROBE

    def __init__(
        self,
        opt: Path,
        target: Target,
        scratch: Path,
        unshared: Sequence[list[str]] = UNSHARED,
    ) -> None:
        self._scratch = scratch.absolute()
        self._target = target
        self._python, asked = _runner(target)
        self._mount = Mount(opt, self._python, scratch, unshared)
        self._kind = FunctionPool([], log_folder=self._scratch, kind=asked).kind
        names = _CLIENT if self._kind is Kind.EMULATOR else ()
        self._client = _client(self._scratch / "runtime", names)
        self._calls = 0

    @property
    def mount(self) -> str:
        """Where the layers are."""
        return self._mount.place

    @property
    def how(self) -> str:
        """The runtime client, and the mount."""
        client = "Lambda's runtime client" if self._kind is Kind.EMULATOR else "a plain process"
        return f"Python {self._target.version}, {client}, {self._mount.how}"

    def call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        """The answers of a fresh process."""
        return asyncio.run(self._call(function, payloads))

    async def _call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        self._calls += 1
        place = self._scratch / f"call-{self._calls}"
        spec = self._spec(function, staged(function.files(), place / "task"), place)
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
        quiet = [] if self._mount.mounted else ["-B"]
        command = [*self._mount.before(code), str(self._python), "-S", *quiet]
        path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return path


def _runner(target: Target) -> tuple[Path, Kind | None]:
    """The Python to run, and how; the real client is there for the running one alone."""
    if target.architecture != host():
        raise ConfigurationError(
            f"The layer is for {target.architecture}, and this machine is {host()}. Build one for"
            f" here beside it (millrace layers build … --architecture {host()} --output FOLDER), or"
            f" do this on a machine of {target.architecture}; millrace layers test can also try it"
            " in AWS (--cloud)."
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


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
