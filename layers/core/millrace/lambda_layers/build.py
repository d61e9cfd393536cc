"""A layer from its locked requirements, or another layer's zip: a folder, a zip and a report.

Everything is made in a folder beside the place it goes to, and comes there by one rename: whoever
looks sees the old build or the new one, whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import archive, native, packages, pruning, report, services, tree
from millrace.lambda_layers.compiling import Interpreter, compile_all, interpreter
from millrace.lambda_layers.installing import install
from millrace.lambda_layers.measuring import import_ms
from millrace.lambda_layers.modules import Modules
from millrace.lambda_layers.order import Order, sources
from millrace.lambda_layers.report import ImportTime, LeftOut, Report
from millrace.lambda_layers.stripping import Stripper, host, strip_all, stripper

LAYER, ZIP, REPORT = "layer", "layer.zip", "report.json"
_NAMED = 5
_STRIPPED = "symbols", "symbols of native libraries, that nobody debugs in a function"


def present(order: Order) -> Report | None:
    """The report of the layer that is there, if it is just what this order would make.

    Raises ConfigurationError.
    """
    order.check()
    try:
        text = (order.output / REPORT).read_text(encoding="utf-8")
        zipped = (order.output / ZIP).read_bytes()
    except OSError:
        return None
    found = report.read(text)
    if found is None or found.inputs != order.inputs:
        return None
    files = tree.entries(order.output / LAYER)
    same = tree.tree_hash(files, found.runtime, found.architecture) == found.tree
    return found if same and hashlib.sha256(zipped).hexdigest() == found.zip_sha256 else None


def build(order: Order) -> Report:
    """Build a layer. Raises ConfigurationError or LayerError, and then nothing has changed."""
    _check(order)
    order.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=order.output.parent.absolute(), prefix=f".{order.output.name}."
    ) as name:
        made = Path(name) / "made"
        (made / LAYER).mkdir(parents=True)
        built = _Build(order, made / LAYER).run()
        files = tree.entries(made / LAYER)
        archive.write(made / LAYER, files, made / ZIP)
        built = _with_zip(built, (made / ZIP).read_bytes())
        text = json.dumps(built.document, indent=2, ensure_ascii=False)
        (made / REPORT).write_text(f"{text}\n", encoding="utf-8")
        if order.output.exists():
            order.output.rename(Path(name) / "replaced")
        made.rename(order.output)
    return built


def _with_zip(built: Report, content: bytes) -> Report:
    hint = report.upload_warning(len(content))
    warnings = (*built.warnings, *([hint] if hint else []))
    digest = hashlib.sha256(content).hexdigest()
    return replace(built, zipped=len(content), zip_sha256=digest, warnings=warnings)


def _check(order: Order) -> None:
    order.check()
    output = order.output
    if output.exists() and not (output / REPORT).is_file() and _occupied(output):
        raise ConfigurationError(
            f"{output} is there, and no layer that was built before; name another folder, or"
            " remove it."
        )


def _occupied(output: Path) -> bool:
    return not output.is_dir() or any(output.iterdir())


class _Build:
    """One build, in a folder that is thrown away when it fails."""

    def __init__(self, order: Order, layer: Path) -> None:
        self.order = order
        self.layer = layer
        self.python: Interpreter | None = interpreter(order.target.version)
        self.stripper: Stripper | None = None
        self.inputs = order.inputs  # before anything is done: a file that changes later counts next
        self.code = sources(order.code)
        self.warnings: list[str] = []
        self.left_out: list[LeftOut] = []
        self.services: Mapping[str, tuple[str, ...]] = {}

    def run(self) -> Report:
        """Install, prune, strip, compile, check; the zip is made of what then is there."""
        self._install()
        owned = packages.owners(self._records())
        sizes = self._sizes()
        before = packages.sizes(sizes, owned)
        modules = self._modules()
        as_installed = self._import_ms(modules)
        self._prune()
        native.check(self.layer, self.order.target.architecture, self.order.target.version)
        self._strip()
        self._compile()
        files = tree.entries(self.layer)
        found = report.packages(before, packages.sizes(((f.path, f.size) for f in files), owned))
        report.check_limit(tree.size(files), found)
        return Report(
            runtime=self.order.target.runtime,
            architecture=self.order.target.architecture,
            inputs=self.inputs,
            tree=tree.tree_hash(files, self.order.target.runtime, self.order.target.architecture),
            before=sum(size for _, size in sizes),
            after=tree.size(files),
            zipped=0,
            zip_sha256="",
            packages=found,
            left_out=tuple(self.left_out),
            services=self.services,
            imports=self._times(modules, as_installed),
            tools=self._tools(),
            warnings=tuple(self.warnings),
        )

    def _install(self) -> None:
        order = self.order
        if order.source.suffix == ".zip":
            archive.unpack(order.source, self.layer)
        else:
            python = self.layer / "python"
            install(order.source, order.target, python, order.source_only, order.index)
        if not (self.layer / "python").is_dir():
            raise LayerError(
                f"{order.source.name} has nothing under python/, where functions look."
            )
        if order.beside is not None:
            shutil.copytree(order.beside, self.layer, dirs_exist_ok=True, symlinks=True)

    def _records(self) -> dict[str, str]:
        found = sorted(self.layer.glob("python/*.dist-info/RECORD"))
        return {
            path.relative_to(self.layer).as_posix(): path.read_text(encoding="utf-8")
            for path in found
        }

    def _sizes(self) -> list[tuple[str, int]]:
        return [(one.path, one.size) for one in tree.entries(self.layer)]

    def _modules(self) -> tuple[str, ...]:
        """What to import, so that what the functions import of the layer is proven to be there."""
        if self.order.modules:
            return self.order.modules
        code = Modules(self.code, {})
        names = {name for one in code.reached(()) for name in one.imports}
        roots = {name.partition(".")[0] for name in names}
        python = self.layer / "python"
        there = {
            root
            for root in roots
            if (python / root / "__init__.py").is_file() or (python / f"{root}.py").is_file()
        }
        return tuple(sorted(there))

    def _import_ms(self, modules: tuple[str, ...]) -> float | None:
        """None where nothing can be measured here."""
        if self.python is None or not modules or not self.order.processes:
            return None
        if host() != self.order.target.architecture:
            return None
        return import_ms(self.python, self.layer, modules, self.order.processes)

    def _times(self, modules: tuple[str, ...], before: float | None) -> ImportTime | None:
        after = self._import_ms(modules)
        if before is not None and after is not None:
            return ImportTime(modules, before, after, self.order.processes)
        if self.order.processes:
            why = f"this machine is {host()}"
            if not modules:
                why = "no modules are known (--import or --code names them)"
            elif self.python is None:
                why = f"there is no Python {self.order.target.version} here"
            self.warnings.append(f"Import times are not measured, nor imports tried: {why}.")
        return None

    def _prune(self) -> None:
        files = {one.path: one.size for one in tree.entries(self.layer)}
        modules = sources((self.layer / "python",))
        placed = {f"python/{path}": source for path, source in modules.items()}
        kept = self._kept(files, modules)
        for taken in pruning.plan(files, kept, pruning.imported_tests(placed)):
            gone = sum(files[path] for path in taken.paths)
            rule = taken.rule
            self.left_out.append(LeftOut(rule.name, rule.reason, len(taken.paths), gone))
            for path in taken.paths:
                (self.layer / path).unlink()
        _remove_empty(self.layer)

    def _kept(self, files: Iterable[str], modules: Mapping[str, bytes]) -> frozenset[str] | None:
        """The services whose data stays; None keeps all."""
        known = {name for name in map(pruning.service_of, files) if name is not None}
        if not self.code and not self.order.services:
            if known:
                self.warnings.append(
                    "botocore keeps the data of every service: --code or --service says which are"
                    " called."
                )
            return None
        used = services.used(self.code, modules)
        if known:
            kept = services.kept(used, self.order.services, known, self.code)
            allowed = dict.fromkeys(self.order.services, ("allow-list",))
            self.services = {
                name: used.services.get(name, ()) or allowed[name] for name in sorted(kept)
            }
        else:
            kept = frozenset()
        if used.undetermined and known:
            self.warnings.append(
                f"Which service is called at {', '.join(used.undetermined)} cannot be read off the"
                " code; --service keeps its data."
            )
        return kept

    def _strip(self) -> None:
        if not self.order.strip or not any(native.libraries(self.layer)):
            return
        self.stripper = stripper(self.order.target.architecture)
        if self.stripper is None:
            self.warnings.append(
                f"Native libraries are not stripped: no strip for {self.order.target.architecture}"
                " here. Install llvm, or binutils for it."
            )
            return
        won = strip_all(self.stripper, self.layer)
        if won:
            self.left_out.append(LeftOut(*_STRIPPED, len(won), sum(won.values())))

    def _compile(self) -> None:
        version = self.order.target.version
        if self.python is None:
            self.warnings.append(
                f"Nothing is compiled: there is no Python {version} here. Every cold start will"
                f" compile what it imports; install Python {version}, and build again."
            )
            return
        failed = compile_all(self.python, self.layer)
        if failed:
            more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
            names = f"{', '.join(failed[:_NAMED])}{more}"
            self.warnings.append(f"Python {version} cannot compile {names}.")

    def _tools(self) -> dict[str, str]:
        found = {}
        if self.python is not None:
            found["python"] = self.python.version
        if self.stripper is not None:
            found["strip"] = self.stripper.version
        return found


def _remove_empty(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        if not any(Path(path).iterdir()):
            Path(path).rmdir()
