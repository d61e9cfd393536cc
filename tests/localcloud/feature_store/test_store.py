"""The stores keep the rules of the API reference, one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.feature_store.errors import FeatureStoreError
from localcloud.feature_store.store import FeatureStore
from tests.localcloud.feature_store.groups import at, group, record, store_of, values_of

START_S = 1_704_153_600
TTL = {"Unit": "Seconds", "Value": 60}


def shown(store: FeatureStore, user: str = "u") -> dict[str, Any]:
    return values_of(store.get("users", user))


def offline(store: FeatureStore) -> list[tuple[str, int, bool]]:
    return [
        (each.identifier, int(each.event_time_s) - START_S, each.is_deleted)
        for each in store.offline("users")
    ]


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


class TestDeletion:
    def test_a_soft_delete_hides_the_record_and_keeps_its_time(self) -> None:
        store, _ = store_of()
        store.put("users", record("u", 5, count="1"))
        store.delete("users", "u", at(7))
        assert shown(store) == {}
        store.put("users", record("u", 7, count="2"))
        assert shown(store) == {}, "the tombstone is as new"
        store.put("users", record("u", 8, count="3"))
        assert shown(store)["count"] == "3"
        assert offline(store) == [("u", 5, False), ("u", 7, True), ("u", 7, False), ("u", 8, False)]

    @pytest.mark.parametrize("second", [4, 5])
    def test_a_soft_delete_that_is_not_newer_leaves_only_its_marker(self, second: int) -> None:
        store, _ = store_of()
        store.put("users", record("u", 5))
        store.delete("users", "u", at(second))
        assert shown(store)["updatedAt"] == at(5)
        assert offline(store) == [("u", 5, False), ("u", second, True)]

    def test_a_hard_delete_leaves_nothing(self) -> None:
        store, _ = store_of()
        store.put("users", record("u", 5))
        store.delete("users", "u", at(9), hard=True)
        assert shown(store) == {}
        store.put("users", record("u", 1, count="1"))
        assert shown(store)["count"] == "1", "there is no tombstone that would be newer"
        assert offline(store) == [("u", 5, False), ("u", 9, True), ("u", 1, False)]

    def test_a_hard_delete_that_is_not_newer_is_refused(self) -> None:
        store, _ = store_of()
        store.put("users", record("u", 5))
        with pytest.raises(FeatureStoreError, match="EventTime: the record to be deleted has"):
            store.delete("users", "u", at(5), hard=True)
        assert shown(store)["updatedAt"] == at(5)
        assert offline(store) == [("u", 5, False)]

    def test_a_marker_has_identifier_and_time_alone(self) -> None:
        store, _ = store_of()
        store.put("users", record("u", 5, count="1"))
        store.delete("users", "u", at(7))
        assert store.offline("users")[1].values == {
            "userId": "u",
            "updatedAt": "2024-01-02T00:00:07.000Z",
        }

    def test_what_is_not_there_can_be_deleted(self) -> None:
        store, _ = store_of()
        store.delete("users", "u", at(7), hard=True)
        store.delete("users", "u", at(7))
        store.put("users", record("u", 6))
        assert shown(store) == {}

    def test_a_wrong_time_is_refused(self) -> None:
        store, _ = store_of()
        with pytest.raises(FeatureStoreError, match="EventTime, feature 'updatedAt'"):
            store.delete("users", "u", "now")


class TestTimeToLive:
    def test_a_record_is_gone_when_its_time_is_over(self) -> None:
        store, clock = store_of()
        store.put("users", record("u", 5), ttl=TTL)
        assert store.get("users", "u")["ExpiresAt"] == "2024-01-02T00:01:05.000Z"
        clock.advance(64.999)
        assert shown(store)
        clock.advance(0.001)
        assert shown(store) == {}
        assert offline(store) == [("u", 5, False), ("u", 65, True)]
        store.put("users", record("u", 1))
        assert shown(store)["updatedAt"] == at(1), "it was deleted for good, time and all"

    def test_the_offline_store_learns_of_it_unasked(self) -> None:
        store, clock = store_of()
        store.put("users", record("u", 5), ttl=TTL)
        clock.advance(100)
        assert offline(store) == [("u", 5, False), ("u", 65, True)]
        assert offline(store) == [("u", 5, False), ("u", 65, True)]

    def test_the_groups_time_to_live_is_the_default(self) -> None:
        online = {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Minutes", "Value": 1}}
        store, clock = store_of(group(OnlineStoreConfig=online))
        store.put("users", record("short", 0))
        store.put("users", record("long", 0), ttl={"Unit": "Weeks", "Value": 1})
        clock.advance(3600)
        assert store.identifiers("users") == ["long"]
        assert store.get("users", "long")["ExpiresAt"] == "2024-01-09T00:00:00.000Z"

    def test_it_is_for_the_online_store(self) -> None:
        store, _ = store_of()
        with pytest.raises(FeatureStoreError, match="TtlDuration is for the OnlineStore"):
            store.put("users", record("u", 1), targets=["OfflineStore"], ttl=TTL)

    def test_without_one_nothing_expires(self) -> None:
        store, clock = store_of()
        store.put("users", record("u", 5))
        clock.advance(10**9)
        assert "ExpiresAt" not in store.get("users", "u")


UPDATABLE = {"EnableOnlineStore": True, "StorageType": "InMemory"}


class TestUpdate:
    def store(self) -> FeatureStore:
        store, _ = store_of(group(OnlineStoreConfig=UPDATABLE))
        store.put("users", record("u", 5, count="1", mean="2"))
        return store

    def test_other_features_stay(self) -> None:
        store = self.store()
        store.update("users", "u", [{"FeatureName": "count", "ValueAsString": "9"}])
        assert shown(store) == {"userId": "u", "updatedAt": at(5), "count": "9", "mean": "2"}
        assert store.offline("users")[1].values["mean"] == "2"

    @pytest.mark.parametrize("second", [5, 6])
    def test_an_equal_or_newer_time_is_new_enough(self, second: int) -> None:
        store = self.store()
        store.update("users", "u", record("u", second, count="9")[1:])
        assert shown(store)["count"] == "9"
        assert shown(store)["updatedAt"] == at(second)

    def test_an_older_one_is_a_conflict(self) -> None:
        store = self.store()
        with pytest.raises(FeatureStoreError) as refused:
            store.update("users", "u", record("u", 4, count="9")[1:])
        assert (refused.value.code, refused.value.status) == ("ConflictException", 409)
        assert shown(store)["count"] == "1"

    def test_a_record_must_be_there(self) -> None:
        store = self.store()
        store.delete("users", "u", at(9))
        with pytest.raises(FeatureStoreError, match="no record 'u' to update"):
            store.update("users", "u", record("u", 10)[1:])

    def test_the_time_to_live_stays_unless_it_is_given_with_a_time(self) -> None:
        store, _ = store_of(group(OnlineStoreConfig=UPDATABLE))
        store.put("users", record("u", 0), ttl=TTL)
        count = [{"FeatureName": "count", "ValueAsString": "9"}]
        store.update("users", "u", count)
        assert store.get("users", "u")["ExpiresAt"] == "2024-01-02T00:01:00.000Z"
        with pytest.raises(FeatureStoreError, match="TtlDuration needs an EventTime"):
            store.update("users", "u", count, ttl=TTL)
        store.update("users", "u", record("u", 30)[1:], ttl=TTL)
        assert store.get("users", "u")["ExpiresAt"] == "2024-01-02T00:01:30.000Z"

    def test_the_identifier_cannot_change_and_the_storage_must_allow_updates(self) -> None:
        with pytest.raises(FeatureStoreError, match="identifier cannot be updated"):
            self.store().update("users", "u", record("v", 9))
        store, _ = store_of()
        with pytest.raises(FeatureStoreError, match="Standard_V2 or InMemory; 'users' is Standard"):
            store.update("users", "u", record("u", 9))


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
