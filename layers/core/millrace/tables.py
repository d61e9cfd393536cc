"""Files of events: JSON lines, CSV and TSV, plain or gzipped, read line by line.

A *column mapping* such as ``userId=SessionId,timestamp=Time`` says which column (or JSON field)
becomes which field of an event; what it does not name keeps its own name. A table has only text:
there the time and the numbers of features.toml become numbers where they look like one, everything
else stays text, and an empty cell is a field that the event does not have.

What cannot be read as an event is never dropped: it comes as the bytes that stand in the file, so
that whoever puts events on a stream can pass it on to quarantine. Only what makes the whole file
unreadable is an error, which names file and line.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO, Literal, get_args

import orjson

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions
from millrace.paths import NOWHERE, value_at, with_field
from millrace.table_rows import DELIMITERS, Line, Table, delimiter_of

Format = Literal["jsonl", "csv", "tsv"]
FORMATS: tuple[Format, ...] = get_args(Format)

# No event is as long by far; a longer line means that this is no file of lines.
MAX_LINE_BYTES = 8 * 1024 * 1024

_FORMAT_OF_ENDING: Mapping[str, Format] = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "jsonl",
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
}
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_OTHER_KINDS = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"PAR1": "a Parquet file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
}


def parse_mapping(*texts: str) -> dict[str, str]:
    """The column of each field, from texts such as ``userId=SessionId,itemId=ItemId``.

    Raises ConfigurationError.

    >>> parse_mapping("userId=SessionId, timestamp=Time", "detail.item=ItemId")
    {'userId': 'SessionId', 'timestamp': 'Time', 'detail.item': 'ItemId'}
    """
    found: dict[str, str] = {}
    for pair in chain.from_iterable(text.split(",") for text in texts if text.strip()):
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column or not field or not all(field.split(".")):
            raise ConfigurationError(
                f"{pair.strip()!r} in a column mapping must be FIELD=COLUMN, such as"
                " userId=SessionId; pairs are separated by commas."
            )
        if field in found:
            raise ConfigurationError(
                f"The column mapping names {field!r} twice, as {found[field]!r} and {column!r}."
            )
        found[field] = column
    return found


def read_events(
    stream: BinaryIO,
    name: str,
    definitions: Definitions,
    mapping: Mapping[str, str] | None = None,
    form: Format | None = None,
) -> Iterator[Line]:
    """The events of a file in their order, holding one line at a time in memory.

    `name` stands in errors, and its ending tells the format where `form` does not; where neither
    does, the first line tells it. Blank lines are passed over. Raises ConfigurationError.
    """
    lines = _Lines(_plain(stream, name), name)
    first = next(lines, None)
    if first is None:
        return
    first = first.removeprefix(_BOM)
    _refuse_other_kinds(first, name)
    form = form or _format_of(name, first)
    everything = chain((first,), lines)
    if form == "jsonl":
        yield from _json_lines(everything, name, dict(mapping or {}))
    else:
        delimiter = "\t" if form == "tsv" else delimiter_of(first)
        yield from Table(name, definitions, dict(mapping or {})).rows(everything, delimiter)


class _Lines:
    """Lines of a stream; what keeps them from being read is an error that names the line."""

    def __init__(self, stream: io.BufferedIOBase, name: str) -> None:
        self._stream = stream
        self._name = name
        self._number = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._number += 1
        try:
            line = self._stream.readline(MAX_LINE_BYTES + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._error(f"the gzip file is damaged or cut short: {error}") from error
        except OSError as error:
            raise self._error(f"cannot be read: {error}") from error
        if len(line) > MAX_LINE_BYTES:
            raise self._error(
                f"is longer than {MAX_LINE_BYTES >> 20} MB; an event is one line (JSON: jq -c .)"
            )
        if not line:
            raise StopIteration
        return line

    def _error(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self._name}, line {self._number}: {problem}")


def _plain(stream: BinaryIO, name: str) -> io.BufferedIOBase:
    """The stream, unpacked where it is gzipped: its bytes tell, whatever its name."""
    # A reader that can look ahead also where the stream cannot go back, such as a pipe.
    reader = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_Raw(stream))
    try:
        packed = reader.peek(len(_GZIP)).startswith(_GZIP)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error}") from error
    return io.BufferedReader(gzip.GzipFile(fileobj=reader)) if packed else reader


class _Raw(io.RawIOBase):
    """Any binary stream as a raw one; closing it leaves the stream open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  a writable buffer
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _refuse_other_kinds(first: bytes, name: str) -> None:
    for magic, kind in _OTHER_KINDS.items():
        if first.startswith(magic):
            raise ConfigurationError(
                f"{name} is {kind}; what can be read is JSON lines, CSV or TSV, in UTF-8, plain or"
                " gzipped."
            )


def _format_of(name: str, first: bytes) -> Format:
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    if ending in _FORMAT_OF_ENDING:
        return _FORMAT_OF_ENDING[ending]
    start = first.lstrip()
    if start.startswith((b"{", b"[")) or not any(d in start for d in DELIMITERS):
        return "jsonl"
    return "csv"


# JSON lines.


def _json_lines(lines: Iterable[bytes], name: str, mapping: Mapping[str, str]) -> Iterator[Line]:
    begun = False
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            if not begun and text.startswith(b"["):
                raise ConfigurationError(
                    f"{name}, line {number}: a JSON list that spans lines; one object a line is"
                    f" needed: jq -c '.[]' {name}"
                ) from error
            yield Line(number, text, f"not valid JSON: {error}")
        else:
            renamed = mapping and isinstance(document, dict)
            yield Line(number, _renamed(document, mapping) if renamed else document)
        begun = True


def _renamed(document: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    found = {field: _value(document, source) for field, source in mapping.items()}
    moved = {source for field, source in mapping.items() if found[field] is not NOWHERE}
    renamed = {name: value for name, value in document.items() if name not in moved}
    for field, value in found.items():
        if value is not NOWHERE:
            renamed = with_field(renamed, field, value)
    return renamed


def _value(document: Mapping[str, Any], source: str) -> object:
    """A field by its name, which may hold dots, or by its path."""
    return document[source] if source in document else value_at(document, source)
