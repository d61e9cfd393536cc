"""Reading properties: conversions as CloudFormation makes them, leftovers refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.properties import Properties


def of(value: object) -> Properties:
    return Properties({"P": value}, "Box (T)")


@pytest.mark.parametrize(
    ("read", "value", "result"),
    [
        (Properties.text, "x", "x"),
        (Properties.text, 5, "5"),
        (Properties.text, True, "true"),
        (Properties.integer, "5", 5),
        (Properties.integer, -1, -1),
        (Properties.number, "0.5", 0.5),
        (Properties.boolean, "false", False),
        (Properties.boolean, True, True),
        (Properties.items, [1], [1]),
        (Properties.mapping, {"a": 1}, {"a": 1}),
        (Properties.optional_text, "x", "x"),
        (Properties.optional_integer, "7", 7),
    ],
)
def test_a_value_is_converted(
    read: Callable[[Properties, str], object], value: object, result: object
) -> None:
    properties = of(value)
    assert read(properties, "P") == result
    properties.done()


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (Properties.text, ["x"], "a text"),
        (Properties.integer, "5.5", "a whole number"),
        (Properties.number, "many", "a number"),
        (Properties.boolean, "yes", "true or false"),
        (Properties.items, "x", "a list"),
        (Properties.mapping, "x", "a mapping"),
        (Properties.nested, "x", "a mapping"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(
    read: Callable[[Properties, str], object], value: object, expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"Box \(T\): .*'P' must be {expected}"):
        read(of(value), "P")


def test_absent_properties() -> None:
    nothing = Properties({}, "Box (T)")
    assert nothing.optional_text("P") is None
    assert nothing.optional_integer("P") is None
    assert nothing.items("P") == []
    assert nothing.mapping("P") == {}
    assert nothing.text("P", "x") == "x"
    assert nothing.integer("P", 3) == 3
    assert nothing.boolean("P") is False
    with pytest.raises(ConfigurationError, match="'P' is missing"):
        nothing.text("P")


def test_what_nobody_took_is_refused() -> None:
    properties = Properties({"A": 1, "B": {"C": 2}}, "Box (T)")
    properties.ignore(["A", "absent"])
    inner = properties.nested("B")
    with pytest.raises(UnsupportedResource, match=r"Box \(T\)\.B: .*'C'"):
        inner.done()
    properties.done()
