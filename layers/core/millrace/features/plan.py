"""An entity's definitions made ready for work: what fold, snapshot and packing look up."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from millrace.features import names
from millrace.features.definitions import Definitions, Entity, Number, Track, tracks_of
from millrace.features.layout import pack_layout
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
        # An event that is still in time may lengthen a session that ended so long ago, or join two.
        longest_ms = max(entity.lateness_ms, self.ladder.reach_s * 1000)
        self.sessions_open_ms = longest_ms + entity.session_gap_ms
        self.numbers = definitions.event.numbers
        self.fields = definitions.event.fields
        self.units = tuple(
            10**field.scale if isinstance(field, Number) else 1 for field in self.fields
        )
        self.windows_ms = tuple((w.length_s * 1000, w.tile_s * 1000) for w in entity.windows)
        # Of 299s and 5m the longer one, which begins at a coarser tile's edge, may begin later.
        self.windows_may_cross = any(
            shorter.length_s > longer.length_s - longer.tile_s
            for shorter, longer in pairwise(entity.windows)
        )
        self._type_capacity = type_capacity(definitions.event, entity)
        self._named_types = entity.by_type.keys() - {"*"}
        # So many types have a place whatever they are called.
        self.types_for_all = self._type_capacity - len(self._named_types)
        self.tracks = tracks_of(definitions.event, entity)
        self.no_levels = [b""] * len(self.ladder.tiles_s)
        self.layout = pack_layout(self.fields, self.ladder.tiles_s)
        self.fingerprint = definitions.fingerprint(entity)
        self._by_type: dict[str, tuple[Track, ...]] = {}
        self._indexes: dict[tuple[str, ...], dict[str, int]] = {}
        self._types: dict[str, tuple[str, ...]] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._reordered: dict[tuple[int, ...], Plan] = {}
        self._field_names = [field.name for field in self.fields]

    @cached_property
    def tracks_of_all(self) -> tuple[Track, ...]:
        """The tracks over all event types."""
        return tuple(track for track in self.tracks if track.scope == "")

    def types_in(self, joined: str) -> tuple[str, ...]:
        """Event types that were joined by NULs; most profiles share theirs with others."""
        found = self._types.get(joined)
        if found is None:
            found = tuple(joined.split("\0"))
            if len(self._types) < _CACHED_TYPES:
                self._types[joined] = found
        return found

    def type_indexes(self, types: tuple[str, ...]) -> dict[str, int]:
        """The place of each type; shared, and not to be changed."""
        found = self._indexes.get(types)
        if found is None:
            found = {name: index for index, name in enumerate(types)}
            if len(self._indexes) < _CACHED_TYPES:
                self._indexes[types] = found
        return found

    def has_place(self, name: str, types: tuple[str, ...]) -> bool:
        """Whether a profile that has seen `types` may keep this one apart as well."""
        if name in self._named_types:
            return True
        return sum(known not in self._named_types for known in types) < self.types_for_all

    @cached_property
    def has_type_tracks(self) -> bool:
        """Whether any event type keeps more than its count."""
        return len(self.tracks_of_all) < len(self.tracks)

    @cached_property
    def names_of_all(self) -> tuple[str, ...]:
        """The names of the features over all event types."""
        return tuple(names.all_types(self.entity, self.tracks_of_all, self._field_names))

    def names(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """The names of all features of a profile that has seen these event types."""
        found = self._names.get(types)
        if found is None:
            found = self.names_of_all
            for event_type in types:
                tracks = self.tracks_of_type(event_type)
                found += tuple(names.one_type(self.entity, tracks, self._field_names, event_type))
            if len(self._names) < _CACHED_TYPES:
                self._names[types] = found
        return found

    def reordered(self, order: tuple[int, ...]) -> Plan:
        """The same plan with its windows in another order, given by their indexes."""
        found = self._reordered.get(order)
        if found is None:
            found = copy(self)
            windows = tuple(self.entity.windows[index] for index in order)
            found.entity = replace(self.entity, windows=windows)
            found.windows_ms = tuple(self.windows_ms[index] for index in order)
            found.__dict__.pop("names_of_all", None)
            found._names = {}
            self._reordered[order] = found
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
