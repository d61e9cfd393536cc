"""The operations and models of the installed SDK, asked for once and kept until it changes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
from millrace.errors import StartupError

SERVICES = ("apigateway", "functions", "ons", "secrets", "streaming", "vault")
_DUMP = Path(__file__).with_name("dump.py")
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Operation:
    """A call that a client of the SDK can make.

    `query` and `headers` say of each name whether it must be there. `body` and `response` are
    models, `stream` for plain bytes, None for nothing.
    """

    service: str
    name: str
    method: str
    path: str
    query: Mapping[str, bool]
    headers: Mapping[str, bool]
    body: str | None
    body_signed: bool
    response: str | None

    @property
    def pattern(self) -> str:
        """A regular expression for its paths, a group for each parameter."""
        return re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model: its type as the SDK writes it, and what an enumeration allows."""

    type: str
    required: bool
    values: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Model:
    """What an object may hold. `subtypes` are narrower models, by the values of one field."""

    name: str
    fields: Mapping[str, Field]
    subtypes: tuple[str, Mapping[str, str]] | None


@dataclass(frozen=True)
class Catalogue:
    """All that the SDK says of the services here."""

    operations: Sequence[Operation]
    models: Mapping[tuple[str, str], Model]

    @classmethod
    def installed(cls, python: Path, kept: Path) -> Catalogue:
        """What the SDK of that Python says; `kept` is the folder where it is written down.

        Raises StartupError.
        """
        versions = python.parent.parent.glob("lib/python*/site-packages/oci-*.dist-info")
        name = next((path.name for path in versions), None)
        if name is None:
            raise StartupError(f"{python} has no OCI SDK; run scripts/setup --oci")
        asked = " ".join((name, *SERVICES)).encode()
        stamp = hashlib.sha256(asked + _DUMP.read_bytes()).hexdigest()[:16]
        path = kept / f"oci-sdk-{stamp}.json"
        if not path.exists():
            kept.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}")  # several may start at once
            part.write_bytes(_dumped(python))
            part.replace(path)
        return cls.of(orjson.loads(path.read_bytes()))

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Catalogue:
        """Out of what `dump.py` prints."""
        operations = [
            Operation(service, name, **operation)
            for service, part in told.items()
            for name, operation in part["operations"].items()
        ]
        models = {
            (service, name): _model(name, model)
            for service, part in told.items()
            for name, model in part["models"].items()
        }
        return cls(operations, models)

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request and the parameters in its path."""
        found = [
            (operation, match)
            for pattern, operation in self._patterns
            if operation.method == method and (match := pattern.fullmatch(path))
        ]
        if not found:
            return None
        # Where a fixed word fits as well as a parameter, the word is meant.
        operation, match = min(found, key=lambda one: len(one[1].groupdict()))
        return operation, {name: unquote(value) for name, value in match.groupdict().items()}

    def methods(self, path: str) -> set[str]:
        """By which methods a path can be called."""
        return {one.method for pattern, one in self._patterns if pattern.fullmatch(path)}

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], Operation]]:
        return [(re.compile(operation.pattern), operation) for operation in self.operations]


def _model(name: str, told: Mapping[str, Any]) -> Model:
    subtypes = told["subtypes"]
    return Model(
        name,
        {field: Field(**one) for field, one in told["fields"].items()},
        None if subtypes is None else (subtypes["field"], subtypes["models"]),
    )


def _dumped(python: Path) -> bytes:
    try:
        done = subprocess.run(
            [str(python), "-B", str(_DUMP), *SERVICES],
            check=True, capture_output=True, timeout=_TIMEOUT_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        raise StartupError(
            f"{python} cannot say what its OCI SDK holds: {error}: {said[-500:].decode()}"
        ) from error
    return done.stdout
