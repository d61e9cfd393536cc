"""Symbols and debugging sections out of native libraries: nobody debugs them in a function."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from millrace.lambda_layers.native import libraries, machine

_HOST = {"aarch64": "arm64", "arm64": "arm64", "AMD64": "x86_64"}


@dataclass(frozen=True, slots=True)
class Stripper:
    """A command that strips libraries, and what it calls itself."""

    path: str
    version: str


def host() -> str:
    """This machine's architecture as Lambda calls it."""
    return _HOST.get(platform.machine(), platform.machine())


@cache
def stripper(architecture: str) -> Stripper | None:
    """A strip for this architecture, if there is one: GNU's knows only its own, LLVM's all."""
    names = ["llvm-strip"]
    names += ["strip"] if host() == architecture else []
    names += ["aarch64-linux-gnu-strip" if architecture == "arm64" else "x86_64-linux-gnu-strip"]
    for name in names:
        found = shutil.which(name)
        if found is not None:
            done = subprocess.run([found, "--version"], check=False, capture_output=True, text=True)
            lines = [line.strip() for line in done.stdout.splitlines() if "ersion" in line]
            return Stripper(found, f"{name}: {(lines or done.stdout.splitlines() or ['?'])[0]}")
    return None


def strip_all(tool: Stripper, layer: Path) -> dict[str, int]:
    """Strip every native library of a layer; path → bytes won, for those that became smaller.

    A library that would not become smaller, or not remain one, is left as it was.
    """
    won = {}
    for path in libraries(layer):
        stripped = path.with_name(f"{path.name}.stripped")
        command = [tool.path, "--strip-unneeded", "-o", str(stripped), str(path)]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode == 0 and stripped.is_file() and machine(stripped) == machine(path):
            saved = path.stat().st_size - stripped.stat().st_size
            if saved > 0:
                stripped.chmod(path.stat().st_mode)
                stripped.replace(path)
                won[path.relative_to(layer).as_posix()] = saved
        stripped.unlink(missing_ok=True)
    return won
