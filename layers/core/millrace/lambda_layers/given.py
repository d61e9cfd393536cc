"""Layers as they are named on a command line: a build's folder, a layer's folder, or its zip."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import archive, native, npm, report, tree
from millrace.lambda_layers.build import LAYER, REPORT, ZIP
from millrace.lambda_layers.making import FOLDERS
from millrace.lambda_layers.overlap import Weight
from millrace.lambda_layers.report import Report
from millrace.lambda_layers.tree import Entry

_TAG = re.compile(r"\.cpython-3(\d+)[-.]")
_ARCHITECTURES = {number: name for name, number in native.MACHINES.items()}


@dataclass(frozen=True, slots=True)
class Given:
    """A layer that is there.

    Attributes:
        folder: its content, as in /opt.
        path: what was named.
        zip: its zip, which may stand in the scratch folder.
        report: of the build, where there is one beside it.
        runtime, architecture: what it is for, as far as its files show it; else None.
    """

    path: Path
    folder: Path
    entries: tuple[Entry, ...]
    zip: Path
    report: Report | None
    runtime: str | None
    architecture: str | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.path.absolute().name

    @property
    def weight(self) -> Weight:
        """As Lambda weighs it."""
        return Weight(self.name, tree.size(self.entries), self.zip.stat().st_size)

    @property
    def language(self) -> str:
        """python, or nodejs where there is nothing else."""
        there = [name for name in ("python", "nodejs") if (self.folder / name).is_dir()]
        return next(iter(there), "python")

    @property
    def native(self) -> bool:
        """Whether it holds anything that is for one architecture alone."""
        return any(native.libraries(self.folder))

    @property
    def modules(self) -> tuple[str, ...]:
        """What its build has imported, or its package.json depends on, if it is known."""
        times = None if self.report is None else self.report.imports
        project = self.folder / "nodejs" / npm.PROJECT
        if times is not None or not project.is_file():
            return () if times is None else times.modules
        return tuple(sorted(npm.read(project).get("dependencies", {})))


def read(path: Path, scratch: Path) -> Given:
    """A layer, for which `scratch` is an empty folder to work in.

    Raises ConfigurationError where there is none, LayerError for a zip not to be trusted.
    """
    if path.is_file():
        archive.unpack(path, scratch / LAYER)
        _require_folders(path, scratch / LAYER)
        return _given(path, scratch / LAYER, path, None)
    if (path / REPORT).is_file() and (path / LAYER).is_dir():
        built = report.read((path / REPORT).read_text(encoding="utf-8"))
        return _given(path, path / LAYER, path / ZIP, built)
    if not path.is_dir():
        raise ConfigurationError(f"There is no {path}.")
    _require_folders(path, path)
    archive.write(path, tree.entries(path), scratch / ZIP)
    return _given(path, path, scratch / ZIP, None)


def _require_folders(path: Path, folder: Path) -> None:
    if not any((folder / name).is_dir() for name in FOLDERS):
        raise ConfigurationError(
            f"{path} is no layer: it holds none of {', '.join(f'{name}/' for name in FOLDERS)}."
        )


def _given(path: Path, folder: Path, zipped: Path, built: Report | None) -> Given:
    entries = tree.entries(folder)
    runtime = _runtime(entries) if built is None else built.runtime
    architecture = _architecture(folder) if built is None else built.architecture
    return Given(path, folder, entries, zipped, built, runtime, architecture)


def _runtime(entries: Sequence[Entry]) -> str | None:
    """By the Python that its libraries and its bytecode are for, where that is one."""
    for native_only in (True, False):
        found = {
            match[1]
            for match in (_TAG.search(one.path) for one in entries if _counts(one, native_only))
            if match
        }
        if len(found) == 1:
            return f"python3.{found.pop()}"
    return None


def _counts(one: Entry, native_only: bool) -> bool:
    return one.path.endswith(".so") or not native_only


def _architecture(folder: Path) -> str | None:
    machines = {native.machine(path) for path in native.libraries(folder)}
    return _ARCHITECTURES.get(machines.pop() or 0) if len(machines) == 1 else None


def merge(layers: Sequence[Given], into: Path) -> Path:
    """All layers in one folder, as Lambda unpacks them: in their order, the later file wins.

    Raises LayerError where a file stands in the place of a folder.
    """
    into.mkdir(parents=True, exist_ok=True)
    for one in layers:
        try:
            shutil.copytree(one.folder, into, dirs_exist_ok=True)
        except OSError as error:  # a file where another layer has a folder; shutil's are OSErrors
            raise LayerError(
                f"{one.name} cannot be unpacked over the layers before it: {error}"
            ) from error
    return into
