"""Metric math: what it computes, what is missing, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import UnsupportedResource

from localcloud.cloudwatch.expressions import Expression

VALUES = {"a": 6.0, "b": 3.0, "zero": 0.0, "none": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a / 1000", 0.006),
        ("a + b * 2 - -1", 13.0),
        ("(a + b) ^ 2", 81.0),
        ("100 * b / (a + b)", pytest.approx(33.333, rel=1e-3)),
        ("IF(a + b > 0, 100 * b / (a + b), 0)", pytest.approx(33.333, rel=1e-3)),
        ("IF(zero > 0, a / zero, 7)", 7.0),
        ("FILL(none, 0) + FILL(a, 0)", 6.0),
        ("FILL(none, b)", 3.0),
        ("SUM([a, b, none])", 9.0),
        ("MAX([a, b])", 6.0),
        ("MIN(a)", 6.0),
        ("AVG([a, b, none])", 4.5),
        ("SUM([none])", None),
        ("ABS(0 - a) + CEIL(0.2) + FLOOR(1.9)", 8.0),
        ("a > b AND b > a", 0.0),
        ("a > b && b >= 3 || zero", 1.0),
        ("a != b OR none", None),
        ("a + none", None),
        ("IF(none, 1, 2)", None),
        ("ABS(none)", None),
        ("a / zero", None),
        ("10 ^ 400", None),
        ("(0 - a) ^ 0.5", None),
        ("unknown", None),
        ("-a", -6.0),
    ],
)
def test_values(text: str, value: float | None) -> None:
    assert Expression.parse(text).value(VALUES) == value


def test_names_are_those_of_metrics() -> None:
    assert Expression.parse("IF(a > 1, SUM([b, c]), FILL(d, 0))").names == set("abcd")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "RATE(a)",
        "METRICS()",
        "SUM(a, b)",
        "FILL(a)",
        "IF(a, b)",
        "FILL(a, REPEAT, x=1)",
        "'text'",
        "a[0]",
        "a.b",
        "a < b < c",
        "lambda: 1",
        "__import__('os').system('x')",
        "ANOMALY_DETECTION_BAND(a, 2)",
        "[a, b]",
        "if_(a)",
        "(" * 300 + "a" + ")" * 300,
        "a" + " + a" * 5_000,
    ],
)
def test_what_is_not_known_is_named(text: str) -> None:
    with pytest.raises(UnsupportedResource, match="cannot evaluate the metric math"):
        Expression.parse(text)


@given(st.text(max_size=30))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        expression = Expression.parse(text)
    except UnsupportedResource:
        return
    assert expression.value({}) is None or isinstance(expression.value({}), float)
