"""A layer of npm packages: npm ci, pruned to production, as functions find them in NODE_PATH."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from millrace.lambda_layers import npm, pruning
from millrace.lambda_layers.measuring import node_import_ms
from millrace.lambda_layers.order import Order

_FOLDER = "nodejs"
_NO_NAMES: Mapping[str, tuple[str, ...]] = {}


class NodeLayer:
    """The steps of a build, as far as they are Node's."""

    services = _NO_NAMES  # there is no botocore in it

    def __init__(self, order: Order, layer: Path) -> None:
        self.warnings: list[str] = []
        self._order = order
        self._layer = layer
        self._installed: Path | None = None
        self._staged = tempfile.TemporaryDirectory(prefix="millrace-npm-")

    def install(self) -> None:
        """By npm ci: developers' packages too, so that the report can tell what they would cost."""
        source = self._order.source
        assert source is not None
        work = npm.stage(source, Path(self._staged.name))
        scripted = npm.scripted(npm.read(source))
        if scripted:
            self.warnings.append(
                f"Install scripts are not run, for they would build for this machine:"
                f" {', '.join(scripted)}. Try the layer: millrace layers test."
            )
        npm.clean_install(work, self._order.target)
        self._installed = work
        target = self._layer / _FOLDER
        # Links to packages beside the project become what they lead to: a layer holds files only.
        ignored = shutil.ignore_patterns(".bin")
        if (work / npm.MODULES).is_dir():
            shutil.copytree(work / npm.MODULES, target / npm.MODULES, ignore=ignored)
        for name in (npm.PROJECT, npm.LOCK):  # what scanners and bills of materials read
            target.mkdir(exist_ok=True)
            shutil.copy(work / name, target)

    def owners(self) -> Mapping[str, str]:
        """By the package.json of the folder below the nearest node_modules."""
        versions: dict[str, str] = {}
        found = {}
        for path in sorted((self._layer / _FOLDER).rglob("*")):
            name = path.relative_to(self._layer).as_posix()
            package = _package(name)
            if path.is_file() and package is not None:
                if package not in versions:
                    versions[package] = self._version(package)
                found[name] = f"{package.rpartition(f'{npm.MODULES}/')[2]} {versions[package]}"
        return found

    def _version(self, package: str) -> str:
        file = self._layer / package / npm.PROJECT
        return str(npm.read(file).get("version", "?")) if file.is_file() else "?"

    def modules(self) -> tuple[str, ...]:
        """What the project depends on."""
        file = self._layer / _FOLDER / npm.PROJECT
        found = npm.read(file).get("dependencies", {}) if file.is_file() else {}
        return tuple(sorted(found))

    def unmeasured(self) -> str | None:
        """Whether there is a Node.js for it."""
        wanted, found = self._order.target.version, npm.version("node")
        if found is None or found.partition(".")[0] != wanted:
            return f"there is no Node.js {wanted} here, but {found or 'none at all'}"
        return None

    def import_ms(self, modules: tuple[str, ...]) -> float:
        """In fresh processes of it."""
        return node_import_ms(self._layer, modules, self._order.processes)

    def prune(self, files: Mapping[str, int]) -> Collection[pruning.Removed]:
        """What only developers need, and then by rules."""
        developers = self._of_developers(files)
        rest = [path for path in files if path not in set(developers)]
        taken = pruning.plan(rest, None, rules=pruning.NODE_RULES)
        if developers:
            taken = (pruning.Removed(pruning.DEVELOPMENT, developers), *taken)
        return taken

    def _of_developers(self, files: Mapping[str, int]) -> tuple[str, ...]:
        if self._installed is None:  # it came as a zip
            return ()
        npm.to_production(self._installed, self._order.target)
        prefix = f"{_FOLDER}/{npm.MODULES}/"
        return tuple(
            path
            for path in sorted(files)
            if path.startswith(prefix) and not (self._installed / path[len(_FOLDER) + 1 :]).exists()
        )

    def finish(self) -> None:
        """Nothing is compiled."""

    def tools(self) -> Mapping[str, str]:
        """npm decides what is hoisted, and where to."""
        found = npm.version("npm")
        return {} if found is None else {"npm": found}

    def close(self) -> None:
        """Remove what npm worked in."""
        self._staged.cleanup()


def _package(path: str) -> str | None:
    """The folder of the package that a file belongs to.

    >>> _package("nodejs/node_modules/@a/b/node_modules/c/index.js")
    'nodejs/node_modules/@a/b/node_modules/c'
    >>> _package("nodejs/package.json") is None
    True
    """
    parts = PurePosixPath(path).parts
    if npm.MODULES not in parts[:-1]:
        return None
    at = len(parts) - 1 - parts[::-1].index(npm.MODULES)
    length = 2 if at + 1 < len(parts) and parts[at + 1].startswith("@") else 1
    folder = parts[: at + 1 + length]
    return "/".join(folder) if len(folder) < len(parts) else None
