"""What to build a layer from, and a hash of all of it: the same order need not be built twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.lambda_layers import npm, services
from millrace.lambda_layers.compiling import interpreter
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.modules import Modules
from millrace.lambda_layers.stripping import stripper

# What is found in a folder of modules, and is never copied.
LEFT_ALONE = {"__pycache__", npm.MODULES, ".git"}


@dataclass(frozen=True, slots=True)
class Order:
    """What to build.

    Attributes:
        source: a locked requirements file, or the zip of a layer; None for `packages` alone.
        output: the folder to make; only one that an earlier build made is replaced.
        packages: folders of modules of our own, which go into the layer as they are.
        code: folders of the functions' own modules, under which names begin.
        library: folders of modules of ours that count where the functions import them.
        services: AWS services to keep beside those that the code calls.
        source_only: packages that are pure Python and only published as source.
        modules: what to import for the times; by default what the code imports of the layer.
        processes: how many fresh processes each time is the least of; 0 measures nothing.
        beside: a folder whose content (bin, lib, extensions …) goes beside python.
        index: options of uv that say where packages come from.
    """

    source: Path | None
    target: Target
    output: Path
    packages: tuple[Path, ...] = ()
    code: tuple[Path, ...] = ()
    library: tuple[Path, ...] = ()
    services: tuple[str, ...] = ()
    source_only: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    processes: int = 5
    beside: Path | None = None
    index: tuple[str, ...] = ()
    strip: bool = True

    def check(self) -> None:
        """Raises ConfigurationError for what is not there, or is something else."""
        given = (self.source, self.beside, *self.packages, *self.code, *self.library)
        for path in given:
            if path is not None and not path.exists():
                raise ConfigurationError(f"There is no {path}.")
        for path in (*self.packages, *self.code, *self.library):
            if not path.is_dir():
                raise ConfigurationError(f"{path} is no folder; modules are expected in one.")
        of_npm = self.source is not None and self.source.suffix == ".json"
        if self.source is not None and self.source.suffix != ".zip" and of_npm != self.target.node:
            wanted = npm.LOCK if self.target.node else "a requirements file with hashes"
            raise ConfigurationError(
                f"A layer for {self.target.runtime} is made of {wanted}, not of {self.source}."
            )
        if self.source is not None and of_npm:
            npm.check(self.source)
        if self.source is None and not self.packages and self.beside is None:
            raise ConfigurationError("Nothing is named that a layer could be made of.")

    @property
    def inputs(self) -> str:
        """A hash of everything that the layer is made of, and by: tools and this code included.

        Where packages come from does not count: the lock has their hashes. Of the functions' code
        only what a layer takes from it does: what it imports, and which clients it makes where.
        """
        tool = stripper(self.target.architecture) if self.strip else None
        said = (self.target, self.services, self.source_only, self.modules, self.processes)
        digest = hashlib.sha256(repr((said, self.strip)).encode())
        digest.update(repr((self._compiler, tool and tool.version)).encode())
        if self.source is not None:
            digest.update(hashlib.sha256(self.source.read_bytes()).digest())
            digest.update(_digest(self._beside_lock()))
        seen = services.shape(sources(self.code), sources(self.library))
        digest.update("\n".join(seen).encode())
        digest.update(_builder())
        for folder in self.packages:
            digest.update(_digest(_files(folder)))
        if self.beside is not None:
            digest.update(_digest(_files(self.beside)))
        return digest.hexdigest()

    @property
    def _compiler(self) -> str | None:
        if self.target.node:
            return f"node {npm.version('node')}, npm {npm.version('npm')}"
        python = interpreter(self.target.version)
        return None if python is None else python.version

    def _beside_lock(self) -> Iterator[tuple[str, bytes]]:
        """What npm reads beside its lock: the project, and packages that stand in a folder."""
        if self.source is None or not self.target.node or self.source.suffix == ".zip":
            return
        project = npm.project(self.source)
        yield npm.PROJECT, (project / npm.PROJECT).read_bytes()
        for name in npm.local_sources(npm.read(self.source)):
            path = project / name
            yield from _files(path) if path.is_dir() else [(name, path.read_bytes())]


@cache
def _builder() -> bytes:
    """A hash of the code that builds: what this room does with layers otherwise does not count."""
    package = "/".join(__name__.split(".")[:-1])
    here = sources((Path(__file__).parent,))
    placed = {f"{package}/{path}": content for path, content in here.items()}
    entry = f"{package}/build.py"
    reached = Modules({entry: placed[entry]}, placed).reached(())
    return _digest((one.place, placed[one.place]) for one in reached if one.place in placed)


def _digest(files: Iterable[tuple[str, bytes]]) -> bytes:
    lines = (f"{path}\0{hashlib.sha256(content).hexdigest()}\n" for path, content in files)
    return hashlib.sha256("".join(lines).encode()).digest()


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not LEFT_ALONE.intersection(path.relative_to(folder).parts):
            runs = "*" if path.stat().st_mode & 0o111 else ""
            yield f"{folder.name}/{path.relative_to(folder).as_posix()}{runs}", path.read_bytes()


def sources(folders: Iterable[Path]) -> dict[str, bytes]:
    """Python sources by their path in the folder.

    Where two folders have the same (every function has its app.py), the later begins with its
    folder's name.
    """
    found: dict[str, bytes] = {}
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*.py") if one.is_file()):
            name = path.relative_to(folder).as_posix()
            if name in found:
                name = f"{folder.absolute().name}/{name}"
            found[name] = path.read_bytes()
    return found
