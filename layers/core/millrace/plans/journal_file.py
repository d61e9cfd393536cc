"""A journal in a file: a line an entry, each written through to the disk, one writer at a time.

Every line holds the hash of the line before it, so that what was cut out or edited is noticed. The
last line may be half of one: the process died while writing it, before the change that it
announces. It is cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError, PlanRefused, Unavailable
from millrace.plans.journal import Entry, entry
from millrace.plans.plan import canonical

_FIRST = "0" * 64


class FileJournal:
    """A journal in a file, which is made where it is not there. Use it in a `with`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise ConfigurationError(f"Cannot open {path}: {error.strerror}.") from error
        try:
            self._lock()
            self._entries, self._last = self._read()
            self._sync_folder()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> FileJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others write."""
        os.close(self._file)

    def entries(self) -> Sequence[Entry]:
        """See Journal."""
        return tuple(self._entries)

    def append(self, entry: Entry) -> None:
        """See Journal."""
        line = canonical({**entry.document, "after": self._last}) + b"\n"
        size = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise Unavailable(
                f"Cannot write {self.path}: {error.strerror}. Without a journal nothing is changed."
            ) from error
        self._last = _digest(line)
        self._entries.append(entry)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PlanRefused(
                "in-use",
                f"{self.path} is being written by another process: this plan is being carried out"
                " already. Wait for it.",
            ) from error

    def _sync_folder(self) -> None:
        """A new file's name must survive too."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> tuple[list[Entry], str]:
        content = self.path.read_bytes()
        whole = _whole(content)
        if len(whole) < len(content):
            os.ftruncate(self._file, len(whole))
        return _parsed(self.path, whole)


def read_entries(path: Path) -> Sequence[Entry]:
    """The entries of a journal that somebody else may be writing; none where there is none yet."""
    return _parsed(path, _whole(path.read_bytes()))[0] if path.exists() else ()


def _whole(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _parsed(path: Path, whole: bytes) -> tuple[list[Entry], str]:
    """The entries of whole lines, and the hash of the last one. Raises PlanRefused."""
    found, last = [], _FIRST
    for number, line in enumerate(whole.splitlines(keepends=True), 1):
        document = _document(path, line, number)
        if document.get("after") != last:
            raise PlanRefused(
                "tampered-journal",
                f"{path}:{number} does not follow the line before it: the journal was changed, so"
                " what is done is not known. Look at the cloud, and make a new plan.",
            )
        try:
            found.append(entry(document))
        except (ValueError, TypeError, KeyError) as error:
            raise _unreadable(path, number, error) from error
        last = _digest(line)
    return found, last


def _document(path: Path, line: bytes, number: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, number, error) from error
    if not isinstance(document, dict):
        raise _unreadable(path, number, TypeError("no object"))
    return document


def _unreadable(path: Path, number: int, error: Exception) -> PlanRefused:
    return PlanRefused(
        "unreadable-journal",
        f"{path}:{number} is no entry of a journal: {error}. Name another file, or mend it from a"
        " copy.",
    )


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
