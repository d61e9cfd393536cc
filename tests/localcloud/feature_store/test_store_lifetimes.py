"""Records deleted, expired, updated in part."""

from __future__ import annotations

import pytest

from localcloud.feature_store.errors import FeatureStoreError
from localcloud.feature_store.store import FeatureStore
from tests.localcloud.feature_store.groups import (
    at,
    group,
    offline,
    record,
    shown,
    store_of,
)

TTL = {"Unit": "Seconds", "Value": 60}


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
