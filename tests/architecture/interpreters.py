"""The Pythons of this machine that the functions may run on, each with the functions' packages."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT, handlers, reached

SUPPORTED = ((3, 11), (3, 12), (3, 13))
FEATURES = ROOT / "features.toml"
STORY = Path(__file__).with_name("story.py")
# What Lambda functions have of the library; OCI's have other parts, and other packages.
LAMBDA_MODULES = reached(*(one for one in handlers() if one.place.startswith("lambdas/")))


def found() -> dict[str, Path]:
    """Version → interpreter: the running one always, others where they are installed."""
    running = "{}.{}".format(*sys.version_info[:2])
    pythons = {running: Path(sys.executable)}
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in (".".join(map(str, pair)) for pair in SUPPORTED):
        installed = sorted(versions.glob(f"{version}.*/bin/python{version}"))
        on_path = shutil.which(f"python{version}")
        candidates = [*installed, *([Path(on_path)] if on_path else [])]
        for python in candidates:
            if version not in pythons and _works(python, version):
                pythons[version] = python
    return pythons


def _works(python: Path, version: str) -> bool:
    """Whether it is that Python: a shim may stand for one that is not installed."""
    asked = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return str(answer.stdout).strip() == version


def packages(version: str, folder: Path) -> Path:
    """The dependency layer for a Python of this machine."""
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    build = [str(ROOT / "layers/deps/build"), f"python{version}", machine, str(folder)]
    subprocess.run(build, check=True, capture_output=True)
    return folder / "python"


def told(python: Path, *paths: Path) -> str:
    """What the story is under a Python that has these paths and its own library, nothing else."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    # -S leaves out site-packages; our own code must not warn of anything.
    story = [str(STORY), str(FEATURES), *LAMBDA_MODULES]
    command = [str(python), "-S", "-W", "error:::millrace", *story]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return str(run.stdout)
