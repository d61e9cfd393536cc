"""The repository's own Python source, parsed: who imports whom, and when."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Folders that hold packages under their own names.
_PARENTS = (ROOT / "layers/core", ROOT)
LIBRARY = "millrace"
PACKAGES = (LIBRARY, "localcloud", "cli", "benchmarks", "model")


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports; `late` when only a function does, as it runs."""

    name: str
    line: int
    late: bool

    @property
    def root(self) -> str:
        """The package that must be installed for it."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Module:
    """A file of Python under the name by which others import it."""

    name: str
    path: Path
    tree: ast.Module

    @classmethod
    def read(cls, path: Path, name: str) -> Module:
        """The module in a file."""
        return cls(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path)))

    @property
    def place(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """The package in which its relative imports begin."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def imports(self) -> Iterator[Import]:
        """Everything that it imports, but for what only a type checker sees."""
        return _imports(self.tree.body, self.package, late=False)


def _imports(body: list[ast.stmt], package: str, *, late: bool) -> Iterator[Import]:
    for statement in body:
        match statement:
            case ast.Import(names=names):
                yield from (Import(alias.name, statement.lineno, late) for alias in names)
            case ast.ImportFrom():
                base = _base(statement, package)
                for alias in statement.names:
                    yield Import(f"{base}.{alias.name}", statement.lineno, late)
            case ast.If(test=test) if "TYPE_CHECKING" in ast.unparse(test):
                yield from _imports(statement.orelse, package, late=late)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _imports(statement.body, package, late=True)
            case _:
                yield from _imports(_inner(statement), package, late=late)


def _base(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - statement.level + 1]
    return ".".join([*above, *([statement.module] if statement.module else [])])


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    """The statements inside a compound one."""
    inner: list[ast.stmt] = []
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            inner.append(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            inner += child.body
    return inner


@cache
def modules(package: str) -> dict[str, Module]:
    """Every module of one of our packages, by name."""
    folder = next(parent / package for parent in _PARENTS if (parent / package).is_dir())
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module.read(path, name)
    return found


@cache
def handlers() -> tuple[Module, ...]:
    """The files that Lambda and OCI Functions start."""
    paths = sorted([*ROOT.glob("lambdas/*/*.py"), *ROOT.glob("oci-fn/*/*.py")])
    return tuple(Module.read(path, path.stem) for path in paths)


def reached(*starts: Module) -> list[str]:
    """The modules of the library that these import, and what those import in turn."""
    waiting, found = list(starts), set[str]()
    while waiting:
        for one in waiting.pop().imports():
            name = known(one.name)
            if name is not None and name.startswith(LIBRARY) and name not in found:
                found.add(name)
                waiting.append(modules(LIBRARY)[name])
    return sorted(found)


def known(name: str) -> str | None:
    """The module of ours that this name is, or is defined in; None for anybody else's."""
    package = name.partition(".")[0]
    if package not in PACKAGES:
        return None
    ours = modules(package)
    while name not in ours:
        name = name.rpartition(".")[0]
    return name


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository, as git has it."""
    # Whoever owns the checkout: a container often runs as somebody else.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())
