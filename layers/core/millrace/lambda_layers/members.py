"""What is wrong with the files of a layer as such: modes, links, paths, machines, sizes."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from millrace.lambda_layers import native
from millrace.lambda_layers.findings import Finding, Severity
from millrace.lambda_layers.tree import LIMIT_BYTES

# Text and code come to a tenth. What comes to this much less was made to.
_BOMB_RATIO = 200
_BOMB_BYTES = 10_000_000
# Without these a zip says nothing of Unix modes.
_UNIX = 3


def of_zip(path: Path) -> list[Finding]:
    """What is wrong with a zip by its directory, before anything of it is unpacked."""
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError) as error:
        return [_unsafe("not-a-zip", path.name, f"cannot be read as a zip: {error}")]
    found = [*_twice(members), *_bombs(path.name, members)]
    for one in members:
        found += _path(one)
        if one.create_system == _UNIX:
            found += _mode(one.filename, one.external_attr >> 16)
    return found


def broken(name: str, message: str) -> Finding:
    """A zip whose directory could be read, but not its files."""
    return _unsafe("not-a-zip", name, message)


def _unsafe(rule: str, place: str, message: str) -> Finding:
    return Finding(
        Severity.CRITICAL, rule, place, message, "Do not use this zip; build the layer from source."
    )


def _twice(members: list[ZipInfo]) -> Iterator[Finding]:
    seen = set[str]()
    for one in members:
        if one.filename in seen:
            yield _unsafe(
                "duplicate-path", one.filename, "is there twice: scanners and Lambda may differ"
            )
        seen.add(one.filename)


def _bombs(name: str, members: list[ZipInfo]) -> Iterator[Finding]:
    total = sum(one.file_size for one in members)
    if total > LIMIT_BYTES:
        yield _unsafe(
            "too-large", name, f"unpacks to {total:,} bytes; Lambda takes {LIMIT_BYTES:,} at most"
        )
    for one in members:
        if one.file_size > _BOMB_BYTES and one.file_size > _BOMB_RATIO * max(1, one.compress_size):
            yield _unsafe(
                "zip-bomb",
                one.filename,
                f"{one.compress_size:,} bytes that unpack to {one.file_size:,}",
            )


def _path(one: ZipInfo) -> Iterator[Finding]:
    # `filename` ends at a NUL, and has other separators where this runs replaced.
    name = one.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).anchor:
        yield _unsafe("absolute-path", name, "is an absolute path: it leads out of /opt")
    elif ".." in path.parts or "\\" in name or "\0" in name:
        yield _unsafe("path-traversal", name, "leads out of the layer, or would on some system")


def of_folder(folder: Path, architecture: str | None) -> list[Finding]:
    """What is wrong with the files of a layer's folder, for functions on `architecture`."""
    found: list[Finding] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found += _mode(name, path.lstat().st_mode)
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            found.append(
                _unsafe("path-traversal", name, f"is a link that leads out: {path.readlink()}")
            )
    return [*found, *_machines(folder, architecture)]


def _mode(name: str, mode: int) -> Iterator[Finding]:
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        yield Finding(
            Severity.HIGH,
            "symlink",
            name,
            "is a symbolic link; what it points to is decided in the function's sandbox",
            "Put the file itself in its place.",
        )
        return  # a link's own mode says nothing
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield _unsafe("special-file", name, "is a device, a pipe or a socket")
    if mode & (stat.S_ISUID | stat.S_ISGID) and kind != stat.S_IFDIR:
        yield Finding(
            Severity.HIGH,
            "setuid",
            name,
            f"runs with its owner's rights, whoever starts it (mode {stat.S_IMODE(mode):04o})",
            f"chmod u-s,g-s {name}",
        )
    if mode & stat.S_IWOTH:
        yield Finding(
            Severity.MEDIUM,
            "world-writable",
            name,
            f"may be written by anybody (mode {stat.S_IMODE(mode):04o})",
            f"chmod o-w {name}",
        )


def _machines(folder: Path, architecture: str | None) -> Iterator[Finding]:
    names = {number: name for name, number in native.MACHINES.items()}
    for path in native.libraries(folder):
        number = native.machine(path) or 0
        if architecture is not None and number != native.MACHINES[architecture]:
            yield Finding(
                Severity.HIGH,
                "wrong-architecture",
                path.relative_to(folder).as_posix(),
                f"is for {names.get(number, f'machine {number}')}, the layer for {architecture}:"
                " functions cannot load it",
                "Build the layer with --architecture of the functions, from wheels.",
            )
