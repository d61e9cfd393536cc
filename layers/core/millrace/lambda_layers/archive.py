"""The zip of a layer: written the same every time, and read with suspicion."""

from __future__ import annotations

import lzma
import stat
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from millrace.errors import LayerError
from millrace.lambda_layers.tree import LIMIT_BYTES, Entry

# The earliest that a zip can say. Level 9 is 0.4 % smaller than 6, and takes three times as long.
_DATE = (1980, 1, 1, 0, 0, 0)
_LEVEL = 6
_UNIX = 3
_CHUNK = 1 << 20
# Of zipfile, of its decompressors, and of a file system that will not have such a name.
_UNREADABLE = (
    *(BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError),
    *(zlib.error, lzma.LZMAError, OSError),
)


def write(folder: Path, files: Iterable[Entry], target: Path) -> None:
    """Write the files of a folder as a zip, in their order, with no date and no owner."""
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for one in files:
            info = ZipInfo(one.path, _DATE)
            info.create_system = _UNIX
            info.external_attr = (stat.S_IFREG | one.mode) << 16
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, (folder / one.path).read_bytes())


def unpack(source: Path, folder: Path) -> None:
    """Unpack a layer's zip. Raises LayerError, before anything is written, for one not to trust."""
    try:
        with ZipFile(source) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            _check(source.name, members)
            for one in members:
                _unpack(archive, one, folder)
    except _UNREADABLE as error:
        raise LayerError(
            f"{source.name} cannot be unpacked: {error}. Make the zip anew."
        ) from error


def _check(name: str, members: list[ZipInfo]) -> None:
    seen = set[str]()
    for one in members:
        problem = _problem(one)
        if one.filename in seen:
            problem = "is there twice, and which of them counts is the unpacker's choice"
        if problem:
            raise LayerError(f"{name}: {one.filename!r} {problem}. Nothing was unpacked.")
        seen.add(one.filename)
    total = sum(one.file_size for one in members)
    if total > LIMIT_BYTES:
        raise LayerError(
            f"{name} says that it unpacks to {total:,} bytes; Lambda takes {LIMIT_BYTES:,} at most."
            " Nothing was unpacked."
        )


def _problem(one: ZipInfo) -> str:
    """What is wrong with a member, or nothing."""
    path = PurePosixPath(one.filename)
    kind = stat.S_IFMT(one.external_attr >> 16)
    if path.is_absolute() or PureWindowsPath(one.filename).anchor:
        return "is an absolute path; a layer's paths are relative to /opt"
    if ".." in path.parts or "\\" in one.filename:
        return "leads out of the layer, or would on some system"
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device; a layer holds files only"
    return ""


def _unpack(archive: ZipFile, one: ZipInfo, folder: Path) -> None:
    target = folder / one.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(one) as content, target.open("wb") as file:
        while chunk := content.read(_CHUNK):
            written += len(chunk)
            if written > one.file_size:
                raise BadZipFile(f"{one.filename!r} is longer than it says")
            file.write(chunk)
    target.chmod(0o755 if (one.external_attr >> 16) & 0o111 else 0o644)
