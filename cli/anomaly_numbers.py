"""Numbers as they stand in tables: with a point or a comma, and with thousands apart."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from millrace.table_rows import number_or_text

_EMPTY = ("", "nan", "null", "none", "na", "n/a", "-")
_COMMA = re.compile(r"[-+]?[\d.]*\d,\d+")
# 1.234,5 or 12345,678 or 0,125 or 3,5: no comma of thousands stands there.
_DECIMAL = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+,\d+|\d{4,},\d+|0\d*,\d+|\d+,(\d{1,2}|\d{4,}))")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}((,\d{3}){2,}(\.\d*)?|,\d{3}\.\d*)")


def comma_is_decimal(cells: Iterable[str], delimiter: str) -> bool:
    """Whether the comma divides the whole from its parts, in a table with these cells.

    `1,234` is either; any other number with a comma tells. Where none does, a table that is not
    divided by commas is from a place that writes the decimal so.

    >>> comma_is_decimal(["1,234", "0,5"], ","), comma_is_decimal(["1,234", "1,234.5"], ";")
    (True, False)
    >>> comma_is_decimal(["1,234"], ";"), comma_is_decimal(["1,234"], ",")
    (True, False)
    """
    some = False
    for cell in cells:
        if _THOUSANDS.fullmatch(cell):
            return False
        if _DECIMAL.fullmatch(cell):
            return True
        some = some or _COMMA.fullmatch(cell) is not None
    return some and delimiter == ";"


def read_value(text: str, *, decimal_comma: bool = False) -> float:
    """A number as it stands in a cell; `nan` and an empty cell are no value. Raises ValueError.

    Without `decimal_comma`, a comma is one of thousands wherever it can be.

    >>> read_value("1,234.5"), read_value(" 12 "), read_value("3,5"), read_value("1.234,5")
    (1234.5, 12.0, 3.5, 1234.5)
    >>> read_value("1,234"), read_value("1,234", decimal_comma=True)
    (1234.0, 1.234)
    """
    stripped = text.strip()
    if stripped.lower() in _EMPTY:
        return math.nan
    comma = "," in stripped
    if comma and (decimal_comma or _DECIMAL.fullmatch(stripped)):
        found = _of_decimal_comma(stripped)
    else:
        found = number_or_text(stripped.replace(",", ""))
    if isinstance(found, str):
        shown = stripped if len(stripped) <= 40 else f"{stripped[:40]}…"
        raise ValueError(f"{shown!r} is no number")
    return float(found)


def is_number(cell: str, *, decimal_comma: bool = False) -> bool:
    """Whether a cell holds a number, or says that it holds none."""
    try:
        read_value(cell, decimal_comma=decimal_comma)
    except ValueError:
        return False
    return True


def _of_decimal_comma(text: str) -> int | float | str:
    whole, _, parts = text.partition(",")
    return number_or_text(f"{whole.replace('.', '')}.{parts}")
