"""SageMaker feature groups; the local feature store serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from millrace.errors import ConfigurationError

from localcloud.stack.model import FeatureGroupResource
from localcloud.stack.properties import Properties
from localcloud.stack.types.kind import TAGS, Creation, Made, ResourceType

_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}
_FEATURE_TYPES = frozenset({"Fractional", "Integral", "String"})


def _make_feature_group(creation: Creation) -> Made:
    properties = creation.properties
    name = properties.text("FeatureGroupName")
    online, ttl_s = _online_store(properties.nested("OnlineStoreConfig"))
    group = FeatureGroupResource(
        logical_id=creation.logical_id,
        name=name,
        record_identifier=properties.text("RecordIdentifierFeatureName"),
        event_time=properties.text("EventTimeFeatureName"),
        definitions=_definitions(properties),
        online=online,
        offline_s3_uri=_offline_store(properties.nested("OfflineStoreConfig")),
        ttl_s=ttl_s,
    )
    for feature in (group.record_identifier, group.event_time):
        if feature not in group.definitions:
            raise ConfigurationError(
                f"{properties.where}: '{feature}' is not among the FeatureDefinitions."
            )
    return Made(ref=name, attributes={"FeatureGroupStatus": "Created"}, detail=group)


def _definitions(properties: Properties) -> dict[str, str]:
    definitions: dict[str, str] = {}
    for item in properties.items("FeatureDefinitions"):
        feature = Properties(item, f"{properties.where}.FeatureDefinitions")
        name, kind = feature.text("FeatureName"), feature.text("FeatureType")
        feature.done()
        if kind not in _FEATURE_TYPES or name in definitions:
            raise ConfigurationError(
                f"{feature.where}: '{name}' must stand there once, with one of the types "
                f"{', '.join(sorted(_FEATURE_TYPES))}; it has '{kind}'."
            )
        definitions[name] = kind
    return definitions


def _online_store(store: Properties) -> tuple[bool, int | None]:
    enabled = store.boolean("EnableOnlineStore")
    ttl_s = None
    if "TtlDuration" in store:
        duration = store.nested("TtlDuration")
        ttl_s = duration.integer("Value") * _SECONDS[duration.text("Unit")]
        duration.done()
    store.ignore(["SecurityConfig"])
    store.done()
    return enabled, ttl_s


def _offline_store(store: Properties) -> str | None:
    target = store.nested("S3StorageConfig")
    uri = target.optional_text("S3Uri")
    target.ignore(["KmsKeyId"])
    target.done()
    store.ignore(["DisableGlueTableCreation", "DataCatalogConfig", "TableFormat"])
    store.done()
    return uri


TYPES: Final[Mapping[str, ResourceType]] = {
    "AWS::SageMaker::FeatureGroup": ResourceType(
        _make_feature_group,
        "a feature group of the local feature store",
        {"Description": "for people", "RoleArn": "there is no IAM on one machine", **TAGS},
    )
}
