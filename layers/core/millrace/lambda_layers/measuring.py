"""How long a layer's packages take to import, each time in a fresh process, as in /opt."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from millrace.errors import LayerError
from millrace.lambda_layers.compiling import Interpreter

_CODE = """
import sys, time
start = time.process_time_ns()
for name in sys.argv[1:]:
    __import__(name)
print(time.process_time_ns() - start)
"""

_NODE = """
const begun = process.cpuUsage();
for (const name of process.argv.slice(1)) require(name);
const used = process.cpuUsage(begun);
console.log("\\n" + (used.user + used.system));
process.exit(0);
"""


def import_ms(python: Interpreter, layer: Path, modules: Sequence[str], processes: int) -> float:
    """Least CPU milliseconds that importing the modules takes. Raises LayerError if they cannot be.

    -B: /opt is read-only, so a process leaves no bytecode to the next one.
    """
    command = [str(python.path), "-S", "-B", "-c", _CODE, *modules]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(layer / "python"),
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return _least(command, environment, layer, modules, processes) / 1e6


def node_import_ms(layer: Path, modules: Sequence[str], processes: int) -> float:
    """The same for packages of npm, by the Node.js of this machine."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "NODE_PATH": str(layer / "nodejs" / "node_modules"),
        "AWS_REGION": "us-east-1",
    }
    return _least(["node", "-e", _NODE, *modules], environment, layer, modules, processes) / 1e3


def _least(
    command: Sequence[str],
    environment: Mapping[str, str],
    layer: Path,
    modules: Sequence[str],
    processes: int,
) -> int:
    """The least of what the processes print at last."""
    times = []
    for _ in range(processes):
        done = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, cwd=layer
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            errors = [line for line in lines if "Error" in line.split(":")[0]]
            reason = (errors or lines or ["no reason given"])[-1].strip()
            raise LayerError(f"The layer cannot import {', '.join(modules)}: {reason}")
        times.append(int(done.stdout.split()[-1]))
    return min(times)
