"""What to try with a layer, from a file: TOML, JSON, or the list of cases that tutorials have.

::

    may-shadow = ["certifi"]                # packages or paths that layers may have in common

    [[case]]
    name = "boto3 is there"
    kind = "import"
    modules = ["boto3"]

    [[case]]
    name = "first table"
    kind = "cold-start"
    modules = ["boto3"]
    client = "dynamodb"                     # made with boto3, after the imports
    at-most-ms = 900                        # processor time, least of `processes` (3)

    [[case]]
    name = "predict answers"
    kind = "handler"
    code = "../lambdas/predict"             # paths begin at this file
    handler = "app.handler"
    files = ["../features.toml"]            # which go beside the handler
    events = ["../events/predict/*.json"]   # each is a test of its own
    expect = {statusCode = 200}             # what the answer must hold; or error = "ValueError"
    environment = {FEATURES_TABLE = "features"}
    timeout-s = 10
    memory-mb = 512
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError


class Kind(StrEnum):
    """What a case tries."""

    IMPORT = "import"
    COLD_START = "cold-start"
    HANDLER = "handler"


# As tutorials call them.
_OTHER_NAMES = {
    "import_test": Kind.IMPORT,
    "performance_test": Kind.COLD_START,
    "handler_test": Kind.HANDLER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to try. Times are milliseconds of the processor."""

    name: str
    kind: Kind
    modules: tuple[str, ...] = ()
    client: str | None = None
    at_most_ms: float | None = None
    processes: int = 3
    code: Path | None = None
    handler: str = "app.handler"
    files: tuple[Path, ...] = ()
    events: tuple[Path, ...] = ()
    expect: object = None
    error: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 30
    memory_mb: int = 512


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of a file, and what layers may shadow in each other."""

    cases: tuple[Case, ...] = ()
    may_shadow: tuple[str, ...] = ()


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "kind": str,
    "module": str,
    "modules": list,
    "client": str,
    "at-most-ms": (int, float),
    "processes": int,
    "code": str,
    "handler": str,
    "files": list,
    "event": str,
    "events": list,
    "expect": object,
    "error": str,
    "environment": dict,
    "timeout-s": int,
    "memory-mb": int,
}
_SAID = {"test_name": "name", "test_type": "kind"}


def read(path: Path) -> Cases:
    """The cases of a file. Raises ConfigurationError, naming file, case and key."""
    try:
        text = path.read_text(encoding="utf-8")
        found: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    document = {"case": found} if isinstance(found, list) else found
    if not isinstance(document, dict) or not isinstance(document.get("case", []), list):
        raise ConfigurationError(f"{path} holds no list of cases.")
    unknown = sorted(set(document) - {"case", "may-shadow"})
    if unknown:
        raise ConfigurationError(f"{path}: {unknown[0]!r} is unknown; there are case, may-shadow.")
    cases = tuple(
        _case(one, path, number) for number, one in enumerate(document.get("case", []), 1)
    )
    names = [one.name for one in cases]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{path}: two cases are called {name!r}.")
    return Cases(cases, tuple(document.get("may-shadow", ())))


def _case(given: object, path: Path, number: int) -> Case:
    where = f"{path}: case {number}"
    if not isinstance(given, dict):
        raise ConfigurationError(f"{where} is {given!r}, but must be a table.")
    said = {_SAID.get(key, key.replace("_", "-")): value for key, value in given.items()}
    _check(said, where)
    kind = said.get("kind", Kind.IMPORT)
    kind = _OTHER_NAMES.get(kind, kind)
    if kind not in set(Kind):
        known = ", ".join(Kind)
        raise ConfigurationError(f"{where}: kind is {kind!r}, but must be one of {known}.")
    case = Case(
        name=said.get("name", f"case {number}"),
        kind=Kind(kind),
        modules=(*said.get("modules", ()), *([said["module"]] if "module" in said else ())),
        client=said.get("client"),
        at_most_ms=said.get("at-most-ms"),
        processes=said.get("processes", 3),
        code=path.parent / said["code"] if "code" in said else None,
        handler=said.get("handler", "app.handler"),
        files=_paths(said.get("files", ()), path, where),
        events=_paths(
            [*said.get("events", ()), *([said["event"]] if "event" in said else ())], path, where
        ),
        expect=said.get("expect"),
        error=said.get("error"),
        environment={name: str(value) for name, value in said.get("environment", {}).items()},
        timeout_s=said.get("timeout-s", 30),
        memory_mb=said.get("memory-mb", 512),
    )
    _whole(case, where)
    return case


def _check(said: Mapping[str, Any], where: str) -> None:
    for key, value in said.items():
        if key not in _TYPES:
            known = ", ".join(_TYPES)
            raise ConfigurationError(f"{where}: {key!r} is unknown; there are {known}.")
        expected = _TYPES[key]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not object):
            raise ConfigurationError(f"{where}: {key} is {value!r}, which is of a wrong type.")


def _whole(case: Case, where: str) -> None:
    if case.kind is Kind.IMPORT and not case.modules:
        raise ConfigurationError(f"{where} ({case.name}) imports nothing: name its module.")
    if case.kind is Kind.HANDLER and (case.code is None or not case.code.is_dir()):
        raise ConfigurationError(
            f"{where} ({case.name}): code is {case.code}, but must be the folder of the handler."
        )
    if case.processes < 1:
        raise ConfigurationError(f"{where} ({case.name}): processes must be 1 or more.")


def _paths(patterns: Iterable[str], path: Path, where: str) -> tuple[Path, ...]:
    found: list[Path] = []
    for pattern in patterns:
        whole = path.parent / pattern
        matches = sorted(whole.parent.glob(whole.name))
        if not matches:
            raise ConfigurationError(f"{where}: no file is called {pattern}.")
        found += matches
    return tuple(found)


def differs(answer: object, expected: object, at: str = "answer") -> str | None:
    """How an answer differs from what it must hold; None if it holds all of it.

    Objects may hold more than is expected; everything else must be equal.

    >>> differs({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    'answer.a.b is 1, not 3'
    >>> differs({"a": 1, "b": 2}, {"a": 1}) is None
    True
    """
    if isinstance(expected, Mapping) and isinstance(answer, Mapping):
        for key, value in expected.items():
            if key not in answer:
                return f"{at} has no {key!r}"
            found = differs(answer[key], value, f"{at}.{key}")
            if found is not None:
                return found
        return None
    return None if answer == expected else f"{at} is {answer!r}, not {expected!r}"
