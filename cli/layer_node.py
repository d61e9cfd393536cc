"""Layers of Node.js in /opt on this machine: read-only, in a plain process of Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.lambda_layers import npm, testing
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.stripping import host
from millrace.lambda_layers.testing import Answer, Function

from cli.layer_mount import Mount, staged

_RUNNER = testing.PROBE.with_name("runner.js")


class NodeRuntime:
    """Runs functions with a folder in /opt; `scratch` is a folder to work in."""

    probe = testing.PROBE.with_suffix(".js")

    def __init__(self, opt: Path, target: Target, scratch: Path) -> None:
        node = shutil.which("node")
        version = npm.version("node") or "none"
        if node is None or version.partition(".")[0] != target.version:
            raise ConfigurationError(
                f"The layer is for Node.js {target.version}, and here is {version}. Put that one"
                " on PATH."
            )
        if target.architecture != host():
            raise ConfigurationError(
                f"The layer is for {target.architecture}, and this machine is {host()}. Test it on"
                " such a machine."
            )
        self._node = node
        self._target = target
        self._scratch = scratch.absolute()
        self._mount = Mount(opt, Path(node), scratch)
        self._calls = 0

    @property
    def mount(self) -> str:
        """Where the layers are."""
        return self._mount.place

    @property
    def how(self) -> str:
        """The process, and the mount."""
        return f"Node.js {self._target.version}, a plain process, {self._mount.how}"

    def call(self, function: Function, payloads: Sequence[bytes]) -> list[Answer]:
        """The answers of a fresh process; after a crash or a time-out the rest have none."""
        self._calls += 1
        place = self._scratch / f"call-{self._calls}"
        code = staged(function.files(), place / "task")
        results = place / "results"
        command = [*self._mount.before(code), self._node, str(_RUNNER)]
        log, error = "", "Runtime.ExitError"
        try:
            done = subprocess.run(
                [*command, function.handler, str(results)],
                input=json.dumps([one.decode() for one in payloads]),
                cwd=code,
                env=self._environment(function),
                timeout=function.timeout_s * len(payloads),
                check=False,
                capture_output=True,
                text=True,
            )
            log = done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            error = "Sandbox.Timedout"
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
        answers = [_answer(line, log) for line in lines]
        return answers + [Answer(b"", error, log)] * (len(payloads) - len(answers))

    def _environment(self, function: Function) -> dict[str, str]:
        folders = (f"node{self._target.version}/node_modules", "node_modules")
        return {
            "PATH": os.environ.get("PATH", ""),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            **function.environment,
            "NODE_PATH": os.pathsep.join(f"{self.mount}/nodejs/{one}" for one in folders),
        }


def _answer(line: str, log: str) -> Answer:
    found = json.loads(line)
    payload = json.dumps(found["answer"]).encode()
    return Answer(payload, found.get("error"), log, float(found["duration_ms"]))
