"""What to compute: features.toml as typed, checked values.

`load` reads the file and `parse` its text. Everything that is wrong is a `DefinitionsError` that
names file, line, key, and what is allowed; nothing is guessed. The grammar is in docs/features.md,
and the file itself, as shipped, is its example.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.features.windows import PLAIN_WINDOW_S, Ladder, tile_for

# Aggregates that tiles give, and those that need something else.
TILED = ("sum", "mean", "min", "max", "std")
NUMBER_AGGREGATES = (*TILED, "last", "distinct")
CATEGORY_AGGREGATES = ("distinct",)
OTHER_TYPE = "(other)"
MAX_TYPE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric field, kept as an integer of 10**-scale units."""

    name: str
    field: str
    scale: int


@dataclass(frozen=True, slots=True)
class Category:
    """A text field of which distinct values are counted."""

    name: str
    field: str


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window: its name as written, its length, and the tile it is read at."""

    name: str
    length_s: int
    tile_s: int


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Where things stand in the user's events; `field` values may be dotted paths."""

    id: str
    time: str
    type: str
    future_ms: int
    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]

    @property
    def fields(self) -> tuple[Number | Category, ...]:
        """Numbers, then categories: a field's place here is its index everywhere."""
        return (*self.numbers, *self.categories)


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of thing that has features.

    `all_types` and `by_type` say which aggregates of which field (by name) are wanted; `by_type`
    is keyed by event type, "*" standing for every type that is not named.
    """

    name: str
    key: str
    windows: tuple[Window, ...]
    lateness_ms: int
    session_gap_ms: int
    max_types: int
    all_types: Mapping[str, tuple[str, ...]]
    by_type: Mapping[str, Mapping[str, tuple[str, ...]]]
    ladder: Ladder = field(init=False)

    def __post_init__(self) -> None:
        lengths = {window.length_s for window in self.windows}
        object.__setattr__(self, "ladder", Ladder.of({*lengths, PLAIN_WINDOW_S}))

    def wanted(self, event_type: str) -> Mapping[str, tuple[str, ...]]:
        """The aggregates by field that are wanted for one event type, beside its count."""
        return self.by_type.get(event_type, self.by_type.get("*", {}))


@dataclass(frozen=True, slots=True)
class Definitions:
    """A whole features.toml. The first entity's key is the stream's partition key.

    `prefixes` are what stored keys of entities other than the first begin with.
    """

    event: EventMapping
    entities: tuple[Entity, ...]
    source: str = "features.toml"
    prefixes: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        prefixes = tuple(f"{entity.name}#" for entity in self.entities)
        object.__setattr__(self, "prefixes", prefixes)

    @property
    def primary(self) -> Entity:
        """The entity that every event must name."""
        return self.entities[0]

    def entity(self, name: str) -> Entity:
        """The entity called `name`; raises ConfigurationError, naming those that there are."""
        for entity in self.entities:
            if entity.name == name:
                return entity
        known = ", ".join(entity.name for entity in self.entities)
        raise ConfigurationError(f"No entity {name!r} in {self.source}; it defines: {known}.")

    def fingerprint(self, entity: Entity) -> int:
        """32 bits that change whenever a stored profile of `entity` must be migrated.

        Field mapping, which aggregates are shown, and how far back a tile is read do not count:
        they change no stored byte.
        """
        kept = (
            [(n.name, n.scale) for n in self.event.numbers],
            [c.name for c in self.event.categories],
            entity.ladder.tiles_s,
            [(t.scope, t.field, t.tiles, t.distinct) for t in tracks_of(self.event, entity)],
        )
        return zlib.crc32(repr(kept).encode())


@dataclass(frozen=True, slots=True)
class Track:
    """What a profile keeps of one field (by index) over one scope of event types.

    The scope is "" for all types, a type's name, or "*" for every type that is not named. A track
    without `tiles` serves only distinct counts or the last value.
    """

    scope: str
    field: int
    wanted: tuple[bool, ...]  # of each aggregate of TILED
    distinct: bool
    last: bool

    @property
    def tiles(self) -> bool:
        """Whether any aggregate needs tiles."""
        return any(self.wanted)


def tracks_of(event: EventMapping, entity: Entity) -> tuple[Track, ...]:
    """Every track that the aggregates asked for need, all types first."""
    scopes: list[tuple[str, Mapping[str, tuple[str, ...]]]] = [("", entity.all_types)]
    scopes += sorted(entity.by_type.items())
    found = []
    for scope, aggregates in scopes:
        for index, kept in enumerate(event.fields):
            if wanted := aggregates.get(kept.name):
                tiled = tuple(aggregate in wanted for aggregate in TILED)
                found.append(Track(scope, index, tiled, "distinct" in wanted, "last" in wanted))
    return tuple(found)


def window(name: str, length_s: int) -> Window:
    """A window with the tile that its length is read at."""
    return Window(name, length_s, tile_for(length_s))


def load(path: Path) -> Definitions:
    """Read a features.toml. Raises DefinitionsError, or ConfigurationError if there is no file."""
    from millrace.features.definitions_parser import parse

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read {path}: {error.strerror}. Put a features.toml there, or name one with "
            "MILLRACE_FEATURES."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    return parse(text, str(path))
