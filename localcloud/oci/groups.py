"""Consumer groups: who reads which partition, and how far a group has come.

An instance reserves its fair share of the partitions for as long as it is heard of (a read or a
heartbeat within its time-out). One with too many gives some back at its next read; what a silent
one held falls free when its time is up, and is read again from what was committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from localcloud.oci.partition import Message
from localcloud.oci.stream import Stream


@dataclass(slots=True)
class Place:
    """A partition in a group: `committed` is the next offset to be read by whoever gets it."""

    committed: int
    instance: str | None = None
    until_ms: int = 0


@dataclass(slots=True)
class Group:
    """A group on one stream."""

    stream: Stream
    name: str
    places: dict[str, Place]
    _instances: dict[str, int] = field(default_factory=dict)  # until when each is believed alive

    @classmethod
    def starting(cls, stream: Stream, name: str, kind: str, time_ms: int | None) -> Group:
        """A new group, which begins where its first cursor says."""
        places = {p: Place(stream.start(p, kind, time_ms=time_ms)) for p in stream.partitions}
        return cls(stream, name, places)

    def reset(self, kind: str, time_ms: int | None) -> None:
        """Begin anew from another place; whoever reads loses its reservations."""
        for name, place in self.places.items():
            place.committed = self.stream.start(name, kind, time_ms=time_ms)
            place.instance = None

    def heard(self, instance: str, timeout_ms: int) -> None:
        """An instance lives: keep what it holds, give it its share."""
        now_ms = self.stream.clock.now_ms()
        self._instances[instance] = now_ms + timeout_ms
        self._instances = {i: until for i, until in self._instances.items() if until > now_ms}
        for place in self.places.values():
            if place.instance == instance:
                place.until_ms = now_ms + timeout_ms
            elif place.instance not in self._instances:
                place.instance = None
        self._share(instance, now_ms + timeout_ms)

    def held(self, instance: str) -> list[str]:
        """The partitions of an instance."""
        return [name for name, place in self.places.items() if place.instance == instance]

    def commit(self, instance: str, read: dict[str, int]) -> None:
        """What was read is done, where it is still the instance's own; never backwards."""
        for name in self.held(instance):
            place = self.places[name]
            place.committed = max(place.committed, read.get(name, 0))

    def read(
        self, instance: str, read: dict[str, int], limit: int, most_bytes: int
    ) -> tuple[list[Message], dict[str, int]]:
        """Messages of the instance's partitions, and how far it has read each."""
        found: list[Message] = []
        places: dict[str, int] = {}
        for name in self.held(instance):
            places[name] = max(read.get(name, 0), self.places[name].committed)
            for message in self.stream.partition(name).read(places[name]):
                if len(found) >= limit or (found and message.size > most_bytes):
                    break
                most_bytes -= message.size
                found.append(message)
                places[name] = message.offset + 1
        return found, places

    def _share(self, instance: str, until_ms: int) -> None:
        share = -(-len(self.places) // len(self._instances))
        held = self.held(instance)
        for name in held[share:]:
            self.places[name].instance = None
        free = [name for name, place in self.places.items() if place.instance is None]
        for name in free[: max(0, share - len(held))]:
            self.places[name].instance = instance
            self.places[name].until_ms = until_ms
