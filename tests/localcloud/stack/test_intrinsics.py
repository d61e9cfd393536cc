"""CloudFormation's functions, one by one, and what each refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.intrinsics import NO_VALUE, Conditions, Resolver


@dataclass(frozen=True)
class Names:
    refs: Mapping[str, object]
    attributes: Mapping[tuple[str, str], object]

    def ref(self, name: str) -> object:
        return self.refs[name]

    def attribute(self, logical_id: str, name: str) -> object:
        return self.attributes[logical_id, name]


NAMES = Names(
    {
        "Mode": "fast",
        "Size": "5",
        "Zones": ["a", "b", "c"],
        "Table": "demo-Table-1",
        "AWS::Region": "us-east-1",
    },
    {("Table", "Arn"): "arn:table", ("Api", "Nested.Value"): "deep"},
)
MAPPINGS = {"Limits": {"us-east-1": {"small": 3, "names": ["x"]}}}
CONDITIONS: dict[str, object] = {
    "Fast": {"Fn::Equals": [{"Ref": "Mode"}, "fast"]},
    "Slow": {"Fn::Not": [{"Condition": "Fast"}]},
    "Both": {"Fn::And": [{"Condition": "Fast"}, {"Fn::Equals": [{"Ref": "Size"}, 5]}]},
    "Either": {"Fn::Or": [{"Condition": "Slow"}, {"Fn::Equals": ["a", "b"]}]},
    "Mapped": {"Fn::Equals": [{"Fn::FindInMap": ["Limits", "us-east-1", "small"]}, "3"]},
    "Circle": {"Fn::Not": [{"Condition": "Ring"}]},
    "Ring": {"Fn::Not": [{"Condition": "Circle"}]},
    "Nonsense": "yes",
    "Lonely": {"Fn::And": [{"Condition": "Fast"}]},
}


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(NAMES, Conditions(CONDITIONS, NAMES, MAPPINGS), MAPPINGS)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Mode"}, "fast"),
        ({"Ref": "Zones"}, ["a", "b", "c"]),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table"),
        ({"Fn::GetAtt": "Table.Arn"}, "arn:table"),
        ({"Fn::GetAtt": ["Api", "Nested.Value"]}, "deep"),
        ({"Fn::Sub": "${Mode}/${Table.Arn}/${AWS::Region}"}, "fast/arn:table/us-east-1"),
        ({"Fn::Sub": "${!Mode} costs $5"}, "${Mode} costs $5"),
        ({"Fn::Sub": ["${A}-${Mode}", {"A": {"Ref": "Size"}}]}, "5-fast"),
        ({"Fn::Sub": ["${Mode}", {"Mode": "mine"}]}, "mine"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Mode"}, 5, True]]}, "a-fast-5-true"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b,c"),
        ({"Fn::Join": ["", []]}, ""),
        ({"Fn::Select": [1, {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": ["0", ["x", "y"]]}, "x"),
        ({"Fn::Split": ["/", "a/b//c"]}, ["a", "b", "", "c"]),
        ({"Fn::Select": [2, {"Fn::Split": ["-", {"Ref": "Table"}]}]}, "1"),
        ({"Fn::FindInMap": ["Limits", {"Ref": "AWS::Region"}, "small"]}, 3),
        ({"Fn::FindInMap": ["Limits", "mars", "small", {"DefaultValue": 9}]}, 9),
        ({"Fn::Base64": "hello"}, "aGVsbG8="),
        ({"Fn::Length": {"Ref": "Zones"}}, 3),
        ({"Fn::ToJsonString": {"a": [{"Ref": "Mode"}]}}, '{"a":["fast"]}'),
        ({"Fn::If": ["Fast", {"Ref": "Size"}, "x"]}, "5"),
        ({"Fn::If": ["Slow", "x", {"Fn::If": ["Both", "y", "z"]}]}, "y"),
        ({"Ref": "Mode", "Other": 1}, {"Ref": "Mode", "Other": 1}),
        ({"Condition": {"Bool": {"x": "y"}}}, {"Condition": {"Bool": {"x": "y"}}}),
        (None, None),
    ],
)
def test_value(resolver: Resolver, node: object, value: object) -> None:
    assert resolver.value(node, "X") == value


def test_no_value_leaves_out_what_holds_it(resolver: Resolver) -> None:
    gone = {"Fn::If": ["Slow", "kept", {"Ref": "AWS::NoValue"}]}
    node = {"a": gone, "b": [gone, 1, {"c": gone, "d": 2}]}
    assert resolver.value(node, "X") == {"b": [1, {"d": 2}]}


@pytest.mark.parametrize(
    ("name", "holds"),
    [("Fast", True), ("Slow", False), ("Both", True), ("Either", False), ("Mapped", True)],
)
def test_condition(resolver: Resolver, name: str, holds: bool) -> None:
    assert resolver.conditions.holds(name) is holds


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Circle", "circle: Circle → Ring → Circle"),
        ("Absent", "no condition 'Absent'; the template has Both"),
        ("Nonsense", "Conditions.Nonsense: 'yes' is no condition"),
        ("Lonely", "2 to 10 conditions"),
    ],
)
def test_a_condition_that_cannot_be_told(resolver: Resolver, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolver.conditions.holds(name)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"Ref": "Absent"}, "X: Ref Absent: no such parameter or resource"),
        ({"Fn::GetAtt": ["Table", "Color"]}, "Table.Color: no such resource or attribute"),
        ({"Fn::GetAtt": ["Table"]}, "takes a list of 2"),
        ({"Fn::Sub": "${Absent}"}, "X: Fn::Sub: Ref Absent: no such"),
        ({"Fn::Sub": "${Zones}"}, r"needs a text here, not \['a'"),
        ({"Fn::Sub": ["${A}"]}, "takes a list of 2"),
        ({"Fn::Sub": ["${A}", "b"]}, "a text and a mapping"),
        ({"Fn::Sub": {"A": 1}}, "takes a text"),
        ({"Fn::Join": ["-", "abc"]}, "needs a list here, not 'abc'"),
        ({"Fn::Join": ["-", [{"a": 1}]]}, "needs a text here"),
        ({"Fn::Select": [3, {"Ref": "Zones"}]}, "the index is 3, but the list has 3 items"),
        ({"Fn::Select": [-1, {"Ref": "Zones"}]}, "the index is -1"),
        ({"Fn::Select": [0, "abc"]}, "an index and a list"),
        ({"Fn::Split": ["", "abc"]}, "not empty"),
        ({"Fn::FindInMap": ["Limits", "mars", "small"]}, "no key 'mars'"),
        ({"Fn::FindInMap": ["Limits"]}, "names of a map and of two keys"),
        ({"Fn::Length": "abc"}, "takes a list"),
        ({"Fn::If": ["Absent", 1, 2]}, "no condition 'Absent'"),
        ({"Fn::If": ["Fast", 1]}, "takes a list of 3"),
        ({"Fn::Equals": [1, 1]}, "under Conditions only"),
    ],
)
def test_wrong_use_is_named_with_its_place(resolver: Resolver, node: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolver.value(node, "X")


def test_the_place_leads_to_the_value(resolver: Resolver) -> None:
    with pytest.raises(ConfigurationError, match=r"^X\.Policies\[1\]\.Name: Ref Absent"):
        resolver.value({"Policies": ["a", {"Name": {"Ref": "Absent"}}]}, "X")


@pytest.mark.parametrize("name", ["Fn::ImportValue", "Fn::GetAZs", "Fn::Cidr", "Fn::Transform"])
def test_a_function_that_is_not_known_is_named(resolver: Resolver, name: str) -> None:
    with pytest.raises(UnsupportedResource, match=f"{name} is not supported"):
        resolver.value({name: "x"}, "X")


@given(st.lists(st.text(st.characters(exclude_characters="|")), min_size=1))
def test_split_undoes_join(texts: list[str]) -> None:
    plain = Resolver(NAMES, Conditions({}, NAMES))
    joined = {"Fn::Join": ["|", texts]}
    assert plain.value({"Fn::Split": ["|", joined]}, "X") == texts


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=2), inner),
    )
)
def test_what_holds_no_function_stays_as_it_is(node: object) -> None:
    assert Resolver(NAMES, Conditions({}, NAMES)).value(node, "X") == node
