"""What a build of a layer has done, as one document: sizes, what was left out and why, times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from millrace.errors import LayerError
from millrace.lambda_layers.tree import LIMIT_BYTES, UPLOAD_BYTES


@dataclass(frozen=True, slots=True)
class Package:
    """A package's bytes as installed, and as the layer holds them (compiled modules included)."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files that one rule left out, or that stripping made smaller."""

    rule: str
    reason: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ImportTime:
    """Least CPU milliseconds of fresh processes that import these modules."""

    modules: tuple[str, ...]
    before_ms: float
    after_ms: float
    processes: int


@dataclass(frozen=True, slots=True)
class Report:
    """A layer that was built.

    Attributes:
        inputs: the hash of all that it was made of: see millrace.lambda_layers.order.
        tree: the hash of its files, of runtime and architecture.
        before, after, zipped: its bytes as installed, as built, and as a zip.
        services: AWS service → where it is called; empty where botocore was left whole.
        imports: None where it could not be measured, and a warning says why.
        tools: what made bytecode and libraries what they are, by version.
    """

    runtime: str
    architecture: str
    inputs: str
    tree: str
    before: int
    after: int
    zipped: int
    zip_sha256: str
    packages: tuple[Package, ...]
    left_out: tuple[LeftOut, ...]
    services: Mapping[str, tuple[str, ...]]
    imports: ImportTime | None
    tools: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The report for machines."""
        return asdict(self)


def read(text: str) -> Report | None:
    """The report in a report.json; None for one that this code has not written."""
    try:
        found = json.loads(text)
        times = found["imports"]
        if times is not None:
            times = ImportTime(**{**times, "modules": tuple(times["modules"])})
        found |= {
            "packages": tuple(Package(**one) for one in found["packages"]),
            "left_out": tuple(LeftOut(**one) for one in found["left_out"]),
            "services": {name: tuple(places) for name, places in found["services"].items()},
            "warnings": tuple(found["warnings"]),
            "imports": times,
        }
        return Report(**found)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def packages(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Package, ...]:
    """Sizes side by side, the largest first.

    >>> packages({"a 1": 5, "b 2": 9}, {"a 1": 7})[0]
    Package(name='a 1', before=5, after=7)
    """
    every = (Package(name, before.get(name, 0), after.get(name, 0)) for name in {**before, **after})
    found = [one for one in every if one.before or one.after]
    return tuple(sorted(found, key=lambda one: (-one.after, -one.before, one.name)))


def check_limit(total: int, found: tuple[Package, ...], limit: int = LIMIT_BYTES) -> None:
    """Raises LayerError for a layer that Lambda would refuse, and names what is largest in it."""
    if total > limit:
        largest = ", ".join(f"{one.name} ({one.after:,})" for one in found[:3])
        raise LayerError(
            f"The layer has {total:,} bytes unzipped; Lambda takes {limit:,} at most, with the"
            f" function and its other layers. Largest: {largest}. Leave out what no function needs,"
            " or ship a container image."
        )


def upload_warning(zipped: int) -> str | None:
    """A hint for a zip that is too large to be sent directly."""
    if zipped <= UPLOAD_BYTES:
        return None
    return f"The zip has {zipped:,} bytes; above {UPLOAD_BYTES:,} it must be published through S3."
