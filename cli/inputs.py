"""Files of events that commands read: a path, or - for standard input."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions
from millrace.table_rows import Line
from millrace.tables import FORMATS, Format, parse_mapping, read_events

from cli.output import say

STANDARD_INPUT = "-"

# A source that gives nothing for as long has paused.
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's lines become events: its format, where it is known, and the column mapping."""

    form: Format | None
    mapping: Mapping[str, str]

    @classmethod
    def of(cls, form: str | None, mapping: list[str] | None) -> Layout:
        """From the options --format and --map. Raises ConfigurationError."""
        if form is not None and form not in FORMATS:
            raise ConfigurationError(f"--format {form}: must be one of {', '.join(FORMATS)}.")
        return cls(form, parse_mapping(*mapping or ()))


@dataclass(frozen=True, slots=True)
class Input:
    """An open source of events.

    `size` is its length in bytes, or None where it has no end that is known, such as a pipe; such a
    source can be read only once.
    """

    name: str
    stream: BinaryIO
    size: int | None

    def lines(self, definitions: Definitions, layout: Layout) -> Iterator[Line]:
        """Its events, from where it stands. Raises ConfigurationError."""
        return read_events(self.stream, self.name, definitions, layout.mapping, layout.form)

    def position(self) -> int:
        """How many of its bytes have been read; 0 where that is not known."""
        return 0 if self.size is None else self.stream.tell()


@contextlib.contextmanager
def opened(
    file: str, *, on_pause: Callable[[], None] | None = None, twice: bool = False
) -> Iterator[Input]:
    """A file, or standard input. Raises ConfigurationError where it cannot be opened.

    `on_pause` is called whenever a source without an end has nothing to give for a moment. With
    `twice` the source can be read again, from a copy where it could not by itself.
    """
    with contextlib.ExitStack() as exits:
        if file == STANDARD_INPUT:
            if sys.stdin.isatty():
                say("Reading events from the terminal; Ctrl-D ends them.")
            found = Input("standard input", sys.stdin.buffer, None)
        else:
            found = exits.enter_context(_opened_path(Path(file)))
        if found.size is None:
            if twice:
                found = exits.enter_context(_copied(found))
            elif on_pause is not None:
                found = Input(found.name, _pausing(found.stream, on_pause), None)
        yield found


@contextlib.contextmanager
def _opened_path(path: Path) -> Iterator[Input]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror}.") from error
    with stream:
        status = os.fstat(stream.fileno())
        yield Input(str(path), stream, status.st_size if stat.S_ISREG(status.st_mode) else None)


@contextlib.contextmanager
def _copied(source: Input) -> Iterator[Input]:
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source.stream, copy)
        size = copy.tell()
        copy.seek(0)
        yield Input(source.name, cast("BinaryIO", copy), size)


def _pausing(stream: BinaryIO, on_pause: Callable[[], None]) -> BinaryIO:
    raw = getattr(stream, "raw", None)
    if not isinstance(raw, io.FileIO):
        return stream
    return io.BufferedReader(_Pausing(raw, on_pause))


class _Pausing(io.RawIOBase):
    """A pipe or terminal that tells when it is about to keep its reader waiting."""

    def __init__(self, raw: io.FileIO, on_pause: Callable[[], None]) -> None:
        self._raw = raw
        self._on_pause = on_pause

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401  a writable buffer
        ready, _, _ = select.select([self._raw], [], [], _PAUSE_S)
        if not ready:
            self._on_pause()
        return self._raw.readinto(buffer)
