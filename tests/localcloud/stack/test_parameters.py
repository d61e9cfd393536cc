"""Parameters: defaults, overrides, and every rule that CloudFormation checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.parameters import resolve_parameters

DECLARED: dict[str, dict[str, object]] = {
    "Size": {"Type": "Number", "Default": 5, "MinValue": 1, "MaxValue": 10},
    "Mode": {"Type": "String", "Default": "a", "AllowedValues": ["a", "b"]},
    "Flag": {"Type": "String", "Default": True, "AllowedValues": [True, False]},
    "Name": {
        "Type": "String",
        "Default": "ab",
        "AllowedPattern": "[a-z]+",
        "MinLength": 2,
        "MaxLength": 4,
        "ConstraintDescription": "must be two to four letters.",
    },
    "Days": {"Type": "List<Number>", "Default": "1, 2", "MaxValue": 7},
    "Zones": {"Type": "CommaDelimitedList", "Default": ""},
}


def test_defaults_are_texts_whatever_their_type() -> None:
    assert resolve_parameters(DECLARED, {}) == {
        "Size": "5",
        "Mode": "a",
        "Flag": "true",
        "Name": "ab",
        "Days": ["1", "2"],
        "Zones": [],
    }


def test_overrides_replace_defaults() -> None:
    given = {"Size": "7", "Mode": "b", "Zones": "x, y"}
    resolved = resolve_parameters(DECLARED, given)
    assert (resolved["Size"], resolved["Mode"], resolved["Zones"]) == ("7", "b", ["x", "y"])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Size", "0", "'Size' is '0', but it must be at least 1"),
        ("Size", "11", "it must be at most 10"),
        ("Size", "five", "a number is expected"),
        ("Mode", "c", "only a, b are allowed"),
        ("Flag", "yes", "only true, false are allowed"),
        ("Name", "A1", r"must match \[a-z\]\+\. It must be two to four letters"),
        ("Name", "abc\n", "must match"),
        ("Name", "a", "its length must be at least 2"),
        ("Name", "abcde", "its length must be at most 4"),
        ("Days", "1,8", "'8', but it must be at most 7"),
        ("Sice", "5", "no parameter 'Sice'; it has Days, Flag"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolve_parameters(DECLARED, {name: value})


def test_a_parameter_without_any_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'Mail' has no default"):
        resolve_parameters({"Mail": {"Type": "String"}}, {})


def test_ids_of_existing_resources_are_texts_that_nobody_looks_up() -> None:
    declared: dict[str, dict[str, object]] = {
        "Vpc": {"Type": "AWS::EC2::VPC::Id", "Default": "vpc-1"},
        "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": ""},
    }
    given = {"Subnets": "subnet-1, subnet-2"}
    assert resolve_parameters(declared, given) == {
        "Vpc": "vpc-1",
        "Subnets": ["subnet-1", "subnet-2"],
    }


def test_an_unknown_type_and_an_unknown_rule_are_named() -> None:
    for kind in ("AWS::SSM::Parameter::Value<String>", "List<AWS::EC2::VPC::Id", "Text"):
        with pytest.raises(UnsupportedResource, match=f"'Odd' has type '{kind}'"):
            resolve_parameters({"Odd": {"Type": kind, "Default": "x"}}, {})
    with pytest.raises(ConfigurationError, match="'Maximum' is not a rule"):
        resolve_parameters({"Size": {"Type": "Number", "Maximum": 3}}, {"Size": "1"})


@given(st.integers(-20, 20))
def test_exactly_the_numbers_within_the_bounds_pass(number: int) -> None:
    if 1 <= number <= 10:
        assert resolve_parameters(DECLARED, {"Size": str(number)})["Size"] == str(number)
    else:
        with pytest.raises(ConfigurationError):
            resolve_parameters(DECLARED, {"Size": str(number)})
