"""Several layers in one /opt: what one shadows in another, and whether Lambda takes them together.

Lambda unpacks a function's layers in their order into the same folder, so the later file wins. Of a
package that two layers have in different versions, files of both are left: a mixture that nobody
has ever tested.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from millrace.lambda_layers.results import Result, Status
from millrace.lambda_layers.tree import LIMIT_BYTES, UPLOAD_BYTES, Entry

MOST_LAYERS = 5
_NAMED = 5
_INFO = re.compile(r"python/([^/]+)-([^/-]+)\.dist-info/METADATA")


@dataclass(frozen=True, slots=True)
class Weight:
    """A layer as Lambda weighs it."""

    name: str
    unzipped: int
    zipped: int


def limits(layers: Sequence[Weight], functions: Mapping[str, int]) -> list[Result]:
    """Whether the layers, and each function with them, stay within what Lambda takes.

    `functions` are bytes of code, unzipped, by name.
    """
    found = []
    count = len(layers)
    words = f"{count} of at most {MOST_LAYERS} layers"
    found.append(_limit("number of layers", count <= MOST_LAYERS, words))
    unzipped = sum(one.unzipped for one in layers)
    for name, size in (functions or {"": 0}).items():
        total = unzipped + size
        words = f"{total:,} of at most {LIMIT_BYTES:,} bytes unzipped"
        if total > LIMIT_BYTES:
            largest = max(layers, key=lambda one: one.unzipped)
            words += f"; {largest.name} has {largest.unzipped:,}. Build it: millrace layers build"
        label = f"unzipped size with {name}" if name else "unzipped size"
        found.append(_limit(label, total <= LIMIT_BYTES, words))
    for one in layers:
        words = f"{one.zipped:,} of at most {UPLOAD_BYTES:,} bytes for a direct upload"
        status = Status.PASSED
        if one.zipped > UPLOAD_BYTES:
            status, words = Status.WARNING, f"{words}; it must be published through S3"
        found.append(Result("limits", f"zip of {one.name}", status, words))
    return found


def _limit(name: str, fine: bool, words: str) -> Result:
    return Result("limits", name, Status.PASSED if fine else Status.FAILED, words)


def shadowing(
    layers: Sequence[tuple[str, Collection[Entry]]], allowed: Collection[str] = ()
) -> list[Result]:
    """What is in two layers with different content, and what hides the standard library."""
    return [
        _packages(layers, allowed),
        _files(layers, allowed),
        _standard_library(layers, allowed),
    ]


def _packages(layers: Sequence[tuple[str, Collection[Entry]]], allowed: Collection[str]) -> Result:
    seen: dict[str, tuple[str, str]] = {}
    found = []
    for layer, entries in layers:
        for name, version in _versions(entries):
            before = seen.get(name)
            if before is not None and before[1] != version and not _allowed(name, allowed):
                found.append(f"{name} {version} of {layer} over {before[1]} of {before[0]}")
            seen[name] = (layer, version)
    return _told("packages in two versions", found, "Lock them alike, or leave out one.")


def _versions(entries: Collection[Entry]) -> list[tuple[str, str]]:
    matches = (_INFO.fullmatch(one.path) for one in entries)
    return [(match[1].replace("_", "-").lower(), match[2]) for match in matches if match]


def _files(layers: Sequence[tuple[str, Collection[Entry]]], allowed: Collection[str]) -> Result:
    seen: dict[str, tuple[str, str]] = {}
    found, alike = [], 0
    for layer, entries in layers:
        for one in entries:
            before = seen.get(one.path)
            if before is not None and before[1] == one.sha256:
                alike += 1
            elif before is not None and not _may(one.path, allowed):
                found.append(f"{one.path} of {layer} over that of {before[0]}")
            seen[one.path] = (layer, one.sha256)
    told = _told("files that differ", found, "The later layer wins; leave out one.")
    if not found and alike:
        return Result(told.group, told.name, told.status, f"{alike:,} files are there twice, alike")
    return told


def _may(path: str, allowed: Collection[str]) -> bool:
    """Whether a file may be in two layers: metadata is told of by package."""
    parts = PurePosixPath(path).parts
    top = parts[1].partition("-")[0].partition(".")[0] if len(parts) > 1 else path
    return ".dist-info/" in path or _allowed(top, allowed) or _allowed(path, allowed)


def _standard_library(
    layers: Sequence[tuple[str, Collection[Entry]]], allowed: Collection[str]
) -> Result:
    """PYTHONPATH stands before the standard library: a module of its name hides that."""
    found = []
    for layer, entries in layers:
        tops = {_module(PurePosixPath(one.path)) for one in entries} - {None}
        hidden = sorted(name for name in tops if name in sys.stdlib_module_names)
        found += [f"{name} of {layer}" for name in hidden if not _allowed(name, allowed)]
    return _told("modules that hide the standard library", found, "Uninstall such backports.")


def _module(path: PurePosixPath) -> str | None:
    parts = path.parts
    if len(parts) < 2 or parts[0] != "python":
        return None
    if len(parts) == 2:
        return path.stem.partition(".")[0] if path.suffix in (".py", ".so") else None
    return parts[1] if path.suffix in (".py", ".so") and parts[1] != "__pycache__" else None


def _allowed(name: str, allowed: Collection[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in allowed)


def _told(name: str, found: Sequence[str], remedy: str) -> Result:
    if not found:
        return Result("shadowing", name, Status.PASSED, "none")
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    words = f"{'; '.join(found[:_NAMED])}{more}. {remedy}"
    return Result("shadowing", name, Status.FAILED, words, {"count": len(found)})
