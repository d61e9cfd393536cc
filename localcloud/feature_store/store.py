"""The stores behind the runtime: the newest record of each identifier, and all that ever came.

The rules are those of the API reference:
- PutRecord writes a whole record, never part of one. It reaches the online store only when its
  event time is *greater* than that of the record there ("otherwise the record is a historic
  record and is written only to the offline store"): an equal event time changes nothing online.
- A soft delete leaves a tombstone with its own event time; a hard delete leaves nothing. Either
  must be newer than the record: an older soft delete only leaves its marker in the offline store,
  an older hard delete is refused.
- A record with a time to live is gone from the online store once event time + duration is reached.
- UpdateRecord (storage types Standard_V2 and InMemory) changes some features of a record; an equal
  event time is new enough there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from localcloud.feature_store.definitions import FeatureGroup, FeatureType, Value
from localcloud.feature_store.errors import conflict, invalid, not_found
from localcloud.feature_store.event_time import iso, ttl_seconds
from localcloud.feature_store.records import (
    Record,
    check_names,
    checked,
    read_values,
    seconds,
    shown,
)

ONLINE, OFFLINE = "OnlineStore", "OfflineStore"
_UPDATABLE = ("Standard_V2", "InMemory")
_MAX_UPDATED = 100


@dataclass(frozen=True, slots=True)
class OfflineRecord:
    """A record of the offline store, with what Feature Store adds to it.

    A deletion's marker has `is_deleted` and no values but identifier and event time.
    """

    identifier: str
    event_time_s: Decimal
    values: Mapping[str, Value]
    is_deleted: bool
    api_invocation_time_ms: int


@dataclass(frozen=True, slots=True)
class _Online:
    record: Record
    ttl_s: int | None = None
    deleted: bool = False

    @property
    def expires_at_s(self) -> Decimal | None:
        return None if self.ttl_s is None else self.record.event_time_s + self.ttl_s


@dataclass(slots=True)
class _Stores:
    online: dict[str, _Online] = field(default_factory=dict)
    offline: list[OfflineRecord] = field(default_factory=list)


class FeatureStore:
    """Feature groups and their records, in memory; `now_ms` is milliseconds since the epoch."""

    def __init__(self, now_ms: Callable[[], int], groups: Sequence[FeatureGroup] = ()) -> None:
        self._now_ms = now_ms
        self._groups: dict[str, FeatureGroup] = {}
        self._stores: dict[str, _Stores] = {}
        for group in groups:
            self.add(group)

    def add(self, group: FeatureGroup) -> None:
        """Create a group, or define one anew that keeps its records."""
        self._groups[group.name] = group
        self._stores.setdefault(group.name, _Stores())

    def remove(self, name: str) -> None:
        """Delete a group and all its records."""
        self._groups.pop(name, None)
        self._stores.pop(name, None)

    def group(self, name_or_arn: str) -> FeatureGroup:
        """The group of that name or ARN. Raises FeatureStoreError when there is none."""
        name = name_or_arn.rpartition("/")[2]
        if name not in self._groups:
            raise not_found(
                f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"
            )
        return self._groups[name]

    def offline(self, name_or_arn: str) -> Sequence[OfflineRecord]:
        """Everything that the offline store of a group holds, in the order in which it came."""
        group = self.group(name_or_arn)
        self._expire(group)
        return tuple(self._stores[group.name].offline)

    def put(
        self,
        name_or_arn: str,
        values: Sequence[Mapping[str, Any]],
        *,
        targets: Collection[str] = (),
        ttl: Mapping[str, Any] | None = None,
    ) -> None:
        """PutRecord."""
        group = self.group(name_or_arn)
        record = checked(group, values)
        targets = _targets(group, targets)
        if ttl is not None and ONLINE not in targets:
            raise invalid("TtlDuration is for the OnlineStore, which the record is not written to")
        if ONLINE in targets:
            current = self._current(group, record.identifier)
            if current is None or record.event_time_s > current.record.event_time_s:
                ttl_s = ttl_seconds(ttl) if ttl else group.ttl_s
                self._stores[group.name].online[record.identifier] = _Online(record, ttl_s)
        if OFFLINE in targets:
            self._append(group, record, is_deleted=False)

    def get(self, name_or_arn: str, identifier: str, names: Collection[str] = ()) -> dict[str, Any]:
        """GetRecord: Record and ExpiresAt, as far as there are any."""
        group = self.group(name_or_arn)
        _need_online(group)
        check_names(group, names)
        current = self._current(group, identifier)
        if current is None or current.deleted:
            return {}
        answer: dict[str, Any] = {"Record": shown(current.record, names)}
        if current.expires_at_s is not None:
            answer["ExpiresAt"] = iso(current.expires_at_s)
        return answer

    def delete(
        self,
        name_or_arn: str,
        identifier: str,
        event_time: str,
        *,
        hard: bool = False,
        targets: Collection[str] = (),
    ) -> None:
        """DeleteRecord."""
        group = self.group(name_or_arn)
        at_s = seconds(group, event_time)
        targets = _targets(group, targets)
        marker = _marker(group, identifier, at_s)
        if ONLINE in targets:
            self._delete_online(group, marker, hard)
        if OFFLINE in targets:
            self._append(group, marker, is_deleted=True)

    def update(
        self,
        name_or_arn: str,
        identifier: str,
        values: Sequence[Mapping[str, Any]],
        *,
        targets: Collection[str] = (),
        ttl: Mapping[str, Any] | None = None,
    ) -> None:
        """UpdateRecord."""
        group = self.group(name_or_arn)
        given = _updated_values(group, identifier, values, ttl)
        current = self._current(group, identifier)
        if current is None or current.deleted:
            raise not_found(f"There is no record {identifier!r} to update; PutRecord creates one")
        event_time = str(given.get(group.event_time, current.record.values[group.event_time]))
        at_s = seconds(group, event_time)
        if at_s < current.record.event_time_s:
            raise conflict(f"The record has a newer EventTime than {event_time}")
        merged = {**current.record.values, **given}
        ordered = {name: merged[name] for name in group.features if name in merged}
        record = Record(identifier, at_s, ordered)
        targets = _targets(group, targets)
        if ONLINE in targets:
            ttl_s = ttl_seconds(ttl) if ttl else current.ttl_s
            self._stores[group.name].online[identifier] = _Online(record, ttl_s)
        if OFFLINE in targets:
            self._append(group, record, is_deleted=False)

    def identifiers(self, name_or_arn: str, *, deleted: bool = False) -> list[str]:
        """ListRecords, whole: the identifiers in the online store, in order."""
        group = self.group(name_or_arn)
        _need_online(group)
        self._expire(group)
        online = self._stores[group.name].online
        return sorted(each for each, one in online.items() if deleted or not one.deleted)

    def _delete_online(self, group: FeatureGroup, marker: Record, hard: bool) -> None:
        current = self._current(group, marker.identifier)
        newer = current is None or marker.event_time_s > current.record.event_time_s
        if hard and not newer:
            raise invalid("EventTime: the record to be deleted has the same or a newer EventTime")
        online = self._stores[group.name].online
        if hard:
            online.pop(marker.identifier, None)
        elif newer:
            online[marker.identifier] = _Online(marker, deleted=True)

    def _current(self, group: FeatureGroup, identifier: str) -> _Online | None:
        online = self._stores[group.name].online
        current = online.get(identifier)
        if current is None or current.expires_at_s is None:
            return current
        if current.expires_at_s > Decimal(self._now_ms()) / 1000:
            return current
        del online[identifier]
        if group.offline:
            self._append(group, _marker(group, identifier, current.expires_at_s), is_deleted=True)
        return None

    def _expire(self, group: FeatureGroup) -> None:
        for identifier in tuple(self._stores[group.name].online):
            self._current(group, identifier)

    def _append(self, group: FeatureGroup, record: Record, *, is_deleted: bool) -> None:
        self._stores[group.name].offline.append(
            OfflineRecord(
                record.identifier, record.event_time_s, record.values, is_deleted, self._now_ms()
            )
        )


def _marker(group: FeatureGroup, identifier: str, at_s: Decimal) -> Record:
    """A deleted record: nothing but who and when."""
    is_text = group.features[group.event_time].type is FeatureType.STRING
    event_time = iso(at_s) if is_text else str(at_s)
    values = {group.record_identifier: identifier, group.event_time: event_time}
    return Record(identifier, at_s, values)


def _updated_values(
    group: FeatureGroup,
    identifier: str,
    values: Sequence[Mapping[str, Any]],
    ttl: Mapping[str, Any] | None,
) -> dict[str, Value]:
    _need_online(group)
    if group.storage_type not in _UPDATABLE:
        raise invalid(
            f"UpdateRecord needs a feature group of storage type {' or '.join(_UPDATABLE)}; "
            f"{group.name!r} is {group.storage_type}"
        )
    given = read_values(group, values)
    if len(given) > _MAX_UPDATED:
        raise invalid(f"{len(given)} features are to be updated; at most {_MAX_UPDATED} can be")
    if given.get(group.record_identifier, identifier) != identifier:
        raise invalid("A record's identifier cannot be updated")
    if ttl is not None and group.event_time not in given:
        raise invalid("TtlDuration needs an EventTime in the same request")
    return given


def _need_online(group: FeatureGroup) -> None:
    if not group.online:
        raise invalid(f"Feature group {group.name!r} has no OnlineStore")


def _targets(group: FeatureGroup, targets: Collection[str]) -> Collection[str]:
    enabled = [store for store, on in ((ONLINE, group.online), (OFFLINE, group.offline)) if on]
    for target in targets:
        if target not in enabled:
            raise invalid(f"Feature group {group.name!r} has no {target}")
    return targets or enabled
