"""Which columns of a table hold times, values and the names of series: as told, or guessed."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from millrace.anomaly.instants import ms_of
from millrace.errors import ConfigurationError
from millrace.table_rows import number_or_text

from cli.anomaly_numbers import comma_is_decimal, is_number, read_value

_TIMES = (
    *("timestamp", "time", "datetime", "date_time", "event_time", "eventtime", "ts", "date"),
    *("ds", "@timestamp", "_time", "created_at", "epoch", "unix_time", "timestamp_ms", "day"),
)
_VALUES = ("value", "metric_value", "metric", "val", "y", "count", "rate")
_SERIES = (
    *("series", "series_id", "seriesid", "metric_name", "metricname", "name", "key", "host"),
    *("hostname", "instance", "device", "device_id", "sensor", "sensor_id", "unique_id", "tag"),
)
_IDS = ("id", "event_id", "eventid", "uuid")
# Numbers that are no measurements, and what an earlier run may have written.
_NO_VALUES = {
    *("", "index", "row", "rownum", "label", "anomaly", "is_anomaly", "anomaly_flag", "score"),
    *("alert", "strange", "expected", "low", "high", "processed_flag", "feature1", "feature2"),
    *_IDS,
}
_FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%b/%Y:%H:%M:%S %z",
)
# Taken where the first rows cannot be the month first.
_DAY_FIRST = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
# Numbers from these on are no seconds any more, but milliseconds, and so on.
_PER_SECOND = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_MOST = 0.9  # of a column must be what it is taken for


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person said of the columns."""

    time: str | None = None
    values: tuple[str, ...] = ()
    series: str | None = None
    time_format: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the parts of a row stand. Without a time, rows are judged in their order only."""

    names: tuple[str, ...]
    time: int | None
    values: tuple[int, ...]
    series: int | None
    id: int | None
    time_format: str | None
    decimal_comma: bool = False

    def read_value(self, text: str) -> float:
        """A cell of a column of values; NaN where it is empty. Raises ValueError."""
        return read_value(text, decimal_comma=self.decimal_comma)

    def read_time_ms(self, text: str) -> int:
        """A cell of the column of times. Raises ValueError, OverflowError."""
        return read_time_ms(text, self.time_format)

    def words(self) -> str:
        """For people."""
        time = "none, rows are judged in their order" if self.time is None else self._at(self.time)
        if self.time_format is not None:
            time = f"{time} ({self.time_format})"
        values = ", ".join(self._at(place) for place in self.values)
        series = "" if self.series is None else f", series: {self._at(self.series)}"
        comma = ", with a decimal comma" if self.decimal_comma else ""
        return f"time: {time}, value: {values}{comma}{series}"

    def document(self) -> dict[str, object]:
        """For machines."""
        return {
            "time": None if self.time is None else self.names[self.time],
            "values": [self.names[place] for place in self.values],
            "series": None if self.series is None else self.names[self.series],
        }

    def _at(self, place: int) -> str:
        return self.names[place] or f"column {place + 1}"


def has_header(first: Sequence[str]) -> bool:
    """Whether a first row names the columns: it does unless a cell of it is a number or a time.

    >>> has_header(["time", "value"]), has_header(["2026-01-01", "5"]), has_header(["a", ""])
    (True, False, True)
    """
    return not any(is_number(cell) or _is_time(cell, None) for cell in first if cell.strip())


def columns_of(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    wanted: Wanted,
    where: str,
    delimiter: str = ",",
) -> Columns:
    """The columns as told, or as the first rows make them look. Raises ConfigurationError."""
    table = _Table([name.strip() for name in names], rows, where, delimiter)
    series = table.named(wanted.series, "--series-column") if wanted.series else None
    given = tuple(dict.fromkeys(table.named(name, "--value") for name in wanted.values))
    taken = {series, *given}
    time = table.named(wanted.time, "--time") if wanted.time else table.time(taken, wanted)
    table.check_format(time, wanted)
    taken |= {time}
    if series is None and len(given) < 2:
        series = table.series(taken)
    event_id = next((place for place in table.called(_IDS) if place not in taken), None)
    values = given or table.values({*taken, series, event_id})
    form = wanted.time_format
    if form is None and time is not None:
        form = table.day_first(time)
    return Columns(tuple(table.names), time, values, series, event_id, form, table.decimal_comma)


class _Table:
    def __init__(
        self, names: list[str], rows: Sequence[Sequence[str]], where: str, delimiter: str
    ) -> None:
        self.names = names
        self.rows = rows
        self.where = where
        cells = (cell.strip() for row in rows for cell in row)
        self.decimal_comma = comma_is_decimal(cells, delimiter)

    def is_number(self, cell: str) -> bool:
        return is_number(cell, decimal_comma=self.decimal_comma)

    def named(self, name: str, option: str) -> int:
        """A column by its name, or by its number from 1. Raises ConfigurationError."""
        if name in self.names:
            return self.names.index(name)
        if name.isdecimal() and 0 < int(name) <= len(self.names):
            return int(name) - 1
        near = difflib.get_close_matches(name, self.names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        there = ", ".join(name or "(no name)" for name in self.names)
        raise ConfigurationError(
            f"{self.where}: there is no column {name!r} for {option}; there are: {there}.{hint}"
        )

    def called(self, names: Sequence[str]) -> list[int]:
        """The columns of these names, the likeliest first."""
        lower = [name.lower() for name in self.names]
        return [lower.index(name) for name in names if name in lower]

    def cells(self, place: int) -> list[str]:
        return [row[place].strip() for row in self.rows if place < len(row) and row[place].strip()]

    def share(self, place: int, test: Callable[[str], bool]) -> float:
        cells = self.cells(place)
        return sum(map(test, cells)) / len(cells) if cells else 0.0

    def time(self, taken: set[int | None], wanted: Wanted) -> int | None:
        def is_time(cell: str) -> bool:
            return _is_time(cell, wanted.time_format)

        for place in self.called(_TIMES):
            if place not in taken and self.day_first(place):
                return place

        def is_named_time(cell: str) -> bool:
            return is_time(cell) or self.is_number(cell)  # such as seconds from a beginning

        for place in self.called(_TIMES):
            if place not in taken and self.share(place, is_named_time) >= _MOST:
                return place
        for place in range(len(self.names)):
            if place in taken or self.share(place, is_time) < _MOST:
                continue
            if self.share(place, self.is_number) < _MOST or self._is_epoch(place):
                return place
        return None

    def day_first(self, place: int) -> str | None:
        """The format of dates such as 31/1/2026, where the column holds one."""
        forms = _DAY_FIRST if any(not _is_time(cell, None) for cell in self.cells(place)) else ()
        for form in forms:
            if all(_is_time(cell, form) for cell in self.cells(place)):
                return form
        return None

    def check_format(self, time: int | None, wanted: Wanted) -> None:
        """Raise ConfigurationError where no time is written as --time-format says."""
        form = wanted.time_format
        if form is None or (time is not None and self.share(time, lambda c: _is_time(c, form))):
            return
        cell = next(iter(self.cells(time or 0)), "")
        raise ConfigurationError(
            f"{self.where}: no time is written as --time-format {form!r} says; the first cell of"
            f" {self.names[time or 0] or 'the first column'} is {cell!r:.60}. It is as strptime has"
            " it, such as %d/%m/%Y %H:%M; without the option common formats are seen."
        )

    def _is_epoch(self, place: int) -> bool:
        """Numbers of this century's seconds, or finer, that rise."""
        numbers = [float(cell) for cell in self.cells(place) if self.is_number(cell)]
        rise = all(a <= b for a, b in itertools.pairwise(numbers))
        return len(numbers) > 1 and rise and numbers[0] >= 9.5e8 and numbers[0] < numbers[-1]

    def series(self, taken: set[int | None]) -> int | None:
        for place in self.called(_SERIES):
            few = len(set(self.cells(place))) <= max(1, len(self.rows) // 2)
            if place not in taken and few and self.share(place, self.is_number) < _MOST:
                return place
        return None

    def values(self, taken: set[int | None]) -> tuple[int, ...]:
        def usable(place: int) -> bool:
            return place not in taken and self.share(place, self.is_number) >= _MOST

        for place in self.called(_VALUES):
            if usable(place):
                return (place,)
        found = tuple(
            place
            for place, name in enumerate(self.names)
            if usable(place) and name.lower() not in _NO_VALUES
        )
        if found:
            return found
        there = ", ".join(name or "(no name)" for name in self.names)
        raise ConfigurationError(
            f"{self.where}: no column looks like values; say which one with --value. There are:"
            f" {there}."
        )


def _is_time(cell: str, form: str | None) -> bool:
    try:
        read_time_ms(cell.strip(), form)
    except ValueError:
        return False
    return not is_number(cell) or float(number_or_text(cell.strip())) >= 1e8


def read_time_ms(text: str, form: str | None = None) -> int:
    """A moment: ISO 8601, a Unix time in seconds or finer, or a common way to write a date.

    Without a zone it is UTC. Raises ValueError.

    >>> [read_time_ms(text) for text in ("2026-01-31 12:00", "1769860800", "1769860800000")]
    [1769860800000, 1769860800000, 1769860800000]
    >>> read_time_ms("1/31/2026 12:00"), read_time_ms("31.01.2026 12:00")
    (1769860800000, 1769860800000)
    """
    text = text.strip()
    if form is not None:
        return _ms(datetime.strptime(text, form))  # noqa: DTZ007  UTC, where it has no zone
    number = number_or_text(text)
    if not isinstance(number, str):
        per_second = next((per for least, per in _PER_SECOND if abs(number) >= least), 1.0)
        return round(number / per_second * 1000)
    try:
        return _ms(datetime.fromisoformat(text))
    except ValueError:
        pass
    for one in _FORMATS:
        try:
            return _ms(datetime.strptime(text, one))  # noqa: DTZ007  as above
        except ValueError:
            continue
    raise ValueError(f"{text!r:.60} is no time")


def _ms(moment: datetime) -> int:
    return ms_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
