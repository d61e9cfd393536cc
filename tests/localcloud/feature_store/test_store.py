"""The stores keep the rules of the API reference, one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.feature_store.errors import FeatureStoreError
from tests.localcloud.feature_store.groups import (
    at,
    group,
    offline,
    record,
    shown,
    store_of,
    values_of,
)


def test_a_record_replaces_the_whole_record() -> None:
    store, _ = store_of()
    store.put("users", record("u", 1, count="1", mean="0.5", tags=["a", "b"]))
    assert shown(store) == {
        "userId": "u",
        "updatedAt": at(1),
        "count": "1",
        "mean": "0.5",
        "tags": ["a", "b"],
    }
    store.put("users", record("u", 2, mean="7"))
    assert shown(store) == {"userId": "u", "updatedAt": at(2), "mean": "7"}


@pytest.mark.parametrize("second", [4, 5])
def test_an_older_or_equal_event_time_reaches_only_the_offline_store(second: int) -> None:
    store, clock = store_of()
    store.put("users", record("u", 5, count="1"))
    clock.advance(10)
    store.put("users", record("u", second, count="2"))
    assert shown(store)["count"] == "1"
    assert offline(store) == [("u", 5, False), ("u", second, False)]
    first, other = store.offline("users")
    assert other.values["count"] == "2"
    assert other.api_invocation_time_ms - first.api_invocation_time_ms == 10_000


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=30),
)
def test_online_is_the_first_of_the_newest_and_offline_is_everything(
    writes: list[tuple[str, int]],
) -> None:
    store, _ = store_of()
    for number, (user, second) in enumerate(writes):
        store.put("users", record(user, second, count=str(number)))
    for user in "ab":
        mine = [(second, -number) for number, (who, second) in enumerate(writes) if who == user]
        expected = str(-max(mine)[1]) if mine else None
        assert shown(store, user).get("count") == expected
    assert offline(store) == [(user, second, False) for user, second in writes]


def test_a_record_can_be_written_to_one_store_alone() -> None:
    store, _ = store_of()
    store.put("users", record("u", 1), targets=["OfflineStore"])
    assert shown(store) == {}
    store.put("users", record("u", 1), targets=["OnlineStore"])
    assert shown(store)["updatedAt"] == at(1)
    assert offline(store) == [("u", 1, False)]


def test_a_store_that_a_group_does_not_have_cannot_be_used() -> None:
    online = group(FeatureGroupName="online", OfflineStoreConfig=None)
    stored = group(FeatureGroupName="stored", OnlineStoreConfig=None)
    store, _ = store_of(online, stored)
    store.put("online", record("u", 1))
    store.put("stored", record("u", 1))
    assert store.offline("online") == ()
    for call in (
        lambda: store.put("online", record("u", 2), targets=["OfflineStore"]),
        lambda: store.put("stored", record("u", 2), targets=["OnlineStore"]),
        lambda: store.get("stored", "u"),
        lambda: store.identifiers("stored"),
    ):
        with pytest.raises(FeatureStoreError, match=r"has no (Online|Offline)Store"):
            call()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (record("u", 1)[1:], "no value for its record identifier, feature 'userId'"),
        (record("u", 1)[:1], "no value for its event time, feature 'updatedAt'"),
        (record("", 1), "no value for its record identifier"),
        (record("u", 1, nothing="1"), "Feature 'nothing' is not defined in feature group 'users'"),
        (record("u", 1, count="1.5"), "Feature 'count' of type Integral: '1.5' is not a 64-bit"),
        (record("u", 1, mean="NaN"), "Feature 'mean' of type Fractional: 'NaN' is not a finite"),
        (record("u", 1, tags="a"), "Feature 'tags' of type String: it is a List"),
        (record("u", 1, vector=["1"]), "2 dimensions, not 1"),
        (record("u", 1) + record("u", 1)[:1], "Feature 'userId' is in the record twice"),
        ([*record("u", 1), {"FeatureName": "count"}], "either ValueAsString or ValueAsStringList"),
        (
            [record("u", 1)[0], {"FeatureName": "updatedAt", "ValueAsString": "yesterday"}],
            "EventTime, feature 'updatedAt': 'yesterday' is not an ISO-8601 time",
        ),
    ],
)
def test_a_record_that_is_not_valid_is_refused_whole(
    values: list[dict[str, Any]], message: str
) -> None:
    store, _ = store_of()
    with pytest.raises(FeatureStoreError, match=message) as refused:
        store.put("users", values)
    assert (refused.value.code, refused.value.status) == ("ValidationError", 400)
    assert store.offline("users") == ()
    assert store.identifiers("users") == []


def test_features_can_be_selected() -> None:
    store, _ = store_of()
    store.put("users", record("u", 1, count="1", mean="2"))
    assert values_of(store.get("users", "u", ["mean", "tags", "userId"])) == {
        "userId": "u",
        "mean": "2",
    }
    for user in ("u", "nobody"):
        with pytest.raises(FeatureStoreError, match="Feature 'nothing' is not defined"):
            store.get("users", user, ["nothing"])


def test_a_group_is_found_by_name_or_arn_or_not_at_all() -> None:
    store, _ = store_of()
    store.put("arn:aws:sagemaker:us-east-1:123456789012:feature-group/users", record("u", 1))
    assert shown(store)
    with pytest.raises(FeatureStoreError, match="can't find a FeatureGroup with name others"):
        store.put("others", record("u", 1))
    store.remove("users")
    with pytest.raises(FeatureStoreError) as refused:
        store.get("users", "u")
    assert (refused.value.code, refused.value.status) == ("ResourceNotFound", 404)


def test_a_group_defined_anew_keeps_its_records() -> None:
    store, _ = store_of()
    store.put("users", record("u", 1))
    more = {"FeatureName": "added", "FeatureType": "Integral"}
    store.add(group(FeatureDefinitions=[*_definitions(), more]))
    store.put("users", record("u", 2, added="5"))
    assert shown(store)["added"] == "5"
    assert len(store.offline("users")) == 2


def _definitions() -> list[dict[str, Any]]:
    return [{"FeatureName": name, "FeatureType": "String"} for name in ("userId", "updatedAt")]


def test_times_are_compared_exactly() -> None:
    definitions = [
        {"FeatureName": "userId", "FeatureType": "String"},
        {"FeatureName": "updatedAt", "FeatureType": "Fractional"},
    ]
    store, _ = store_of(group(FeatureDefinitions=definitions))

    def put(time: str) -> None:
        values = {"userId": "u", "updatedAt": time}
        store.put("users", [{"FeatureName": k, "ValueAsString": v} for k, v in values.items()])

    put("1704153600.0000001")
    put("1704153600.0000002")
    put("1704153600.0000001999")
    assert shown(store)["updatedAt"] == "1704153600.0000002"
    assert store.offline("users")[0].event_time_s == Decimal("1704153600.0000001")
