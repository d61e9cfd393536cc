"""An entity's definitions made ready for work: what fold, snapshot and packing look up."""

from __future__ import annotations

from functools import cached_property

from millrace.features.definitions import Definitions, Entity, Number, Track, tracks_of
from millrace.features.layout import pack_layout
from millrace.features.names import FieldNames, TypeNames, field_names, type_names
from millrace.features.size import type_capacity
from millrace.features.windows import Ladder

# Event types come from outside: caches by type are bounded.
_CACHED_TYPES = 4096


class Plan:
    """One entity of a set of definitions, compiled. Immutable in effect; made once a process."""

    def __init__(self, definitions: Definitions, entity: Entity) -> None:
        self.definitions = definitions
        self.entity = entity
        self.index = definitions.entities.index(entity)
        self.ladder: Ladder = entity.ladder
        self.lateness_ms = entity.lateness_ms
        self.session_gap_ms = entity.session_gap_ms
        self.numbers = definitions.event.numbers
        self.fields = definitions.event.fields
        self.units = tuple(
            10**field.scale if isinstance(field, Number) else 1 for field in self.fields
        )
        self.windows_ms = tuple((w.length_s * 1000, w.tile_s * 1000) for w in entity.windows)
        self.no_counts = [0] * len(entity.windows)
        self.type_capacity = type_capacity(definitions.event, entity)
        self.tracks = tracks_of(definitions.event, entity)
        self.layout = pack_layout(self.fields, self.ladder.tiles_s)
        self.fingerprint = definitions.fingerprint(entity)
        self._by_type: dict[str, tuple[Track, ...]] = {}
        self._type_names: dict[str, TypeNames] = {}
        self._field_names: dict[tuple[int, str], FieldNames] = {}

    @cached_property
    def tracks_of_all(self) -> tuple[Track, ...]:
        """The tracks over all event types."""
        return tuple(track for track in self.tracks if track.scope == "")

    @cached_property
    def has_type_tracks(self) -> bool:
        """Whether any event type keeps more than its count."""
        return len(self.tracks_of_all) < len(self.tracks)

    @cached_property
    def names(self) -> TypeNames:
        """The names of counts and recency over all types."""
        return type_names(self.entity)

    def names_of_type(self, event_type: str) -> TypeNames:
        """The names of counts and recency for one type."""
        found = self._type_names.get(event_type)
        if found is None:
            found = type_names(self.entity, event_type)
            if len(self._type_names) < _CACHED_TYPES:
                self._type_names[event_type] = found
        return found

    def names_of_field(self, field: int, event_type: str = "") -> FieldNames:
        """The names of a field's aggregates, for one type or ("") for all."""
        found = self._field_names.get((field, event_type))
        if found is None:
            wanted = self.entity.wanted(event_type) if event_type else self.entity.all_types
            found = field_names(self.entity, self.fields[field].name, wanted, event_type)
            if len(self._field_names) < _CACHED_TYPES:
                self._field_names[field, event_type] = found
        return found

    def tracks_of_type(self, event_type: str) -> tuple[Track, ...]:
        """The tracks of one event type, beside its count."""
        found = self._by_type.get(event_type)
        if found is None:
            scope = event_type if event_type in self.entity.by_type else "*"
            found = tuple(track for track in self.tracks if track.scope and track.scope == scope)
            if len(self._by_type) < _CACHED_TYPES:
                self._by_type[event_type] = found
        return found


def plans_of(definitions: Definitions) -> tuple[Plan, ...]:
    """A plan for every entity, in the order of the file."""
    return tuple(Plan(definitions, entity) for entity in definitions.entities)
