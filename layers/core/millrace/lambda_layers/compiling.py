"""Bytecode that stays valid whatever a packager does to dates, by the target's own Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from millrace.errors import LayerError
from millrace.lambda_layers.installing import uv

MOUNT = "/opt"
_TOLD = 500


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this machine, and what it calls itself."""

    path: Path
    version: str


def interpreter(version: str) -> Interpreter | None:
    """A Python of this minor version, as in 3.13, if this machine has one."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [Path(sys.executable), *sorted(versions.glob(f"{version}.*/bin/python{version}"))]
    on_path = shutil.which(f"python{version}")
    candidates += [Path(on_path)] if on_path else []
    for path in candidates:
        whole = _whole_version(path)  # a shim may stand for one that is not installed
        if whole.rpartition(".")[0] == version:
            return Interpreter(path, whole)
    managed = _of_uv(version)
    return None if managed is None else Interpreter(managed, _whole_version(managed))


@cache
def _of_uv(version: str) -> Path | None:
    """One that uv keeps, which need not be on the path."""
    try:
        command = [*uv(), "python", "find", "--system", "--no-python-downloads", version]
    except LayerError:
        return None
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = Path(done.stdout.strip())
    fits = done.returncode == 0 and _whole_version(found).rpartition(".")[0] == version
    return found if fits else None


@cache
def _whole_version(path: Path) -> str:
    asked = [str(path), "-ISc", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]
    done = subprocess.run(asked, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def compile_all(python: Interpreter, layer: Path) -> tuple[str, ...]:
    """Compile a layer's python folder, for where it will be mounted.

    The bytecode holds a hash that nobody checks, instead of a date that a zip cannot keep. Returns
    the modules that cannot be compiled: templates, and code for other Pythons. Raises LayerError
    where none could.
    """
    command = [str(python.path), "-S", "-m", "compileall", "-q", "-f"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(layer), "-p", MOUNT]
    # Sets among a module's constants stand in the order of their hashes.
    environment = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(
        [*command, str(layer / "python")],
        env=environment,
        cwd=layer,
        check=False,
        capture_output=True,
        text=True,
    )
    modules = sorted(one for one in (layer / "python").rglob("*.py") if one.is_file())
    failed = [path for path in modules if not _compiled(path, python).is_file()]
    if modules and len(failed) == len(modules):
        told = (done.stdout or done.stderr).strip()[-_TOLD:]
        raise LayerError(f"Python {python.version} cannot compile the layer: {told}")
    return tuple(path.relative_to(layer).as_posix() for path in failed)


def _compiled(path: Path, python: Interpreter) -> Path:
    tag = "cpython-" + "".join(python.version.split(".")[:2])
    return path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"
