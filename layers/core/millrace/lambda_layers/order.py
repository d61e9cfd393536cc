"""What to build a layer from, and a hash of all of it: the same order need not be built twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.lambda_layers import tree
from millrace.lambda_layers.compiling import interpreter
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.stripping import stripper


@dataclass(frozen=True, slots=True)
class Order:
    """What to build.

    Attributes:
        source: a locked requirements file, or the zip of a layer.
        output: the folder to make; only one that an earlier build made is replaced.
        code: folders of the functions' own modules, under which names begin.
        services: AWS services to keep beside those that the code calls.
        source_only: packages that are pure Python and only published as source.
        modules: what to import for the times; by default what the code imports of the layer.
        processes: how many fresh processes each time is the least of; 0 measures nothing.
        beside: a folder whose content (bin, lib, extensions …) goes beside python.
        index: options of uv that say where packages come from.
    """

    source: Path
    target: Target
    output: Path
    code: tuple[Path, ...] = ()
    services: tuple[str, ...] = ()
    source_only: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    processes: int = 5
    beside: Path | None = None
    index: tuple[str, ...] = ()
    strip: bool = True

    def check(self) -> None:
        """Raises ConfigurationError for what is not there, or is something else."""
        for path in (self.source, *self.code, *([self.beside] if self.beside else [])):
            if not path.exists():
                raise ConfigurationError(f"There is no {path}.")
        for path in self.code:
            if not path.is_dir():
                raise ConfigurationError(f"{path} is no folder; --code takes folders of modules.")

    @property
    def inputs(self) -> str:
        """A hash of everything that the layer is made of, and by: tools and this code included.

        Where packages come from does not count: the lock has their hashes.
        """
        python = interpreter(self.target.version)
        tool = stripper(self.target.architecture) if self.strip else None
        said = (self.target, self.services, self.source_only, self.modules, self.processes)
        digest = hashlib.sha256(repr((said, self.strip)).encode())
        digest.update(repr((python and python.version, tool and tool.version)).encode())
        digest.update(hashlib.sha256(self.source.read_bytes()).digest())
        for folder in (*self.code, Path(__file__).parent):
            digest.update(_digest(sources((folder,)).items()))
        if self.beside is not None:
            digest.update(tree.tree_hash(tree.entries(self.beside), "", "").encode())
        return digest.hexdigest()


def _digest(files: Iterable[tuple[str, bytes]]) -> bytes:
    lines = (f"{path}\0{hashlib.sha256(content).hexdigest()}\n" for path, content in files)
    return hashlib.sha256("".join(lines).encode()).digest()


def sources(folders: Iterable[Path]) -> dict[str, bytes]:
    """Python sources by their path in the folder."""
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found
