"""Numbers as tables of all places write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.anomaly_numbers import comma_is_decimal, read_value


@pytest.mark.parametrize(
    ("text", "value"), [("1,234", 1234.0), ("1,5", 1.5), ("-3e2", -300.0), ("1,234.25", 1234.25)]
)
def test_numbers(text: str, value: float) -> None:
    assert read_value(text) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_it_was_written(value: float) -> None:
    assert read_value(repr(value)) == value


@given(st.floats(-1e9, 1e9), st.integers(1, 6))
def test_decimal_commas_are_read_as_they_were_written(value: float, digits: int) -> None:
    text = f"{value:,.{digits}f}"
    european = text.translate(str.maketrans(",.", ".,"))
    assert read_value(european, decimal_comma=True) == float(text.replace(",", ""))


def test_one_cell_tells_of_all() -> None:
    assert not comma_is_decimal(["1,234", "2,345,678"], ";")
    assert comma_is_decimal(["51,359", "51,35"], ",")
