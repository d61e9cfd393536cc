"""Feature groups: what features they have, and which values those may take."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from millrace.errors import UnsupportedResource

from localcloud.feature_store.event_time import iso_seconds, ttl_seconds, unix_seconds

# Feature Store adds these to every record of the offline store.
RESERVED = frozenset({"is_deleted", "write_time", "api_invocation_time"})
_NAME = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
_NAME_RULE = "must be 1 to 64 letters and digits, with - and _ only between them"
_INTEGRAL = re.compile(r"[+-]?\d+")
_MAX_FEATURES = 2500
_PROPERTIES = frozenset(
    {
        "Description",
        "EventTimeFeatureName",
        "FeatureDefinitions",
        "FeatureGroupName",
        "OfflineStoreConfig",
        "OnlineStoreConfig",
        "RecordIdentifierFeatureName",
        "RoleArn",
        "Tags",
        "ThroughputConfig",
    }
)

Value = str | tuple[str, ...]


class FeatureType(StrEnum):
    """The type of a feature; values travel as texts."""

    INTEGRAL = "Integral"
    FRACTIONAL = "Fractional"
    STRING = "String"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: one value, or a collection (List, Set or Vector) of them."""

    name: str
    type: FeatureType
    collection: str | None = None
    dimension: int | None = None

    def check(self, value: Value) -> None:
        """Raise ValueError unless the feature can take `value`."""
        if isinstance(value, str):
            if self.collection is not None:
                raise ValueError(f"it is a {self.collection}, so ValueAsStringList must be given")
            self._check_one(value)
            return
        if self.collection is None:
            raise ValueError("it is no collection, so ValueAsString must be given")
        if self.dimension is not None and len(value) != self.dimension:
            raise ValueError(f"it has {self.dimension} dimensions, not {len(value)}")
        for each in value:
            self._check_one(each)

    def _check_one(self, text: str) -> None:
        if self.type is FeatureType.INTEGRAL:
            if _INTEGRAL.fullmatch(text) is None or not -(2**63) <= int(text) < 2**63:
                raise ValueError(f"{text!r} is not a 64-bit whole number")
        elif self.type is FeatureType.FRACTIONAL:
            try:
                finite = math.isfinite(float(text))
            except ValueError:
                finite = False
            if not finite:
                raise ValueError(f"{text!r} is not a finite number")


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """A feature group. `ttl_s` is the default for its records; None keeps them for good."""

    name: str
    record_identifier: str
    event_time: str
    features: Mapping[str, Feature]
    online: bool = True
    offline: bool = True
    ttl_s: int | None = None
    storage_type: str = "Standard"
    _time_of: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem is not None:
            raise UnsupportedResource(f"Feature group {self.name!r}: {problem}")
        is_text = self.features[self.event_time].type is FeatureType.STRING
        object.__setattr__(self, "_time_of", iso_seconds if is_text else unix_seconds)

    def seconds(self, event_time: str) -> Decimal:
        """An event time of this group in seconds since the epoch. Raises ValueError."""
        seconds: Decimal = self._time_of(event_time)
        return seconds

    @classmethod
    def from_properties(
        cls, properties: Mapping[str, Any], name: str | None = None
    ) -> FeatureGroup:
        """A group from the properties of AWS::SageMaker::FeatureGroup or CreateFeatureGroup.

        Raises UnsupportedResource, which names what is wrong. `name` is for a resource without
        FeatureGroupName.
        """
        unknown = set(properties) - _PROPERTIES
        if unknown:
            raise UnsupportedResource(
                f"Property {min(unknown)} of a feature group is unknown; "
                f"known are {', '.join(sorted(_PROPERTIES))}"
            )
        online = properties.get("OnlineStoreConfig") or {}
        ttl = online.get("TtlDuration")
        try:
            return cls(
                name or properties["FeatureGroupName"],
                properties["RecordIdentifierFeatureName"],
                properties["EventTimeFeatureName"],
                _features(properties["FeatureDefinitions"]),
                online=str(online.get("EnableOnlineStore", False)).lower() == "true",
                offline=bool(properties.get("OfflineStoreConfig")),
                ttl_s=ttl_seconds(ttl) if ttl else None,
                storage_type=online.get("StorageType", "Standard"),
            )
        except KeyError as error:
            raise UnsupportedResource(f"A feature group needs {error}") from error


def _features(definitions: list[Mapping[str, Any]]) -> dict[str, Feature]:
    features: dict[str, Feature] = {}
    for definition in definitions:
        name = definition["FeatureName"]
        if name in features:
            raise UnsupportedResource(f"Feature {name!r} is defined twice")
        try:
            kind = FeatureType(definition["FeatureType"])
        except ValueError:
            raise UnsupportedResource(
                f"Feature {name!r} is of type {definition['FeatureType']!r}; "
                f"there are {', '.join(FeatureType)}"
            ) from None
        vector = definition.get("CollectionConfig", {}).get("VectorConfig", {})
        dimension = vector.get("Dimension")
        features[name] = Feature(
            name, kind, definition.get("CollectionType"), int(dimension) if dimension else None
        )
    return features


def _problem(group: FeatureGroup) -> str | None:
    if _NAME.fullmatch(group.name) is None:
        return f"its name {_NAME_RULE}"
    for name in group.features:
        if _NAME.fullmatch(name) is None:
            return f"the name of feature {name!r} {_NAME_RULE}"
        if name in RESERVED:
            return f"feature name {name!r} is reserved, like all of {', '.join(sorted(RESERVED))}"
    if len(group.features) > _MAX_FEATURES:
        return f"it has {len(group.features)} features; at most {_MAX_FEATURES} are allowed"
    for role, name in (
        ("RecordIdentifierFeatureName", group.record_identifier),
        ("EventTimeFeatureName", group.event_time),
    ):
        if name not in group.features or group.features[name].collection is not None:
            return f"{role} is {name!r}; it must be one of its features, and no collection"
    if group.features[group.event_time].type is FeatureType.INTEGRAL:
        return f"the event time {group.event_time!r} must be String or Fractional, not Integral"
    if not (group.online or group.offline):
        return "it needs an online store, an offline store, or both"
    return None
