"""Rows of a CSV or TSV file as events: see `tables`, which reads files of every format."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions
from millrace.paths import with_field

DELIMITERS = (b",", b"\t", b";", b"|")

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Line(NamedTuple):
    """One event of a file.

    `number` is the line where it begins, from 1; `document` is its JSON value. Where there is none,
    `document` is the bytes in the file, and `problem` says what is wrong with them.
    """

    number: int
    document: Any
    problem: str = ""


def delimiter_of(header: bytes) -> str:
    """What divides a header most often; the comma where nothing does.

    >>> delimiter_of(b"userId;price, net;time")
    ';'
    """
    return max(DELIMITERS, key=header.count).decode()


class Table:
    """A table with a header, whose rows become events."""

    def __init__(self, name: str, definitions: Definitions, mapping: Mapping[str, str]) -> None:
        event = definitions.event
        numbers = tuple(number.field for number in event.numbers)
        self._name = name
        self._mapping = mapping
        self._numeric = {event.time, *numbers}
        keys = (entity.key for entity in definitions.entities)
        categories = (category.field for category in event.categories)
        # Only paths that the definitions read are nested; another column's dot is its own.
        self._paths = {event.id, event.time, event.type, *keys, *numbers, *categories, *mapping}

    def rows(self, lines: Iterator[bytes], delimiter: str) -> Iterator[Line]:
        """Every row but the header. Raises ConfigurationError where there is no usable header.

        A row with a stray quote, or with more or fewer cells than the header, is passed on as it
        stands, and the line behind it is read afresh.
        """
        taken = _Taken(lines)
        reader = csv.reader(taken, delimiter=delimiter, strict=True)
        header = self._header(reader)
        fields = self._fields(header)
        while True:
            number = taken.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(number, taken.give_back(), f"no row of a table: {error}")
                continue
            if len(cells) == len(header) and all(map(_is_text, cells)):
                yield Line(number, self._event(cells, fields))
            elif raw := taken.give_back():
                yield Line(number, raw, _problem(cells, header))

    def _header(self, reader: Iterator[list[str]]) -> list[str]:
        try:
            header = [name.strip() for name in next(reader)]
        except csv.Error as error:
            raise self._error(f"the header cannot be read: {error}") from error
        if not all(map(_is_text, header)):
            raise self._error("the header is not UTF-8 text; save the file as UTF-8")
        for name in header:
            if name and header.count(name) > 1:
                raise self._error(f"the column {name!r} stands there twice")
        # Programs that number their rows leave that column without a name.
        return [name or f"column{place}" for place, name in enumerate(header, 1)]

    def _fields(self, header: Sequence[str]) -> list[tuple[str, int]]:
        """The fields of an event, each with the index of its column; mapped ones last."""
        for field, column in self._mapping.items():
            if column not in header:
                near = difflib.get_close_matches(column, header, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise self._error(
                    f"there is no column {column!r} for {field}; there are:"
                    f" {', '.join(header)}.{hint}"
                )
        moved = set(self._mapping.values())
        own = [(name, index) for index, name in enumerate(header) if name not in moved]
        return own + [(field, header.index(column)) for field, column in self._mapping.items()]

    def _event(self, cells: Sequence[str], fields: Sequence[tuple[str, int]]) -> dict[str, Any]:
        event: dict[str, Any] = {}
        for field, index in fields:
            text = cells[index]
            if not text:
                continue
            value = number_or_text(text) if field in self._numeric else text
            if "." in field and field in self._paths:
                event = with_field(event, field, value)
            else:
                event[field] = value
        return event

    def _error(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self._name}, line 1: {problem}")


class _Taken:
    """Lines as text for a CSV reader, which may be given back as long as a row is not whole."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._waiting: deque[bytes] = deque()
        self._row: list[bytes] = []
        self._number = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._row.append(line)
        return line.decode("utf-8", "surrogateescape")

    def begin(self) -> int:
        """Begin a row; the number of its first line."""
        self._number += len(self._row)
        self._row.clear()
        return self._number

    def give_back(self) -> bytes:
        """The row's first line as it stands in the file; those behind it come again."""
        first, *rest = self._row
        self._waiting.extendleft(reversed(rest))
        self._row = [first]
        return first.strip()


def _problem(cells: Sequence[str], header: Sequence[str]) -> str:
    if len(cells) != len(header):
        return f"a row of {len(cells)} cells, where the header has {len(header)}"
    return "not UTF-8 text"


def _is_text(cell: str) -> bool:
    """Whether a cell was UTF-8: bytes that were not have become lone surrogates."""
    return cell.isascii() or not any("\udc80" <= c <= "\udcff" for c in cell)


def number_or_text(text: str) -> int | float | str:
    """The finite number that a text is, or the text.

    >>> [number_or_text(text) for text in ("12", " 1.5e3 ", "1e999", "x")]
    [12, 1500.0, '1e999', 'x']
    """
    stripped = text.strip()
    if _WHOLE.fullmatch(stripped):
        return int(stripped)
    if _DECIMAL.fullmatch(stripped):
        number = float(stripped)
        if math.isfinite(number):
            return number
    return text
