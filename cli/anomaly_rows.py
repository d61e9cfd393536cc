"""Rows of any table with numbers, or of JSON lines: read as they come, each with its line."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import math
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, TextIO, cast

import orjson
from millrace.errors import ConfigurationError
from millrace.table_rows import delimiter_of

from cli.anomaly_columns import Columns, Wanted, columns_of, has_header
from cli.inputs import Input

# So many rows are looked at before the columns are known.
_LOOKED_AT = 200
_GZIP = b"\x1f\x8b"
_OTHER = {b"PK\x03\x04": "a ZIP archive or a spreadsheet", b"PAR1": "a Parquet file"}
_OTHER |= {b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}


class Row(NamedTuple):
    """One value: NaN where the cell is empty. `time_ms` is None where the table has no times."""

    line: int
    series: str
    time_ms: int | None
    value: float
    id: str | None


class Bad(NamedTuple):
    """A line that is no row, and what is wrong with it."""

    line: int
    problem: str


class _Record(NamedTuple):
    """The cells of a line, or what is wrong with it; line 0 holds the names of fields."""

    line: int
    cells: list[str]
    problem: str = ""


class Rows:
    """The rows of one source, which is read once; its columns are known from the beginning on."""

    def __init__(self, source: Input, wanted: Wanted, series: str) -> None:
        """`series` names what no column names. The source is not read yet."""
        self._name = source.name
        self._wanted = wanted
        self._series = series
        self._delimiter = ","
        self._cells = self._records(source)
        # Kept, for it closes the source when it goes.
        self._text: TextIO | None = None
        self._looked: list[_Record] = []
        self._columns: Columns | None = None

    @property
    def columns(self) -> Columns:
        """What the first rows show; they are read when this is first asked for.

        Raises ConfigurationError.
        """
        while self._columns is None:
            record = next(self._cells, None)
            if record is not None:
                self._looked.append(record)
            # While it was waited for, `so_far` may have settled them.
            if self._columns is None and (record is None or len(self._looked) >= _LOOKED_AT):
                self._columns = self._settled()
        return self._columns

    def __iter__(self) -> Iterator[Row | Bad]:
        """The rows that were not had before. Raises ConfigurationError."""
        columns = self.columns
        yield from self._taken(columns)
        for record in self._cells:
            yield from self._rows(record, columns)

    def so_far(self) -> Iterator[Row | Bad]:
        """What was looked at, for a source that pauses: the columns are settled by this alone.

        Nothing as long as there is no row but a header. Raises ConfigurationError.
        """
        if self._columns is None and _has_row(self._looked):
            self._columns = self._settled()
        if self._columns is not None:
            yield from self._taken(self._columns)

    def _settled(self) -> Columns:
        if not self._looked:
            raise ConfigurationError(f"{self._name} is empty: there are no rows in it.")
        names, self._looked = _names(self._looked, self._name)
        rows = [record.cells for record in self._looked if not record.problem]
        return columns_of(names, rows, self._wanted, self._name, self._delimiter)

    def _taken(self, columns: Columns) -> Iterator[Row | Bad]:
        looked, self._looked = self._looked, []
        for record in looked:
            yield from self._rows(record, columns)

    def _rows(self, record: _Record, columns: Columns) -> Iterator[Row | Bad]:
        line, cells, problem = record
        width = len(columns.names)
        if problem:
            yield Bad(line, problem)
        elif len(cells) != width:
            yield Bad(line, f"a row of {len(cells)} cells, where there are {width} columns")
        else:
            yield from self._row(line, cells, columns)

    def _row(self, line: int, cells: Sequence[str], columns: Columns) -> Iterator[Row | Bad]:
        name = self._series if columns.series is None else cells[columns.series].strip()
        event_id = None if columns.id is None else cells[columns.id].strip() or None
        try:
            time_ms = None if columns.time is None else columns.read_time_ms(cells[columns.time])
        except (ValueError, OverflowError) as error:
            yield Bad(line, f"{columns.names[columns.time or 0]}: {error}")
            return
        for place in columns.values:
            try:
                value = columns.read_value(cells[place])
            except ValueError as error:
                yield Bad(line, f"{columns.names[place]}: {error}")
                continue
            series = name
            if len(columns.values) > 1:
                own = columns.names[place]
                series = own if columns.series is None else f"{name}.{own}"
            yield Row(line, series or self._series, time_ms, value, event_id)

    def _records(self, source: Input) -> Iterator[_Record]:
        """Every record that is not blank, with the line where it ends."""
        line = 0
        plain = cast("BinaryIO", _plain(source))
        text = io.TextIOWrapper(plain, "utf-8-sig", "surrogateescape", newline="")
        self._text = text
        try:
            begin, skipped = _behind_comments(text)
            first = begin[0]
            lines = itertools.chain(begin, text)
            if first.lstrip().startswith("{"):
                yield from _objects(lines)
                return
            self._delimiter = delimiter_of(first.encode("utf-8", "surrogateescape"))
            reader = csv.reader(lines, delimiter=self._delimiter)
            for cells in reader:
                line = reader.line_num + skipped
                if any(cell.strip() for cell in cells):
                    yield _Record(line, [_clean(cell) for cell in cells])
        except csv.Error as error:
            yield _Record(line + 1, [], f"no row: {error}; nothing behind it was read")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            problem = f"the gzip file is damaged, or cut short, here: {error}"
            yield _Record(line + 1, [], problem)


def _behind_comments(text: TextIO) -> tuple[list[str], int]:
    """The first rows, and how many lines with `#` stand before them.

    The last such line names the columns where nothing else does, as numpy writes it.
    """
    comments = []
    while (line := text.readline()).startswith("#"):
        comments.append(line)
    if comments:
        delimiter = delimiter_of(line.encode("utf-8", "surrogateescape"))
        names = comments[-1].lstrip("# ")
        same = names.count(delimiter) == line.count(delimiter)
        if same and line.strip() and not has_header(line.split(delimiter)):
            return [names, line], len(comments) - 1
    return [line], len(comments)


def _has_row(looked: Sequence[_Record]) -> bool:
    """Whether there is more than a header."""
    good = [record for record in looked if not record.problem]
    return len(good) > 1 or (len(good) == 1 and not _is_header(good[0]))


def _is_header(record: _Record) -> bool:
    return record.line == 0 or has_header(record.cells)


def missing(row: Row) -> bool:
    """Whether a row has no value."""
    return math.isnan(row.value)


def _objects(lines: Iterator[str]) -> Iterator[_Record]:
    """JSON lines as a table: the fields of the first object are its columns."""
    fields: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document: Any = orjson.loads(line.encode("utf-8", "surrogateescape"))
        except orjson.JSONDecodeError as error:
            yield _Record(number, [], f"not valid JSON: {error}")
            continue
        if not isinstance(document, dict):
            yield _Record(number, [], f"must be a JSON object but is a {type(document).__name__}")
            continue
        if not fields:
            fields = list(document)
            yield _Record(0, fields)
        yield _Record(number, [_shown(document.get(field)) for field in fields])


def _shown(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _names(looked: list[_Record], where: str) -> tuple[list[str], list[_Record]]:
    """The names of the columns, and the rows behind them."""
    bad = list(itertools.takewhile(lambda record: bool(record.problem), looked))
    if len(bad) == len(looked):
        raise ConfigurationError(f"{where}, line {bad[0].line}: {bad[0].problem}")
    first, *rest = looked[len(bad) :]
    rest = [*bad, *rest]
    if _is_header(first):
        if not rest:
            raise ConfigurationError(f"{where} has a header and no rows.")
        return first.cells, rest
    return [f"column{place}" for place in range(1, len(first.cells) + 1)], looked


def _clean(cell: str) -> str:
    return cell if cell.isprintable() else cell.encode("utf-8", "replace").decode()


def _plain(source: Input) -> io.BufferedIOBase:
    """The source, unpacked where it is gzipped. Raises ConfigurationError."""
    reader = source.stream if isinstance(source.stream, io.BufferedReader) else None
    if reader is None:
        reader = io.BufferedReader(source.stream)
    start = reader.peek(4)[:4]
    for magic, kind in _OTHER.items():
        if start.startswith(magic):
            raise ConfigurationError(
                f"{source.name} is {kind}; what can be read is CSV, TSV or JSON lines in UTF-8,"
                " plain or gzipped."
            )
    return io.BufferedReader(gzip.GzipFile(fileobj=reader)) if start[:2] == _GZIP else reader
