"""How long a layer's packages take to import, each time in a fresh process, as in /opt."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
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
    times = []
    for _ in range(processes):
        done = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, cwd=layer
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            names = ", ".join(modules)
            raise LayerError(f"The layer cannot import {names}: {reason}")
        times.append(int(done.stdout.split()[-1]))
    return min(times) / 1e6
