"""Records: checked against their feature group, and read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from localcloud.feature_store.definitions import FeatureGroup, Value
from localcloud.feature_store.errors import invalid


@dataclass(frozen=True, slots=True)
class Record:
    """A valid record. `event_time_s` is exact, `values` are in the order of the definitions."""

    identifier: str
    event_time_s: Decimal
    values: Mapping[str, Value]


def checked(group: FeatureGroup, values: Sequence[Mapping[str, Any]]) -> Record:
    """The record in a request. Raises FeatureStoreError, which names the feature."""
    given = read_values(group, values)
    for role, name in (
        ("record identifier", group.record_identifier),
        ("event time", group.event_time),
    ):
        if not given.get(name):
            raise invalid(f"The record has no value for its {role}, feature {name!r}")
    event_time = given[group.event_time]
    assert isinstance(event_time, str), "an event time is no collection"
    ordered = {name: given[name] for name in group.features if name in given}
    return Record(str(given[group.record_identifier]), seconds(group, event_time), ordered)


def read_values(group: FeatureGroup, values: Sequence[Mapping[str, Any]]) -> dict[str, Value]:
    """The values in a request by feature. Raises FeatureStoreError."""
    given: dict[str, Value] = {}
    for each in values:
        name = each["FeatureName"]
        check_names(group, (name,))
        if name in given:
            raise invalid(f"Feature {name!r} is in the record twice")
        given[name] = _value(each)
        try:
            group.features[name].check(given[name])
        except ValueError as error:
            kind = group.features[name].type
            raise invalid(f"Feature {name!r} of type {kind}: {error}") from error
    return given


def seconds(group: FeatureGroup, event_time: str) -> Decimal:
    """An event time in seconds. Raises FeatureStoreError."""
    try:
        return group.seconds(event_time)
    except ValueError as error:
        raise invalid(f"EventTime, feature {group.event_time!r}: {error}") from error


def check_names(group: FeatureGroup, names: Collection[str]) -> None:
    """Raise FeatureStoreError unless the group has all these features."""
    for name in names:
        if name not in group.features:
            raise invalid(f"Feature {name!r} is not defined in feature group {group.name!r}")


def shown(record: Record, names: Collection[str]) -> list[dict[str, Any]]:
    """The record as an answer has it; `names` selects features, none selects all."""
    return [
        {"FeatureName": name, "ValueAsString": value}
        if isinstance(value, str)
        else {"FeatureName": name, "ValueAsStringList": list(value)}
        for name, value in record.values.items()
        if not names or name in names
    ]


def _value(given: Mapping[str, Any]) -> Value:
    one, many = given.get("ValueAsString"), given.get("ValueAsStringList")
    if (one is None) == (many is None):
        raise invalid(
            f"Feature {given['FeatureName']!r} must have either ValueAsString or ValueAsStringList"
        )
    return str(one) if many is None else tuple(many)
