"""Groups are read from the template's properties, and features take what their type allows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from millrace.errors import UnsupportedResource

from localcloud.feature_store.definitions import Feature, FeatureGroup, FeatureType
from localcloud.feature_store.event_time import iso
from tests.localcloud.feature_store.groups import PROPERTIES, group

DEFINITIONS = PROPERTIES["FeatureDefinitions"]


def test_a_group_is_read_from_the_properties_of_its_resource() -> None:
    users = group(
        OnlineStoreConfig={
            "EnableOnlineStore": "true",
            "StorageType": "InMemory",
            "TtlDuration": {"Unit": "Days", "Value": "2"},
        },
        OfflineStoreConfig=None,
        Tags=[],
    )
    assert (users.record_identifier, users.event_time) == ("userId", "updatedAt")
    assert (users.online, users.offline, users.storage_type) == (True, False, "InMemory")
    assert users.ttl_s == 172_800
    assert users.features["vector"] == Feature("vector", FeatureType.FRACTIONAL, "Vector", 2)
    assert list(users.features) == ["userId", "updatedAt", "count", "mean", "tags", "vector"]


def test_a_name_may_be_given_where_the_template_gives_none() -> None:
    nameless = {key: value for key, value in PROPERTIES.items() if key != "FeatureGroupName"}
    assert FeatureGroup.from_properties(nameless, "stack-Users-1").name == "stack-Users-1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"FeatureGroupNames": "x"}, "Property FeatureGroupNames of a feature group is unknown"),
        ({"FeatureGroupName": "-x"}, "'-x': its name must be 1 to 64 letters and digits"),
        ({"FeatureGroupName": "x" * 65}, "its name must be 1 to 64"),
        (
            {"RecordIdentifierFeatureName": "id"},
            "FeatureName is 'id'; it must be one",
        ),
        ({"RecordIdentifierFeatureName": "tags"}, "is 'tags'; .* no collection"),
        ({"EventTimeFeatureName": "count"}, "'count' must be String or Fractional, not Integral"),
        ({"OnlineStoreConfig": None, "OfflineStoreConfig": None}, "an offline store, or both"),
        ({"FeatureDefinitions": [*DEFINITIONS, DEFINITIONS[0]]}, "'userId' is defined twice"),
        (
            {"FeatureDefinitions": [*DEFINITIONS, {"FeatureName": "a", "FeatureType": "Text"}]},
            "Feature 'a' is of type 'Text'; there are Integral, Fractional, String",
        ),
        (
            {"FeatureDefinitions": [*DEFINITIONS, {"FeatureName": "a b", "FeatureType": "String"}]},
            "the name of feature 'a b' must be",
        ),
        (
            {
                "FeatureDefinitions": [
                    *DEFINITIONS,
                    {"FeatureName": "is_deleted", "FeatureType": "String"},
                ]
            },
            "'is_deleted' is reserved, like all of api_invocation_time, is_deleted, write_time",
        ),
    ],
)
def test_a_wrong_group_says_what_is_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedResource, match=message):
        group(**changes)


def test_a_group_needs_its_features() -> None:
    without = {key: value for key, value in PROPERTIES.items() if key != "FeatureDefinitions"}
    with pytest.raises(UnsupportedResource, match="needs 'FeatureDefinitions'"):
        FeatureGroup.from_properties(without)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            FeatureType.INTEGRAL,
            ["0", "-5", "+7", str(2**63 - 1), str(-(2**63))],
            ["", "1.0", "1e3", "x", str(2**63), "NaN", " 1"],
        ),
        (
            FeatureType.FRACTIONAL,
            ["0", "-5.25", "1e3", "1E-300", ".5"],
            ["", "x", "NaN", "inf", "-Infinity", "1e999"],
        ),
        (FeatureType.STRING, ["", "anything", "ü\n"], []),
    ],
)
def test_types(kind: FeatureType, good: list[str], bad: list[str]) -> None:
    feature = Feature("f", kind)
    for value in good:
        feature.check(value)
    for value in bad:
        with pytest.raises(ValueError, match="is not a"):
            feature.check(value)


def test_collections() -> None:
    vector = Feature("v", FeatureType.FRACTIONAL, "Vector", 2)
    vector.check(("1", "2.5"))
    with pytest.raises(ValueError, match="2 dimensions, not 3"):
        vector.check(("1", "2", "3"))
    with pytest.raises(ValueError, match="'x' is not a finite number"):
        vector.check(("1", "x"))
    with pytest.raises(ValueError, match="it is a Vector, so ValueAsStringList"):
        vector.check("1")
    with pytest.raises(ValueError, match="it is no collection, so ValueAsString"):
        Feature("f", FeatureType.STRING).check(("1",))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", "0"),
        ("2024-01-02T03:04:05Z", "1704164645"),
        ("2024-01-02T03:04:05.678Z", "1704164645.678"),
        ("9999-12-31T23:59:59Z", "253402300799"),
    ],
)
def test_event_times_as_text(text: str, seconds: str) -> None:
    users = group()
    assert users.seconds(text) == Decimal(seconds)
    assert iso(users.seconds(text)).rstrip("Z").removesuffix(".000") == text.rstrip("Z")


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02",
        "2024-01-02T03:04:05",
        "2024-01-02 03:04:05Z",
        "2024-01-02T03:04:05.6Z",
        "2024-01-02T03:04:05.678901Z",
        "2024-01-02T03:04:05+00:00",
        "2024-02-30T03:04:05Z",
        "2024-01-02T25:04:05Z",
        "1704164645",
        "",
    ],
)
def test_other_texts_are_no_event_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        group().seconds(text)


def test_event_times_as_numbers() -> None:
    numeric = [{**each} for each in DEFINITIONS]
    numeric[1]["FeatureType"] = "Fractional"
    users = group(FeatureDefinitions=numeric)
    assert users.seconds("1704164645.678") == Decimal("1704164645.678")
    for text in ("x", "NaN", "Infinity", "-1", "1e20", "2024-01-02T03:04:05Z"):
        with pytest.raises(ValueError, match="is not a Unix time in seconds"):
            users.seconds(text)
