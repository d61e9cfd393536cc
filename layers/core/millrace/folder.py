"""Objects in a folder of this machine: an archive that was copied out of S3, for one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from millrace.errors import QuarantineError, Unavailable


class FolderObjects:
    """Objects as files, whose paths in the folder are the keys."""

    parallel = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, body: bytes) -> None:
        """See millrace.objects.Objects."""
        path = self._path(key)
        # A reader never sees half an object. No key ends like this one.
        unfinished = path.with_name(f"{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(body)
            unfinished.replace(path)
        except OSError as error:
            raise _failed("write", path, error) from error

    def get(self, key: str) -> bytes:
        """See millrace.objects.Objects."""
        path = self._path(key)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise QuarantineError(f"No object {key!r} in {self.folder}.") from error
        except OSError as error:
            raise _failed("read", path, error) from error

    def keys(self, prefix: str) -> Iterator[str]:
        """See millrace.objects.Objects."""
        # What can hold such keys; the prefix may end within a name.
        within = self.folder / prefix.rpartition("/")[0]
        found = (
            (Path(folder) / name).relative_to(self.folder).as_posix()
            for folder, _, names in os.walk(within)
            for name in names
        )
        yield from sorted(key for key in found if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """See millrace.objects.Objects."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _failed("delete", path, error) from error

    def _path(self, key: str) -> Path:
        path = self.folder / key
        if not key or key.startswith("/") or ".." in key.split("/"):
            raise QuarantineError(f"{key!r} is no key of an object in a folder.")
        return path


def _failed(action: str, path: Path, error: OSError) -> Unavailable:
    return Unavailable(f"Cannot {action} {path}: {error.strerror}")
