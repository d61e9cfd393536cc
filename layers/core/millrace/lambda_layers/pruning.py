"""What a function never loads: rules as data, each with its reason, and what they take of a tree.

Metadata, entry points and licences stay: without them importlib.metadata raises, and scanners see
no packages and report that all is well.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_RECORDS = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_*.json")
_DATA = "python/botocore/data/"
_RESOURCES = "python/boto3/data/"


@dataclass(frozen=True, slots=True)
class Rule:
    """Files to leave out: patterns of paths in the layer, where `*` crosses folders."""

    name: str
    reason: str
    patterns: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Whether it leaves out the file.

        >>> RULES[0].takes("python/a/__pycache__/b.cpython-311.pyc")
        True
        """
        return any(fnmatchcase(path, pattern) for pattern in self.patterns)


# The first that takes a file is the one that is reported.
RULES = (
    Rule(
        "bytecode",
        "compiled elsewhere: Lambda's dates make it stale",
        ("*/__pycache__/*", "*.pyc", "*.pyo"),
    ),
    Rule(
        "installer-records",
        "what an installer notes for itself; it differs from host to host",
        ("python/.lock", *(f"python/*.dist-info/{name}" for name in _RECORDS)),
    ),
    Rule("scripts", "console scripts name the interpreter that installed them", ("python/bin/*",)),
    Rule("tests", "tests of packages, that nothing else imports", ("*/tests/*", "*/testdata/*")),
    Rule("type-stubs", "only type checkers read them", ("*.pyi",)),
    Rule(
        "headers",
        "sources and headers for a compiler",
        ("*.h", "*.hpp", "*.c", "*.cc", "*.cpp", "*.pyx", "*.pxd"),
    ),
    Rule("static-libraries", "for a linker; nothing loads them", ("*.a", "*.la", "*.lib")),
    Rule("examples", "botocore's examples for its documentation", (f"{_DATA}*/examples-1.json*",)),
)
# Of npm's packages: tests of theirs stand anywhere, and are sometimes required; these are not.
NODE_RULES = (
    Rule("type-stubs", "only type checkers read them", ("*.d.ts", "*.d.mts", "*.d.cts")),
    Rule("source-maps", "for a debugger; no function reads them", ("*.js.map", "*.?js.map")),
    Rule("installer-records", "npm's own notes", ("*/node_modules/.package-lock.json",)),
    Rule("tests", "tests that only their runners load", ("*/__tests__/*", "*.test.js")),
    *(one for one in RULES if one.name in ("headers", "static-libraries")),
)
DEVELOPMENT = Rule("development", "packages that only developers need", ())
SERVICES = Rule("services", "botocore's data of services that the code does not call", ())

# Never left out, whatever a rule says: a folder of licences may hold tests/, a package lib.h.
_KEPT = ("python/*.dist-info/licenses/*", "python/*.dist-info/*LICEN[CS]E*", "extensions/*")


@dataclass(frozen=True, slots=True)
class Removed:
    """What a rule took."""

    rule: Rule
    paths: tuple[str, ...]


def plan(
    paths: Collection[str],
    services: Collection[str] | None,
    imported: Collection[str] = (),
    rules: tuple[Rule, ...] = RULES,
) -> tuple[Removed, ...]:
    """What to leave out of a tree, by rule; of botocore all but `services`, where they are known.

    `imported` are modules that are imported although they look like tests.

    >>> [taken.paths for taken in plan(["python/a.py", "python/a.pyi"], None)]
    [('python/a.pyi',)]
    """
    taken: dict[str, list[str]] = {}
    present = set(paths)
    for path in sorted(present):
        rule = _rule(path, services, rules)
        if rule is None or _needed(path, rule, present, imported):
            continue
        taken.setdefault(rule.name, []).append(path)
    named = {rule.name: rule for rule in (*rules, SERVICES)}
    return tuple(Removed(named[name], tuple(found)) for name, found in sorted(taken.items()))


def _rule(path: str, services: Collection[str] | None, rules: tuple[Rule, ...]) -> Rule | None:
    if any(fnmatchcase(path, pattern) for pattern in _KEPT):
        return None
    if services is not None and service_of(path) not in {None, *services}:
        return SERVICES
    return next((rule for rule in rules if rule.takes(path)), None)


def _needed(path: str, rule: Rule, present: set[str], imported: Collection[str]) -> bool:
    """Whether a file that a rule takes is needed after all."""
    pure = PurePosixPath(path)
    if rule.name == "bytecode":  # all that there is of a module that came without its source
        return pure.parent.name != "__pycache__" and str(pure.with_suffix(".py")) not in present
    if rule.name == "tests" and path.startswith("python/"):
        parts = pure.with_suffix("").parts[1:]
        at = next(n for n, part in enumerate(parts) if part in ("tests", "testdata"))
        folder = ".".join(parts[: at + 1])
        return any(f"{name}.".startswith(f"{folder}.") for name in imported)
    return False


def service_of(path: str) -> str | None:
    """The AWS service whose data a file is.

    >>> service_of("python/botocore/data/s3/2006-03-01/service-2.json.gz")
    's3'
    >>> service_of("python/botocore/data/endpoints.json") is None
    True
    """
    for prefix in (_DATA, _RESOURCES):
        if path.startswith(prefix):
            service, _, rest = path.removeprefix(prefix).partition("/")
            return service if rest else None
    return None


def imported_tests(sources: Mapping[str, bytes]) -> set[str]:
    """What looks like tests, and is imported by modules that do not.

    >>> sorted(imported_tests({"python/a/b.py": b"from a.tests import c"}))
    ['a.tests', 'a.tests.c']
    """
    found = set[str]()
    for path, source in sources.items():
        if b"tests" in source and "/tests/" not in path and path.endswith(".py"):
            found |= {name for name in _imports(path, source) if "tests" in name.split(".")}
    return found


def _imports(path: str, source: bytes) -> Iterable[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # nobody can import it either
    package = PurePosixPath(path).parts[1:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
