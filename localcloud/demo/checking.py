"""The proof: every stored feature against a recomputation from what was put on the stream."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from millrace.errors import InvalidEvent, MillraceError
from millrace.events import Event, EventReader
from millrace.features.definitions import OTHER_TYPE, Definitions
from millrace.features.dynamodb import from_wire
from millrace.features.entry import Entry, storage_key
from millrace.features.item import KEY, from_item
from millrace.features.plan import Plan, plans_of
from millrace.features.snapshot import snapshot
from millrace.kinesis import Position
from millrace.quarantine import LATE, POISON

from localcloud import oracle
from localcloud.cloud import LocalCloud
from localcloud.demo.asking import Asked
from localcloud.demo.used_features import Arrived, UsedFeatures, check_used
from localcloud.ports import StreamRecord

_READ = 10_000
# Beside the newest event's own moment, one when the short windows have emptied.
_LATER_MS = (0, 400_000)
_SHOWN = 5


@dataclass(slots=True)
class Check:
    """What the comparison found.

    `events` were found on the stream, where `put` had been put (more where an answer was lost and
    the put tried again); each must be applied, a duplicate, late, or in quarantine.
    `compared` features were compared, of so many `keys` of each entity; `wrong` shows some that
    differ.
    `first_invalid` says what is wrong with the first record that is no valid event.
    """

    put: int = 0
    events: int = 0
    applied: int = 0
    duplicates: int = 0
    late: int = 0
    quarantined: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    mismatches: int = 0
    floor_raises: int = 0
    wrong: list[str] = field(default_factory=list)
    first_invalid: str = ""
    predictions: UsedFeatures = field(default_factory=UsedFeatures)

    @property
    def lost(self) -> int:
        """Events of which nothing is known; below 0, events that count more than once."""
        accounted = self.applied + self.duplicates + self.late + self.quarantined
        return max(self.events, self.put) - accounted

    @property
    def exact(self) -> bool:
        """Whether nothing was lost and every feature, stored or used, is what it must be."""
        return not self.mismatches and not self.lost and not self.predictions.mismatches


@dataclass(frozen=True, slots=True)
class _Streamed:
    """A valid event with its place on the stream."""

    position: Position
    arrival_ms: int
    event: Event


async def check(
    cloud: LocalCloud, definitions: Definitions, put: int = 0, asked: Sequence[Asked] = ()
) -> Check:
    """Compare everything that is stored with a recomputation of what was put on the stream.

    The features in answers that were `asked` for are compared likewise, with those of their time.
    """
    return await asyncio.to_thread(_check, cloud, definitions, put, asked)


def _check(cloud: LocalCloud, definitions: Definitions, put: int, asked: Sequence[Asked]) -> Check:
    result = Check(put)
    late = _late_positions(cloud)
    result.quarantined = sum(1 for _ in _keys(cloud, f"{POISON}/"))
    streamed = list(_events(cloud, definitions, result))
    items = {item[KEY]: item for item in _items(cloud)}
    for plan in plans_of(definitions):
        result.keys[plan.entity.name] = 0
        groups = {
            key: _distinct(group, late, plan) for key, group in _grouped(streamed, plan).items()
        }
        for key, group in groups.items():
            events = [one.event for one in group]
            _check_key(result, plan, key, items.get(key), events)
        if plan.index == 0:
            result.predictions = check_used(asked, groups, plan)
    return result


def _grouped(streamed: Iterable[_Streamed], plan: Plan) -> dict[str, list[_Streamed]]:
    """Events by their key in the table, in the order of the stream."""
    groups: defaultdict[str, list[_Streamed]] = defaultdict(list)
    for one in sorted(streamed, key=lambda one: one.position.sequence):
        key = one.event.keys[plan.index]
        if key is not None:
            groups[storage_key(plan.definitions, plan, key)].append(one)
    return groups


def _check_key(
    result: Check, plan: Plan, key: str, item: Mapping[str, Any] | None, events: list[Event]
) -> None:
    if item is None:
        if events:
            result.mismatches += 1
            _note(result, f"{key}: not stored, though {len(events)} events were put")
        return
    try:
        entry = from_item(item, plan)
    except MillraceError as error:
        result.mismatches += 1
        _note(result, f"{key}: {error}")
        return
    if plan.index == 0:
        _add_counters(result, entry)
    result.keys[plan.entity.name] += 1
    profile = entry.profile
    types = profile.types if OTHER_TYPE in profile.types else None
    for later_ms in _LATER_MS:
        at_ms = profile.latest_ms + later_ms
        expected = oracle.features(events, plan, at_ms, types)
        found = snapshot(profile, plan, at_ms)
        for name in expected.keys() | found.keys():
            result.compared += 1
            if expected.get(name) != found.get(name) or (name in expected) != (name in found):
                result.mismatches += 1
                wanted, stored = expected.get(name), found.get(name)
                _note(result, f"{key}: {name} is {stored!r}, recomputed {wanted!r}")


def _add_counters(result: Check, entry: Entry) -> None:
    result.applied += entry.profile.accepted
    result.duplicates += entry.profile.duplicates
    result.late += entry.profile.late
    result.floor_raises += entry.profile.floor_raises


def _note(result: Check, text: str) -> None:
    if len(result.wrong) < _SHOWN:
        result.wrong.append(text)


def _distinct(group: list[_Streamed], late: set[str], plan: Plan) -> list[Arrived]:
    """A key's distinct events, less those that were reported as late."""
    found: dict[str, Arrived] = {}
    for one in group:
        position = str(one.position)
        if f"{plan.entity.name}/{position}" not in late:
            arrived = Arrived(one.position.sequence, one.arrival_ms, one.event)
            found.setdefault(one.event.id or position, arrived)
    return list(found.values())


# What is on the stream, in the table, in the bucket.


def _events(cloud: LocalCloud, definitions: Definitions, result: Check) -> Iterator[_Streamed]:
    reader = EventReader(definitions)
    name = cloud.output("StreamName")
    created_ms = cloud.kinesis.stream(name).created_ms
    for shard in cloud.kinesis.shards(name):
        number = int(shard.shard_id.rpartition("-")[2])
        for record in _records(cloud, name, shard.shard_id):
            result.events += 1
            try:
                event = reader.read(record.data, record.arrival_ms)
            except InvalidEvent as error:
                result.first_invalid = result.first_invalid or str(error)
                continue
            if event.id is None and {*event.keys} - {record.partition_key, None}:
                # Without an order only an id tells a repetition: this is poison.
                without_id = f"{definitions.event.id} is missing, which this stream's events need"
                result.first_invalid = result.first_invalid or without_id
                continue
            position = Position(created_ms, number, int(record.sequence_number), 0)
            yield _Streamed(position, record.arrival_ms, event)


def _records(cloud: LocalCloud, name: str, shard_id: str) -> Iterator[StreamRecord]:
    after: str | None = None
    while records := cloud.kinesis.read(name, shard_id, after, _READ).records:
        yield from records
        after = records[-1].sequence_number


def _items(cloud: LocalCloud) -> Iterator[Mapping[str, Any]]:
    start: dict[str, Any] = {}
    while True:
        table = cloud.output("FeaturesTableName")
        answer = cloud.aws.call("dynamodb", "scan", TableName=table, ConsistentRead=True, **start)
        yield from map(from_wire, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _keys(cloud: LocalCloud, prefix: str) -> Iterator[str]:
    start: dict[str, Any] = {}
    while True:
        bucket = cloud.output("QuarantineBucketName")
        answer = cloud.aws.call("s3", "list_objects_v2", Bucket=bucket, Prefix=prefix, **start)
        yield from (found["Key"] for found in answer.get("Contents", ()))
        if not answer.get("IsTruncated"):
            return
        start = {"ContinuationToken": answer["NextContinuationToken"]}


def _late_positions(cloud: LocalCloud) -> set[str]:
    """Entity and position of every event that was reported as late."""
    found = set()
    for key in _keys(cloud, f"{LATE}/"):
        bucket = cloud.output("QuarantineBucketName")
        body = cloud.aws.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read()
        record = orjson.loads(body)
        found.add(f"{record['entity']}/{record['position']}")
    return found
