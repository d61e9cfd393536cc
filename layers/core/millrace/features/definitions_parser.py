"""From the text of a features.toml to `Definitions`, or to an error that says how to mend it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from millrace.errors import DefinitionsError
from millrace.features.definitions import (
    CATEGORY_AGGREGATES,
    MAX_TYPE_LENGTH,
    NUMBER_AGGREGATES,
    OTHER_TYPE,
    Category,
    Definitions,
    Entity,
    EventMapping,
    Number,
    Window,
    window,
)
from millrace.features.size import DISTINCT_BYTES, MAX_PROFILE_BYTES, type_capacity
from millrace.features.toml_lines import line_of

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_DURATION = re.compile(r"(0|[1-9][0-9]{0,11})(ms|s|m|h|d)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_RESERVED = ("count", "recency", "session", "types", "state")
_DAY_S = 86_400


def parse(text: str, source: str = "features.toml") -> Definitions:
    """Definitions from the text of a features.toml; `source` is the file's name for errors."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # an endless number or nesting is no syntax error
        raise DefinitionsError(f"{source}: not valid TOML: {error}") from error
    return _Parser(text, source).definitions(document)


class _Parser:
    """Reads the document table by table; every error knows its line."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source

    def fail(self, path: tuple[str, ...], problem: str) -> NoReturn:
        line = line_of(self._text, path)
        raise DefinitionsError(f"{self._source}, line {line}: {_dotted(path)}: {problem}")

    def definitions(self, document: Mapping[str, Any]) -> Definitions:
        self._only((), document, ("version", "event", "entity"))
        version = document.get("version")
        if type(version) is not int or version != 1:
            self.fail(("version",), f"must be 1 but is {version!r}")
        event = self._event(self._table((), document, "event"))
        sections = self._table((), document, "entity")
        if not sections:
            self.fail(("entity",), "at least one [entity.NAME] section is needed")
        entities = tuple(
            self._entity(name, self._table(("entity",), sections, name), event) for name in sections
        )
        definitions = Definitions(event, entities, self._source)
        for entity in entities:
            self._check_size(event, entity)
        return definitions

    def _event(self, table: Mapping[str, Any]) -> EventMapping:
        path = ("event",)
        self._only(path, table, ("id", "time", "type", "future", "numbers", "categories"))
        numbers = self._table(path, table, "numbers")
        categories = self._table(path, table, "categories")
        for name in categories:
            if name in numbers:
                self.fail((*path, "categories", name), "is a number already; names must differ")
        if len(numbers) + len(categories) > 16:
            self.fail((*path, "numbers"), "at most 16 numbers and categories together")
        return EventMapping(
            id=self._text_of(path, table, "id", "eventId"),
            time=self._text_of(path, table, "time", "timestamp"),
            type=self._text_of(path, table, "type", "eventType"),
            future_ms=self._duration_ms(path, table, "future", "5s", 0, 3600 * 1000),
            numbers=tuple(self._number(numbers, name) for name in numbers),
            categories=tuple(self._category(categories, name) for name in categories),
        )

    def _number(self, numbers: Mapping[str, Any], name: str) -> Number:
        path = ("event", "numbers", name)
        self._check_name(path, name)
        table = self._table(path[:2], numbers, name)
        self._only(path, table, ("field", "scale"))
        scale = self._integer(path, table, "scale", 4, 0, 9)
        return Number(name, self._text_of(path, table, "field", name), scale)

    def _category(self, categories: Mapping[str, Any], name: str) -> Category:
        path = ("event", "categories", name)
        self._check_name(path, name)
        table = self._table(path[:2], categories, name)
        self._only(path, table, ("field",))
        return Category(name, self._text_of(path, table, "field", name))

    def _entity(self, name: str, table: Mapping[str, Any], event: EventMapping) -> Entity:
        path = ("entity", name)
        self._check_name(path, name)
        known = ("key", "windows", "lateness", "session_gap", "max_types", "all_types", "by_type")
        self._only(path, table, known)
        if "key" not in table:
            self.fail(path, 'needs a key: the field that names the entity, such as key = "userId"')
        lateness_ms = self._duration_ms(path, table, "lateness", "60s", 0, 3600 * 1000)
        gap_ms = self._duration_ms(path, table, "session_gap", "30m", 1000, _DAY_S * 1000)
        if gap_ms < lateness_ms:
            self.fail((*path, "session_gap"), f"must be at least the lateness ({lateness_ms} ms)")
        all_types = self._table(path, table, "all_types")
        return Entity(
            name=name,
            key=self._text_of(path, table, "key", ""),
            windows=self._windows(path, table),
            lateness_ms=lateness_ms,
            session_gap_ms=gap_ms,
            max_types=self._integer(path, table, "max_types", 32, 1, 128),
            all_types=self._aggregates((*path, "all_types"), all_types, event),
            by_type=self._by_type(path, table, event),
        )

    def _by_type(
        self, path: tuple[str, ...], table: Mapping[str, Any], event: EventMapping
    ) -> dict[str, dict[str, tuple[str, ...]]]:
        here = (*path, "by_type")
        found = {}
        for kind, aggregates in self._table(path, table, "by_type").items():
            if not 0 < len(kind) <= MAX_TYPE_LENGTH or "\0" in kind:
                self.fail(
                    (*here, kind),
                    f"an event type is a text of 1 to {MAX_TYPE_LENGTH} characters without NUL;"
                    ' "*" stands for every type that is not named',
                )
            if not isinstance(aggregates, dict):
                self.fail((*here, kind), f"must be a table but is {aggregates!r}")
            found[kind] = self._aggregates((*here, kind), aggregates, event)
        return found

    def _windows(self, path: tuple[str, ...], table: Mapping[str, Any]) -> tuple[Window, ...]:
        here = (*path, "windows")
        names = table.get("windows", ["1m", "5m", "1h", "24h"])
        if not isinstance(names, list) or not 1 <= len(names) <= 12:
            self.fail(here, f'must be a list of 1 to 12 lengths such as ["5m"] but is {names!r}')
        found: dict[int, Window] = {}
        for name in names:
            length_ms = self._duration(here, name, 1000, 90 * _DAY_S * 1000)
            if length_ms % 1000:
                self.fail(here, f"{name!r} is not a whole number of seconds")
            length_s = length_ms // 1000
            if length_s in found:
                self.fail(here, f"{name!r} and {found[length_s].name!r} are the same length")
            found[length_s] = window(name, length_s)
        return tuple(found[length_s] for length_s in sorted(found))

    def _aggregates(
        self, path: tuple[str, ...], table: Mapping[str, Any], event: EventMapping
    ) -> dict[str, tuple[str, ...]]:
        numbers = [number.name for number in event.numbers]
        categories = [category.name for category in event.categories]
        self._only(path, table, (*numbers, *categories))
        wanted = {}
        for name, aggregates in table.items():
            allowed = NUMBER_AGGREGATES if name in numbers else CATEGORY_AGGREGATES
            if not isinstance(aggregates, list):
                self.fail((*path, name), f"must be a list of {_listed(allowed)}")
            for aggregate in aggregates:
                if aggregate not in allowed:
                    self.fail((*path, name), f"{aggregate!r} is not one of {_listed(allowed)}")
            wanted[name] = tuple(a for a in allowed if a in aggregates)
        return wanted

    def _check_size(self, event: EventMapping, entity: Entity) -> None:
        path = ("entity", entity.name)
        named = len(entity.by_type.keys() - {"*"})
        if named > entity.max_types:
            self.fail(
                (*path, "by_type"),
                f"names {named} event types, but max_types is {entity.max_types}: name fewer, or"
                " raise it (to at most 128)",
            )
        if type_capacity(event, entity) < max(1, named):
            # What the whole entity asks for may be too much without any type.
            alone = type_capacity(event, replace(entity, by_type={}))
            self.fail(
                (*path, "by_type" if alone >= 1 else "all_types"),
                f"a busy profile would pass the bound of {MAX_PROFILE_BYTES // 1024} KB: ask for"
                f" fewer distinct counts, each of which takes up to {DISTINCT_BYTES // 1024} KB, or"
                " fewer aggregates by type",
            )

    # What a value may be.

    def _only(
        self, path: tuple[str, ...], table: Mapping[str, Any], allowed: Iterable[str]
    ) -> None:
        names = tuple(allowed)
        for key in table:
            if key not in names:
                near = difflib.get_close_matches(key, names, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                self.fail((*path, key), f"unknown key; allowed are {_listed(names)}{hint}")

    def _table(self, path: tuple[str, ...], table: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.fail((*path, key), f"must be a table but is {value!r}")
        return value

    def _text_of(
        self, path: tuple[str, ...], table: Mapping[str, Any], key: str, default: str
    ) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or not value or not all(value.split(".")):
            self.fail((*path, key), f"must name a field of the event but is {value!r}")
        return value

    def _integer(
        self,
        path: tuple[str, ...],
        table: Mapping[str, Any],
        key: str,
        default: int,
        least: int,
        most: int,
    ) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.fail(
                (*path, key), f"must be a whole number from {least} to {most} but is {value!r}"
            )
        return value

    def _duration_ms(
        self,
        path: tuple[str, ...],
        table: Mapping[str, Any],
        key: str,
        default: str,
        least_ms: int,
        most_ms: int,
    ) -> int:
        return self._duration((*path, key), table.get(key, default), least_ms, most_ms)

    def _duration(self, path: tuple[str, ...], value: object, least_ms: int, most_ms: int) -> int:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.fail(
                path, f'must be a length of time such as "90s", "5m", "24h" or "7d", not {value!r}'
            )
        length_ms = int(match[1]) * _UNIT_MS[match[2]]
        if not least_ms <= length_ms <= most_ms:
            self.fail(
                path,
                f"must be from {least_ms / 1000:g} s to {most_ms / 1000:g} s but is {value!r}",
            )
        return length_ms

    def _check_name(self, path: tuple[str, ...], name: str) -> None:
        if not _NAME.fullmatch(name) or name in _RESERVED or name == OTHER_TYPE:
            self.fail(
                path,
                "a name is a letter and up to 30 letters, digits or underscores, and none of "
                + _listed(_RESERVED),
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _dotted(path: Iterable[str]) -> str:
    """A path as TOML writes it: what is no bare key stands in quotes."""
    return ".".join(part if _BARE.fullmatch(part) else repr(part) for part in path)
