"""A scan of one layer, from its zip or its folder: everything that should stop a release."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import advisories, archive, contents, members, native, secrets
from millrace.lambda_layers.advisories import Service
from millrace.lambda_layers.build import LAYER, REPORT
from millrace.lambda_layers.findings import Finding, Scan, Severity, sorted_findings
from millrace.lambda_layers.making import FOLDERS
from millrace.lambda_layers.report import read

_UNPACKED = "unpacked"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scan is to look at; no `service` leaves advisories out."""

    architecture: str | None = None
    service: Service | None = field(default_factory=Service)
    allowed_licences: Collection[str] = ()


def scan(path: Path, asked: Asked, scratch: Path) -> Scan:
    """Scan a layer: a build's folder, a layer's folder, or its zip. `scratch` is an empty folder.

    A zip whose directory shows that it is not safe is not unpacked: then only that is told. Raises
    ConfigurationError where there is no layer.
    """
    found: list[Finding] = []
    if path.is_file():
        found = members.of_zip(path)
        if any(one.severity is Severity.CRITICAL or one.rule == "symlink" for one in found):
            return Scan(path.name, asked.architecture, 0, (), sorted_findings(found), False, None)
        try:
            archive.unpack(path, scratch / _UNPACKED)
        except LayerError as error:
            found.append(members.broken(path.name, str(error)))
            return Scan(path.name, asked.architecture, 0, (), sorted_findings(found), False, None)
    folder, architecture = _folder(path, scratch, asked.architecture)
    packages = contents.packages(folder)
    found += members.of_folder(folder, architecture)
    found += [*_mixed(folder, architecture), *_of_no_use(folder)]
    found += contents.licence_findings(packages, asked.allowed_licences)
    found += secrets.of_folder(folder)
    count = None
    if asked.service is not None:
        count, known = advisories.ask(folder, packages, asked.service)
        found += known
    files = sum(len(names) for _, _, names in os.walk(folder))
    return Scan(path.name, architecture, files, packages, sorted_findings(found), True, count)


def _folder(path: Path, scratch: Path, architecture: str | None) -> tuple[Path, str | None]:
    if path.is_file():
        return scratch / _UNPACKED, architecture
    if (path / REPORT).is_file() and (path / LAYER).is_dir():
        built = read((path / REPORT).read_text(encoding="utf-8"))
        return path / LAYER, architecture or (built.architecture if built else None)
    if not path.is_dir():
        raise ConfigurationError(
            f"There is no {path}: name a layer's folder, its build or its zip."
        )
    if not any(path.iterdir()):
        raise ConfigurationError(f"{path} is empty; a scan of nothing would find nothing.")
    return path, architecture


def _of_no_use(folder: Path) -> list[Finding]:
    """A scan that looks in the wrong place finds nothing wrong."""
    if any((folder / name).is_dir() for name in FOLDERS):
        return []
    return [
        Finding(
            Severity.HIGH,
            "no-layer",
            "the layer",
            f"holds none of {', '.join(f'{name}/' for name in FOLDERS)}, where functions look",
            "Name the folder above, or the zip that is published.",
        )
    ]


def _mixed(folder: Path, architecture: str | None) -> list[Finding]:
    """Libraries of several machines, where nobody said which one the layer is for."""
    if architecture is not None:
        return []
    machines = {native.machine(path) for path in native.libraries(folder)}
    if len(machines) < 2:
        return []
    return [
        Finding(
            Severity.HIGH,
            "wrong-architecture",
            "the layer",
            f"holds native libraries for {len(machines)} different machines",
            "Say --architecture, and which of them are wrong is told.",
        )
    ]
