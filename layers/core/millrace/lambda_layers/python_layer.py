"""A layer of Python packages: installed by uv, botocore pruned, compiled by the target's Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from millrace.lambda_layers import packages, pruning, services
from millrace.lambda_layers.compiling import Interpreter, compile_all, interpreter
from millrace.lambda_layers.installing import install
from millrace.lambda_layers.measuring import import_ms
from millrace.lambda_layers.modules import Modules
from millrace.lambda_layers.order import Order, sources

_NAMED = 5


class PythonLayer:
    """The steps of a build, as far as they are Python's."""

    def __init__(self, order: Order, layer: Path) -> None:
        self.warnings: list[str] = []
        self.services: Mapping[str, tuple[str, ...]] = {}
        self._order = order
        self._layer = layer
        self._python: Interpreter | None = interpreter(order.target.version)
        self._code = sources(order.code)
        self._library = sources(order.library)

    def install(self) -> None:
        """By uv, for the order's machine and Python."""
        order = self._order
        assert order.source is not None
        install(order.source, order.target, self._layer / "python", order.source_only, order.index)

    def owners(self) -> Mapping[str, str]:
        """As the packages' RECORD files say."""
        found = sorted(self._layer.glob("python/*.dist-info/RECORD"))
        records = {
            path.relative_to(self._layer).as_posix(): path.read_text(encoding="utf-8")
            for path in found
        }
        return packages.owners(records)

    def modules(self) -> tuple[str, ...]:
        """What the functions import of the layer, so that it is proven to be there."""
        code = Modules(self._code, {}, self._library)
        names = {name for one in code.reached(()) for name in one.imports}
        roots = {name.partition(".")[0] for name in names}
        python = self._layer / "python"
        there = {
            root
            for root in roots
            if (python / root / "__init__.py").is_file() or (python / f"{root}.py").is_file()
        }
        return tuple(sorted(there))

    def unmeasured(self) -> str | None:
        """Whether there is a Python for it."""
        if self._python is None:
            return f"there is no Python {self._order.target.version} here"
        return None

    def import_ms(self, modules: tuple[str, ...]) -> float:
        """In fresh processes of that Python."""
        assert self._python is not None
        return import_ms(self._python, self._layer, modules, self._order.processes)

    def prune(self, files: Mapping[str, int]) -> Collection[pruning.Removed]:
        """By rules, and of botocore what the code does not call."""
        modules = sources((self._layer / "python",))
        placed = {f"python/{path}": source for path, source in modules.items()}
        kept = self._kept(files, modules)
        return pruning.plan(files, kept, pruning.imported_tests(placed))

    def _kept(self, files: Iterable[str], modules: Mapping[str, bytes]) -> frozenset[str] | None:
        """The services whose data stays; None keeps all."""
        order = self._order
        known = {name for name in map(pruning.service_of, files) if name is not None}
        if not known:
            return frozenset()
        if not self._code and not order.services:
            self.warnings.append(
                "botocore keeps the data of every service: --code or --service says which are"
                " called."
            )
            return None
        used = services.used(self._code, modules, self._library)
        kept = services.kept(used, order.services, known, {**self._library, **self._code})
        allowed = dict.fromkeys(order.services, ("allow-list",))
        self.services = {
            name: used.services.get(name, ()) or allowed[name] for name in sorted(kept)
        }
        if used.undetermined:
            self.warnings.append(
                f"Which service is called at {', '.join(used.undetermined)} cannot be read off the"
                " code; --service keeps its data."
            )
        return kept

    def finish(self) -> None:
        """Compile what stays."""
        version = self._order.target.version
        if not (self._layer / "python").is_dir():
            return
        if self._python is None:
            self.warnings.append(
                f"Nothing is compiled: there is no Python {version} here. Every cold start will"
                f" compile what it imports; install Python {version} (uv python install {version},"
                " or by hand), and build again."
            )
            return
        failed = compile_all(self._python, self._layer)
        if failed:
            more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
            names = f"{', '.join(failed[:_NAMED])}{more}"
            self.warnings.append(f"Python {version} cannot compile {names}.")

    def tools(self) -> Mapping[str, str]:
        """Bytecode is of one Python."""
        return {} if self._python is None else {"python": self._python.version}

    def close(self) -> None:
        """There is nothing to let go."""
