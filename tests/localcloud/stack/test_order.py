"""The order of creation: what is needed comes first, circles are named."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError

from localcloud.stack.intrinsics import Conditions, Resolver
from localcloud.stack.order import creation_order


class NoNames:
    def ref(self, name: str) -> object:
        return {"Wanted": "yes"}[name]

    def attribute(self, logical_id: str, name: str) -> object:
        raise KeyError(logical_id)


def order(resources: dict[str, dict[str, object]]) -> tuple[str, ...]:
    names = NoNames()
    declared: dict[str, object] = {
        "Yes": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
    }
    return creation_order(resources, Resolver(names, Conditions(declared, names)))


@pytest.mark.parametrize(
    "reference",
    [
        {"Ref": "B"},
        {"Fn::GetAtt": ["B", "Arn"]},
        {"Fn::GetAtt": "B.Arn"},
        {"Fn::Sub": "x/${B}"},
        {"Fn::Sub": "x/${ B.Arn }"},
        {"Fn::Sub": ["${X}${B}", {"X": 1}]},
        {"Fn::Sub": ["${X}", {"X": {"Ref": "B"}}]},
        {"Fn::Join": ["", ["x", {"Ref": "B"}]]},
        {"Fn::If": ["Yes", {"Ref": "B"}, "x"]},
        [{"deep": [{"Ref": "B"}]}],
    ],
)
def test_every_kind_of_reference_counts(reference: object) -> None:
    assert order({"A": {"Properties": {"P": reference}}, "B": {}}) == ("B", "A")


def test_depends_on_counts_in_both_of_its_forms() -> None:
    assert order({"A": {"DependsOn": "B"}, "B": {"DependsOn": ["C"]}, "C": {}}) == ("C", "B", "A")


def test_what_is_no_reference_does_not_count() -> None:
    resources: dict[str, dict[str, object]] = {
        "A": {
            "Properties": {
                "escaped": {"Fn::Sub": "${!B}"},
                "own": {"Fn::Sub": ["${B}", {"B": 1}]},
                "parameter": {"Ref": "Wanted"},
                "other branch": {"Fn::If": ["No", {"Ref": "B"}, "x"]},
            }
        },
        "B": {"DependsOn": "A"},
    }
    assert order(resources) == ("A", "B")


def test_a_resource_whose_condition_does_not_hold_is_left_out() -> None:
    resources: dict[str, dict[str, object]] = {
        "A": {"DependsOn": "B"},
        "B": {"Condition": "No", "Properties": {"P": {"Ref": "A"}}},
        "C": {"Condition": "Yes"},
    }
    assert order(resources) == ("A", "C")


def test_a_reference_to_a_resource_that_is_left_out_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="A refers to B, whose condition 'No'"):
        order({"A": {"Properties": {"P": {"Ref": "B"}}}, "B": {"Condition": "No"}})


def test_a_circle_is_named() -> None:
    def needs(other: str) -> dict[str, object]:
        return {"Properties": {"P": {"Ref": other}}}

    with pytest.raises(ConfigurationError) as refused:
        order({"A": needs("B"), "B": needs("C"), "C": needs("A")})
    start, circle = str(refused.value).split(": ")
    assert start == "Resources need each other in a circle"
    steps = circle.split(" → ")
    assert set(pairwise(steps)) == {("A", "B"), ("B", "C"), ("C", "A")}


def test_a_dependency_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationError, match="A depends on Z, which is not in the template"):
        order({"A": {"DependsOn": "Z"}})


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])))
def test_everything_comes_after_what_it_needs(edges: list[tuple[int, int]]) -> None:
    resources: dict[str, dict[str, object]] = {}
    for number in range(10):
        needed = [{"Ref": f"R{low}"} for low, high in edges if high == number]
        resources[f"R{number}"] = {"Properties": {"P": needed}}
    made = order(dict(reversed(resources.items())))
    assert sorted(made) == sorted(resources)
    assert all(made.index(f"R{low}") < made.index(f"R{high}") for low, high in edges)
