"""Whether a layer's bytecode is valid where it will be read, whatever has packed it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from millrace.lambda_layers.results import Result, Status

# The second four bytes of a .pyc: a hash of the source, that nobody checks (PEP 552).
_UNCHECKED = 1
_NAMED = 3


def compiled(layers: Sequence[tuple[str, Path]], version: str) -> Result:
    """Modules whose bytecode for this Python, as in 3.13, stays valid in any zip.

    Bytecode with a date is stale once a packager has changed the date, and /opt is read-only: what
    is imported of it is compiled again at every cold start.
    """
    total, stale = 0, []
    for name, folder in layers:
        paths = (one for one in (folder / "python").rglob("*.py") if one.is_file())
        for path in sorted(paths):
            total += 1
            if not _stays_valid(path, version) and _is_python(path):
                stale.append(f"{path.relative_to(folder).as_posix()} of {name}")
    if not stale:
        return Result("bytecode", "compiled for good", Status.PASSED, f"{total:,} modules")
    words = (
        f"{len(stale):,} of {total:,} modules have none that stays valid for Python {version}"
        f" ({', '.join(stale[:_NAMED])}); every cold start compiles what it imports of them."
        " Build it: millrace layers build"
    )
    return Result("bytecode", "compiled for good", Status.WARNING, words)


def _stays_valid(path: Path, version: str) -> bool:
    tag = f"cpython-{version.replace('.', '')}"
    try:
        with (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").open("rb") as file:
            head = file.read(8)
    except OSError:
        return False
    return int.from_bytes(head[4:8], "little") == _UNCHECKED


def _is_python(path: Path) -> bool:
    """Templates, and code for other Pythons, can be compiled by nobody."""
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True
