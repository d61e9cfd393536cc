"""What a layer holds, from an order: installed, pruned, stripped, compiled and checked.

The steps are the same for every language; what they are in Python and in Node.js is in
`python_layer` and `node_layer`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from millrace.errors import LayerError
from millrace.lambda_layers import archive, native, packages, pruning, report, tree
from millrace.lambda_layers.node_layer import NodeLayer
from millrace.lambda_layers.order import LEFT_ALONE, Order
from millrace.lambda_layers.python_layer import PythonLayer
from millrace.lambda_layers.report import ImportTime, LeftOut, Report
from millrace.lambda_layers.stripping import Stripper, host, strip_all, stripper

# What Lambda puts on one path or another; a layer with none of them is of no use to a function.
FOLDERS = ("python", "nodejs", "bin", "lib", "extensions")
_NAMED = 3
_STRIPPED = "symbols", "symbols of native libraries, that nobody debugs in a function"


class Language(Protocol):
    """What differs from language to language; `warnings` grows as the steps are done."""

    warnings: list[str]

    @property
    def services(self) -> Mapping[str, tuple[str, ...]]:
        """AWS service → why it is kept."""
        ...

    def install(self) -> None:
        """Install the packages of the order's source, which is no zip."""
        ...

    def owners(self) -> Mapping[str, str]:
        """Path in the layer → package and version."""
        ...

    def modules(self) -> tuple[str, ...]:
        """What to import, unless the order says it."""
        ...

    def unmeasured(self) -> str | None:
        """Why nothing can be imported here, if so."""
        ...

    def import_ms(self, modules: tuple[str, ...]) -> float:
        """Least CPU milliseconds of fresh processes. Raises LayerError if they cannot be."""
        ...

    def prune(self, files: Mapping[str, int]) -> Collection[pruning.Removed]:
        """What to leave out of these files, path → bytes."""
        ...

    def finish(self) -> None:
        """What is done at last, with what stays."""
        ...

    def tools(self) -> Mapping[str, str]:
        """What made the layer what it is, by version."""
        ...

    def close(self) -> None:
        """Let go of what it needed meanwhile."""
        ...


def make(order: Order, layer: Path) -> Report:
    """Make a layer in an empty folder. Raises ConfigurationError or LayerError."""
    language: Language = (NodeLayer if order.target.node else PythonLayer)(order, layer)
    try:
        return _Making(order, layer, language).run()
    finally:
        language.close()


class _Making:
    """One build, in a folder that is thrown away when it fails."""

    def __init__(self, order: Order, layer: Path, language: Language) -> None:
        self.order = order
        self.layer = layer
        self.language = language
        self.stripper: Stripper | None = None
        self.inputs = order.inputs  # before anything is done: a file that changes later counts next
        self.left_out: list[LeftOut] = []

    def run(self) -> Report:
        """Install, prune, strip, compile, check; the zip is made of what then is there."""
        order, language = self.order, self.language
        self._install()
        owned = language.owners()
        sizes = [(one.path, one.size) for one in tree.entries(self.layer)]
        before = packages.sizes(sizes, owned)
        modules = order.modules or language.modules()
        as_installed = self._import_ms(modules)
        self._prune(dict(sizes))
        version = None if order.target.node else order.target.version
        native.check(self.layer, order.target.architecture, version)
        self._strip()
        language.finish()
        files = tree.entries(self.layer)
        if not files:
            raise LayerError("The layer would be empty: what it is made of holds no file to keep.")
        found = report.packages(before, packages.sizes(((f.path, f.size) for f in files), owned))
        report.check_limit(tree.size(files), found)
        imports = self._times(modules, as_installed)
        strip = {} if self.stripper is None else {"strip": self.stripper.version}
        return Report(
            runtime=order.target.runtime,
            architecture=order.target.architecture,
            inputs=self.inputs,
            tree=tree.tree_hash(files, order.target.runtime, order.target.architecture),
            before=sum(size for _, size in sizes),
            after=tree.size(files),
            zipped=0,
            zip_sha256="",
            packages=found,
            left_out=tuple(self.left_out),
            services=language.services,
            imports=imports,
            tools={**language.tools(), **strip},
            warnings=tuple(language.warnings),
        )

    def _install(self) -> None:
        source = self.order.source
        if source is not None and source.suffix == ".zip":
            archive.unpack(source, self.layer)
        elif source is not None:
            self.language.install()
        for folder in self.order.packages:
            self._add(folder, self.layer / "python" / folder.absolute().name)
        if self.order.beside is not None:
            self._add(self.order.beside, self.layer)
        for path in sorted(self.layer.glob("extensions/*")):
            if path.is_file() and not path.stat().st_mode & 0o111:
                name = path.relative_to(self.layer).as_posix()
                self.language.warnings.append(
                    f"{name} cannot be executed, so Lambda would not start it: chmod +x {name}"
                )
        if not any((self.layer / name).is_dir() for name in FOLDERS):
            name = source.name if source is not None else "The layer"
            raise LayerError(
                f"{name} has nothing under python/, nodejs/, bin/, lib/ or extensions/, where"
                " functions look."
            )

    def _add(self, folder: Path, target: Path) -> None:
        """Copy a folder of ours, and say which files it takes the place of."""
        there = sorted(
            (target / path.relative_to(folder)).relative_to(self.layer).as_posix()
            for path in folder.rglob("*")
            if not LEFT_ALONE.intersection(path.relative_to(folder).parts)
            and path.is_file()
            and (target / path.relative_to(folder)).is_file()
        )
        if there:
            more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
            self.language.warnings.append(
                f"{folder} takes the place of what was there: {', '.join(there[:_NAMED])}{more}."
            )
        _copy(folder, target)

    def _import_ms(self, modules: tuple[str, ...]) -> float | None:
        """None where nothing can be measured here."""
        if not self.order.processes or self._unmeasured(modules):
            return None
        return self.language.import_ms(modules)

    def _unmeasured(self, modules: tuple[str, ...]) -> str | None:
        if not modules:
            return "no modules are known (--import or --code names them)"
        if host() != self.order.target.architecture:
            return f"this machine is {host()}"
        return self.language.unmeasured()

    def _times(self, modules: tuple[str, ...], before: float | None) -> ImportTime | None:
        after = self._import_ms(modules)
        if before is not None and after is not None:
            return ImportTime(modules, before, after, self.order.processes)
        if self.order.processes:
            why = self._unmeasured(modules)
            self.language.warnings.append(
                f"Import times are not measured, nor imports tried: {why}."
            )
        return None

    def _prune(self, files: Mapping[str, int]) -> None:
        for taken in self.language.prune(files):
            gone = sum(files[path] for path in taken.paths)
            rule = taken.rule
            self.left_out.append(LeftOut(rule.name, rule.reason, len(taken.paths), gone))
            for path in taken.paths:
                (self.layer / path).unlink()
        _remove_empty(self.layer)

    def _strip(self) -> None:
        if not self.order.strip or not any(native.libraries(self.layer)):
            return
        self.stripper = stripper(self.order.target.architecture)
        if self.stripper is None:
            self.language.warnings.append(
                f"Native libraries are not stripped: no strip for {self.order.target.architecture}"
                " here. Install llvm, or binutils for it."
            )
            return
        won = strip_all(self.stripper, self.layer)
        if won:
            self.left_out.append(LeftOut(*_STRIPPED, len(won), sum(won.values())))


def _copy(folder: Path, target: Path) -> None:
    """Copy a folder of ours. A link to another of its files, as libraries have them, becomes that
    file; any other stays one, and is refused with the rest of what a layer cannot hold.
    """
    ignored = shutil.ignore_patterns(*LEFT_ALONE)
    shutil.copytree(folder, target, ignore=ignored, dirs_exist_ok=True, symlinks=True)
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        copy = target / path.relative_to(folder)
        if path.is_symlink() and path.is_file() and path.resolve().is_relative_to(root):
            copy.unlink()
            shutil.copy2(path, copy)


def _remove_empty(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        if not any(Path(path).iterdir()):
            Path(path).rmdir()
