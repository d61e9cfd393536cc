"""What is in a layer, file by file, and one hash of it that no date and no packager can change."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import LayerError

# Of all layers of a function and the function itself, unzipped.
LIMIT_BYTES = 262_144_000
# Above it a zip goes through S3.
UPLOAD_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file of a layer: its path there, 0o755 or 0o644, its size and its content's SHA-256."""

    path: str
    mode: int
    size: int
    sha256: str


def entries(folder: Path) -> tuple[Entry, ...]:
    """Every file below a folder, by path. Raises LayerError for what is neither file nor folder.

    Of the mode only one thing reaches a function: whether the file can be executed. The rest is
    the umask of whoever built it.
    """
    return tuple(sorted(_entry(path, folder) for path in folder.rglob("*") if not _folder(path)))


def _folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entry(path: Path, folder: Path) -> Entry:
    name = path.relative_to(folder).as_posix()
    if not name.isprintable():
        raise LayerError(f"{name!r} is no name that a zip can hold safely. Rename the file.")
    found = path.lstat().st_mode
    if not stat.S_ISREG(found):
        kind = "a symbolic link" if stat.S_ISLNK(found) else "no regular file"
        raise LayerError(
            f"{name} is {kind}; a layer holds files only. Put the file itself in its place."
        )
    content = path.read_bytes()
    mode = 0o755 if found & 0o111 else 0o644
    return Entry(name, mode, len(content), hashlib.sha256(content).hexdigest())


def tree_hash(files: Iterable[Entry], runtime: str, architecture: str) -> str:
    """The SHA-256 of a layer's content, for a runtime and an architecture.

    >>> one = Entry("python/a.py", 0o644, 0, hashlib.sha256(b"").hexdigest())
    >>> tree_hash([one], "python3.13", "arm64")[:8] == tree_hash([one], "python3.13", "x86_64")[:8]
    False
    """
    digest = hashlib.sha256(f"{runtime}\0{architecture}\n".encode())
    for one in sorted(files):
        # A path may hold anything but NUL, even a line's end.
        digest.update(f"{one.path}\0{one.mode:o}\0{one.sha256}\n".encode())
    return digest.hexdigest()


def size(files: Iterable[Entry]) -> int:
    """How many bytes they are, unzipped."""
    return sum(one.size for one in files)
