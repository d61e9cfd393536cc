"""Python modules as text: what each is called, and which of them a start can import."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

_BUILT_IN = "__import__"
_IMPORTERS = ("import_module", _BUILT_IN)


@dataclass(frozen=True)
class Module:
    """A module, parsed; `code` says that it is the functions' own, and `place` where it stands."""

    name: str
    place: str
    tree: ast.Module
    code: bool

    @property
    def package(self) -> list[str]:
        """The package in which its relative imports begin."""
        parts = self.name.split(".")
        return parts if PurePosixPath(self.place).name == "__init__.py" else parts[:-1]

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: it is searched more than once."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def bindings(self) -> dict[str, str]:
        """Name in the module → what it was imported as, in dots; wherever the import stands."""
        bound = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                bound |= {
                    alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names
                }
        return bound | self._assigned(bound)

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every name that it imports, in dots."""
        plain = (one for one in self.nodes if isinstance(one, ast.Import))
        names = {alias.name for one in plain for alias in one.names}
        by_name = {imported_by_name(node) for node in self.nodes} - {""}
        return frozenset({*names, *by_name, *self.bindings.values()})

    def _assigned(self, bound: Mapping[str, str]) -> dict[str, str]:
        """Names that a module is assigned to which is imported by its name, as it is called."""
        found = {}
        for node in self.nodes:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                    | ast.NamedExpr(target=ast.Name(id=name), value=value)
                ) if name not in bound:
                    # __import__("a.b") is a.
                    whole = imported_by_name(value)
                    found[name] = whole if _function(value) != _BUILT_IN else whole.split(".")[0]
        return {name: whole for name, whole in found.items() if whole}

    def _base(self, node: ast.ImportFrom) -> str:
        package = self.package
        above = package[: len(package) - node.level + 1] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])


def imported_by_name(node: ast.AST) -> str:
    """What importlib.import_module("…") or __import__("…") imports; empty for all else.

    >>> imported_by_name(ast.parse("importlib.import_module('boto3')").body[0].value)
    'boto3'
    """
    if not isinstance(node, ast.Call) or _function(node) not in _IMPORTERS:
        return ""
    named = [one.value for one in node.keywords if one.arg == "name"]
    match [*node.args, *named]:
        case [ast.Constant(value=str(name)), *_] if not name.startswith("."):
            return name
    return ""


def _function(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
    return ""


def name_of(path: str) -> str:
    """What the module in a file is called, from the path in its folder.

    >>> name_of("a/b.py"), name_of("a/__init__.py")
    ('a.b', 'a')
    """
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class Modules:
    """Modules by name, parsed when first asked for; a library counts only where it is used."""

    def __init__(
        self,
        code: Mapping[str, bytes],
        packages: Mapping[str, bytes],
        library: Mapping[str, bytes] | None = None,
    ) -> None:
        self._sources = {name_of(path): (path, source, False) for path, source in packages.items()}
        own = (library or {}).items()
        self._sources |= {name_of(path): (path, source, True) for path, source in own}
        self._code = {name_of(path): (path, source, True) for path, source in code.items()}
        self._parsed: dict[str, Module | None] = {}

    def get(self, name: str) -> Module | None:
        """The module of that name, if there is one and it can be parsed."""
        if name not in self._parsed:
            self._parsed[name] = self._parse(name)
        return self._parsed[name]

    def _parse(self, name: str) -> Module | None:
        found = self._code.get(name) or self._sources.get(name)
        if found is None:
            return None
        place, source, code = found
        try:
            return Module(name, place, ast.parse(source), code)
        except (SyntaxError, ValueError):
            return None  # nobody can import it either

    def within(self, name: str) -> Module | None:
        """The module that this name is, or is defined in."""
        while name:
            found = self.get(name)
            if found is not None:
                return found
            name = name.rpartition(".")[0]
        return None

    def reached(self, without: Iterable[str]) -> list[Module]:
        """The code's modules and what they import, late or at once, but for some packages."""
        left_out = set(without)
        waiting, seen = list(self._code), set[str]()
        found = []
        while waiting:
            name = waiting.pop()
            if name in seen or name.partition(".")[0] in left_out:
                continue
            seen.add(name)
            module = self.get(name)
            if module is not None:
                found.append(module)
                waiting += [part for one in module.imports for part in _prefixes(one)]
        return sorted(found, key=lambda module: module.name)


def _prefixes(name: str) -> Iterator[str]:
    """a.b.c → a, a.b, a.b.c: whoever imports the last runs all."""
    parts = name.split(".")
    return (".".join(parts[:n]) for n in range(1, len(parts) + 1))
