"""A layer from its locked requirements, or another layer's zip: a folder, a zip and a report.

Everything is made in a folder beside the place it goes to, and comes there by one rename: whoever
looks sees the old build or the new one, whole.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import archive, native, packages, pruning, report, services, tree
from millrace.lambda_layers.compiling import Interpreter, compile_all, interpreter
from millrace.lambda_layers.installing import Target, install
from millrace.lambda_layers.measuring import import_ms
from millrace.lambda_layers.modules import Modules
from millrace.lambda_layers.report import ImportTime, LeftOut, Report
from millrace.lambda_layers.stripping import Stripper, host, strip_all, stripper

LAYER, ZIP, REPORT = "layer", "layer.zip", "report.json"
_STRIPPED = "symbols", "symbols of native libraries, that nobody debugs in a function"


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


def build(order: Order) -> Report:
    """Build a layer. Raises ConfigurationError or LayerError, and then nothing has changed."""
    _check(order)
    order.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=order.output.parent, prefix=f".{order.output.name}."
    ) as name:
        made = Path(name) / "made"
        (made / LAYER).mkdir(parents=True)
        built = _Build(order, made / LAYER).run()
        files = tree.entries(made / LAYER)
        archive.write(made / LAYER, files, made / ZIP)
        zipped = (made / ZIP).stat().st_size
        hint = report.upload_warning(zipped)
        warnings = (*built.warnings, *([hint] if hint else []))
        built = replace(built, zipped=zipped, warnings=warnings)
        text = json.dumps(built.document, indent=2, ensure_ascii=False)
        (made / REPORT).write_text(f"{text}\n", encoding="utf-8")
        if order.output.exists():
            order.output.rename(Path(name) / "replaced")
        made.rename(order.output)
    return built


def _check(order: Order) -> None:
    for path in (order.source, *order.code, *([order.beside] if order.beside else [])):
        if not path.exists():
            raise ConfigurationError(f"There is no {path}.")
    for path in order.code:
        if not path.is_dir():
            raise ConfigurationError(f"{path} is no folder; --code takes folders of modules.")
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
        self.code = _sources(order.code)
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
            tree=tree.tree_hash(files, self.order.target.runtime, self.order.target.architecture),
            before=sum(size for _, size in sizes),
            after=tree.size(files),
            zipped=0,
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
        names = {name for one in code.reached(()) for name in one.imports()}
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
        sources = _sources((self.layer / "python",))
        placed = {f"python/{path}": source for path, source in sources.items()}
        kept = self._kept(files, sources)
        for taken in pruning.plan(files, kept, pruning.imported_tests(placed)):
            gone = sum(files[path] for path in taken.paths)
            rule = taken.rule
            self.left_out.append(LeftOut(rule.name, rule.reason, len(taken.paths), gone))
            for path in taken.paths:
                (self.layer / path).unlink()
        _remove_empty(self.layer)

    def _kept(self, files: Iterable[str], sources: Mapping[str, bytes]) -> frozenset[str] | None:
        """The services whose data stays; None keeps all."""
        known = {name for name in map(pruning.service_of, files) if name is not None}
        if not self.code and not self.order.services:
            if known:
                self.warnings.append(
                    "botocore keeps the data of every service: --code or --service says which are"
                    " called."
                )
            return None
        used = services.used(self.code, sources)
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
            self.warnings.append(f"Python {version} cannot compile {', '.join(failed)}.")

    def _tools(self) -> dict[str, str]:
        found = {}
        if self.python is not None:
            found["python"] = self.python.version
        if self.stripper is not None:
            found["strip"] = self.stripper.version
        return found


def _sources(folders: Iterable[Path]) -> dict[str, bytes]:
    """Python sources by their path in the folder."""
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _remove_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
