"""A feature group, a store and records for these tests."""

from __future__ import annotations

from typing import Any

from localcloud.feature_store.definitions import FeatureGroup
from localcloud.feature_store.store import FeatureStore
from tests.localcloud.clock import ManualClock

START_S = 1_704_153_600

PROPERTIES: dict[str, Any] = {
    "FeatureGroupName": "users",
    "RecordIdentifierFeatureName": "userId",
    "EventTimeFeatureName": "updatedAt",
    "FeatureDefinitions": [
        {"FeatureName": "userId", "FeatureType": "String"},
        {"FeatureName": "updatedAt", "FeatureType": "String"},
        {"FeatureName": "count", "FeatureType": "Integral"},
        {"FeatureName": "mean", "FeatureType": "Fractional"},
        {"FeatureName": "tags", "FeatureType": "String", "CollectionType": "List"},
        {
            "FeatureName": "vector",
            "FeatureType": "Fractional",
            "CollectionType": "Vector",
            "CollectionConfig": {"VectorConfig": {"Dimension": 2}},
        },
    ],
    "OnlineStoreConfig": {"EnableOnlineStore": True},
    "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://bucket/offline"}},
    "RoleArn": "arn:aws:iam::123456789012:role/features",
}


def group(**changes: Any) -> FeatureGroup:
    """The group `users` with other properties."""
    return FeatureGroup.from_properties({**PROPERTIES, **changes})


def store_of(*groups: FeatureGroup) -> tuple[FeatureStore, ManualClock]:
    """A store with these groups (or `users` alone) and its clock."""
    clock = ManualClock()
    return FeatureStore(clock.now_ms, groups or (group(),)), clock


def at(second: int) -> str:
    """An event time, seconds after the clock's start."""
    return f"2024-01-02T00:{second // 60:02}:{second % 60:02}Z"


def record(user: str, second: int, **values: str | list[str]) -> list[dict[str, Any]]:
    """A record as a request has it."""
    all_values: dict[str, str | list[str]] = {"userId": user, "updatedAt": at(second), **values}
    return [_feature_value(name, value) for name, value in all_values.items()]


def _feature_value(name: str, value: str | list[str]) -> dict[str, Any]:
    key = "ValueAsString" if isinstance(value, str) else "ValueAsStringList"
    return {"FeatureName": name, key: value}


def values_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The values of a GetRecord answer by feature."""
    return {
        each["FeatureName"]: each.get("ValueAsString", each.get("ValueAsStringList"))
        for each in answer.get("Record", [])
    }


def shown(store: FeatureStore, user: str = "u") -> dict[str, Any]:
    """A user's record in the online store."""
    return values_of(store.get("users", user))


def offline(store: FeatureStore) -> list[tuple[str, int, bool]]:
    """What the offline store holds: identifier, seconds after the start, whether deleted."""
    return [
        (each.identifier, int(each.event_time_s) - START_S, each.is_deleted)
        for each in store.offline("users")
    ]
