"""npm and Node.js on this machine: a locked project into a folder, for any machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers.installing import Target

LOCK, PROJECT, MODULES = "package-lock.json", "package.json", "node_modules"
_CPUS = {"arm64": "arm64", "x86_64": "x64"}
_TOLD_LINES = 6
# Scripts would build for this machine, and run somebody's code on it.
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


@cache
def version(command: str) -> str | None:
    """What `node` or `npm` calls itself, if it is here."""
    found = shutil.which(command)
    if found is None:
        return None
    done = subprocess.run([found, "--version"], check=False, capture_output=True, text=True)
    return done.stdout.strip().removeprefix("v") if done.returncode == 0 else None


def project(source: Path) -> Path:
    """The folder of a package-lock.json. Raises ConfigurationError for anything else."""
    if source.name != LOCK or not (source.parent / PROJECT).is_file():
        raise ConfigurationError(
            f"{source} is no {LOCK} beside its {PROJECT}. Make one: npm install --package-lock-only"
        )
    return source.parent


def read(path: Path) -> dict[str, Any]:
    """A file of JSON. Raises ConfigurationError."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} holds no JSON object.")
    return found


def local_sources(lock: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths from the project to packages that stand beside it: file: in package.json.

    >>> local_sources({"packages": {"node_modules/a": {"resolved": "../a", "link": True}}})
    ('../a',)
    """
    found = set()
    for entry in lock.get("packages", {}).values():
        resolved = str(entry.get("resolved", ""))
        if entry.get("link"):
            found.add(resolved)
        elif resolved.startswith("file:"):
            found.add(resolved.removeprefix("file:"))
    return tuple(sorted(found))


def check(source: Path) -> None:
    """Raises ConfigurationError for a lock without its project, or one that names what is gone."""
    origin = project(source)
    for name in local_sources(read(source)):
        if PurePosixPath(name).is_absolute():
            raise ConfigurationError(
                f"{source} names {name}, which is on this machine alone. Name it from the project."
            )
        if not (origin / name).exists():
            raise ConfigurationError(f"{source} names {origin / name}, which is not there.")


def stage(source: Path, folder: Path) -> Path:
    """A copy of a project, as far as npm needs it, with what it takes from beside it."""
    origin = project(source)
    locals_ = local_sources(read(source))
    up = max((PurePosixPath(one).parts.count("..") for one in locals_), default=0)
    work = folder.joinpath(*(f"up{n}" for n in range(up)), "project")
    work.mkdir(parents=True)
    for name in (PROJECT, LOCK, ".npmrc"):
        if (origin / name).is_file():
            shutil.copy(origin / name, work)
    for one in locals_:
        _copy(origin / one, Path(os.path.normpath(work / one)))
    return work


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns(MODULES, ".git")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def clean_install(work: Path, target: Target) -> None:
    """npm ci, for the target's machine. Raises LayerError, with npm's reason."""
    machine = (f"--cpu={_CPUS[target.architecture]}", "--os=linux", "--libc=glibc")
    _npm(work, target, "ci", *machine)


def to_production(work: Path, target: Target) -> None:
    """npm prune: what only developers need goes."""
    machine = (f"--cpu={_CPUS[target.architecture]}", "--os=linux", "--libc=glibc")
    _npm(work, target, "prune", "--omit=dev", *machine)


def _npm(work: Path, target: Target, *arguments: str) -> None:
    found = shutil.which("npm")
    if found is None:
        raise LayerError("npm is not on PATH. Install Node.js, or build where it is.")
    done = subprocess.run(
        [found, *arguments, *_QUIET], cwd=work, check=False, capture_output=True, text=True
    )
    if done.returncode:
        told = " ".join(_reasons(done.stderr.splitlines())[:_TOLD_LINES])
        where = f"{target.runtime} on {target.architecture}"
        raise LayerError(f"{LOCK} cannot be installed for {where}: {told or 'npm gave no reason'}")


def _reasons(lines: Iterable[str]) -> list[str]:
    told = (re.sub(r"^npm (error|ERR!) ?", "", line).strip() for line in lines)
    return [line for line in told if line and "debug-0.log" not in line]


def scripted(lock: Mapping[str, Any]) -> tuple[str, ...]:
    """Packages for production that bring scripts of their own to run when they are installed."""
    found = (
        path.rpartition(f"{MODULES}/")[2]
        for path, entry in lock.get("packages", {}).items()
        if entry.get("hasInstallScript") and not entry.get("dev")
    )
    return tuple(sorted(set(found)))
