"""Native libraries: what machine they are for, read off their head."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from millrace.errors import LayerError

MACHINES = {"arm64": 183, "x86_64": 62}
_NAMES = {number: name for name, number in MACHINES.items()}
_HEAD = 20


def libraries(folder: Path) -> Iterator[Path]:
    """Every ELF file below a folder, by path: libraries, programs and extensions."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and machine(path) is not None:
            yield path


def machine(path: Path) -> int | None:
    """The machine of an ELF file; None for any other."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if len(head) < _HEAD or head[:4] != b"\x7fELF":
        return None
    return int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")


def check(folder: Path, architecture: str, version: str | None) -> None:
    """Raises LayerError for a library that the functions could not load.

    `version` is the minor version of Python, as in 3.13; None for functions of another language.
    """
    tag = f".cpython-{version.replace('.', '')}-" if version else ".cpython-"
    for path in libraries(folder):
        name = path.relative_to(folder).as_posix()
        number = machine(path) or 0
        if number != MACHINES[architecture]:
            found = _NAMES.get(number, f"machine {number}")
            raise LayerError(
                f"{name} is for {found}, but the layer is for {architecture}. A package was built"
                " for this host, from source; take a version of it that has a wheel."
            )
        if ".cpython-" in path.name and tag not in path.name:
            raise LayerError(
                f"{name} is for another Python than {version}. Take a version of the package that"
                f" has a wheel for {version}."
            )
