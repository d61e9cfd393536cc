"""The shop's events follow the features.toml that they are streamed under."""

from __future__ import annotations

from pathlib import Path

from millrace.events import EventReader
from millrace.features.definitions import Definitions, load
from millrace.features.definitions_parser import parse

from localcloud.demo.shop import Shop, as_defined

ROOT = Path(__file__).parents[2]
OTHER = """
version = 1
[event]
id = "meta.id"
time = "at"
type = "what"
[event.numbers.price]
field = "detail.price"
[event.categories.article]
field = "detail.article"
[entity.customer]
key = "who.id"
[entity.item]
key = "thing"
"""


def read(definitions: Definitions) -> list[tuple[str | None, ...]]:
    """Keys of the shop's events, read under these definitions."""
    reader = EventReader(definitions)
    shop = Shop(1, rate=50).live(1_700_000_000_000, 5)
    events = [
        reader.from_document(as_defined(timed.document, definitions), timed.due_ms)
        for timed in shop
    ]
    assert all(event.id for event in events)
    assert {event.type for event in events} >= {"view", "login", ""}
    return [event.keys for event in events]


def test_as_shipped_nothing_is_moved() -> None:
    shipped = load(ROOT / "features.toml")
    for timed in Shop(1, rate=50).live(1_700_000_000_000, 2):
        assert as_defined(timed.document, shipped) == timed.document


def test_fields_stand_where_the_definitions_look_for_them() -> None:
    keys = read(parse(OTHER, "other.toml"))
    assert [user for user, _ in keys] == [user for (user,) in read(load(ROOT / "features.toml"))]
    assert any(item for _, item in keys)
