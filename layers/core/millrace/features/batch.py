"""From the records of one invocation to valid events, grouped by key, and poison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from millrace.errors import InvalidEvent
from millrace.events import Event, EventReader
from millrace.features.entry import Rank, storage_key
from millrace.features.plan import Plan, plans_of
from millrace.features.store import Key
from millrace.kinesis import Delivery, Rejected, Stream, decode
from millrace.quarantine import (
    POISON,
    encode,
    object_key,
    record_of,
    rejected_object,
    stream_name,
)

# Half the time of Key(…) or Group(…).
_new = tuple.__new__


class Streams(Protocol):
    """Describes streams: see millrace.streams."""

    def stream(self, arn: str) -> Stream:
        """The stream. Raises Unavailable."""
        ...

    def begins(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> None:
        """Note the first record of a batch."""
        ...

    def forget(self, arn: str) -> None:
        """Ask again what describes a stream, when it is next needed."""
        ...


class Poison(NamedTuple):
    """An object for the quarantine, the number of the record that it comes from, and its reason."""

    key: str
    body: bytes
    sequence_number: str | None
    reason: str


class Group(NamedTuple):
    """A key's events of a batch, in their order, each with its delivery and its rank."""

    key: Key
    name: str
    events: list[Event]
    ranks: list[Rank]
    deliveries: list[Delivery]

    @property
    def first_number(self) -> str:
        """The sequence number of its first record."""
        return self.deliveries[0].sequence_number


class Batch(NamedTuple):
    """What the records of an invocation are: deliveries of valid events, by key too, and poison.

    An event is in a group for every entity that it names; those of one entity stand together.
    """

    deliveries: list[Delivery]
    groups: list[Group]
    poison: list[Poison]

    @property
    def records(self) -> int:
        """How many records there were."""
        return len(self.deliveries) + len(self.poison)


class BatchReader:
    """Decodes and validates; with a `parallelization_factor` above 1, KPL aggregates' sub-records
    come through several lanes, and only event ids tell repetitions."""

    def __init__(
        self, reader: EventReader, streams: Streams, parallelization_factor: int = 1
    ) -> None:
        self.definitions = reader.definitions
        self.plans: tuple[Plan, ...] = plans_of(reader.definitions)
        self._reader = reader
        self._streams = streams
        self._lanes = parallelization_factor

    def read(self, records: Sequence[Any]) -> Batch:
        """The batch. Raises Unavailable where its stream cannot be described."""
        events: list[Event] = []
        deliveries: list[Delivery] = []
        poison: list[Poison] = []
        read, add_event, add_delivery = self._reader.read, events.append, deliveries.append
        # All of them, and only then what is in them: a stage's code stays in the processor's cache.
        for found in list(decode(records, self._stream_of)):
            if isinstance(found, Rejected):
                key, body = rejected_object(found)
                poison.append(Poison(key, body, found.sequence_number, found.reason))
                continue
            try:
                event = read(found.data, found.arrival_ms)
                if event.id is None:
                    self._check_identity(event, found)
            except InvalidEvent as error:
                poison.append(_poison(found, error))
            else:
                add_event(event)
                add_delivery(found)
        groups = [group for plan in self.plans for group in self._groups(plan, events, deliveries)]
        return Batch(deliveries, groups, poison)

    def _groups(
        self, plan: Plan, events: Sequence[Event], deliveries: Sequence[Delivery]
    ) -> Iterable[Group]:
        index, several_lanes = plan.index, self._lanes > 1
        groups: dict[str, Group] = {}
        for event, delivery in zip(events, deliveries, strict=True):
            name = event.keys[index]
            if name is None:
                continue
            # As `_is_ranked`, without a call for every event.
            ranked = delivery.partition_key == name and not (several_lanes and delivery.aggregated)
            rank: Rank = delivery[:4] if ranked else None
            group = groups.get(name)
            if group is None:
                place = _new(Key, (storage_key(self.definitions, plan, name), plan))
                groups[name] = _new(Group, (place, name, [event], [rank], [delivery]))
                continue
            _, _, its_events, its_ranks, its_deliveries = group
            its_events.append(event)
            its_ranks.append(rank)
            its_deliveries.append(delivery)
        return groups.values()

    def event(self, data: bytes, arrival_ms: int) -> Event:
        """One event, checked. Raises InvalidEvent."""
        return self._reader.read(data, arrival_ms)

    def forget_stream(self, arn: str) -> None:
        """Ask again what describes a stream, when a record of it comes next."""
        self._streams.forget(arn)

    def _stream_of(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> Stream:
        self._streams.begins(arn, shard_id, sequence, arrival_ms)
        return self._streams.stream(arn)

    def _is_ranked(self, key: str, delivery: Delivery) -> bool:
        """Whether the key's records come in one order: then their positions rank them."""
        return delivery.partition_key == key and not (delivery.aggregated and self._lanes > 1)

    def _check_identity(self, event: Event, delivery: Delivery) -> None:
        for entity, key in zip(self.definitions.entities, event.keys, strict=True):
            if key is not None and not self._is_ranked(key, delivery):
                raise InvalidEvent(
                    "event-id-required",
                    f"{self.definitions.event.id} is missing, and {entity.key} is not the"
                    " partition key (or comes through several lanes, as KPL aggregates do at a"
                    " parallelisation factor above 1): without an order only an id tells a"
                    " repetition",
                )


def _poison(delivery: Delivery, error: InvalidEvent) -> Poison:
    body = encode(record_of(delivery, error.reason, str(error)))
    key = object_key(POISON, stream_name(delivery.arn), delivery.position)
    return Poison(key, body, delivery.sequence_number, error.reason)
