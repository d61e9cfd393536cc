"""What a features.toml means, and when a change of it must migrate what is stored."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.features.definitions import (
    NUMBER_AGGREGATES,
    Category,
    Definitions,
    Number,
    Window,
    load,
    tracks_of,
)
from millrace.features.definitions_parser import parse
from millrace.features.plan import plans_of
from millrace.features.size import type_capacity
from millrace.features.windows import TILES_S, Ladder, tile_for, window_start_s

from tests.features.conftest import SHIPPED
from tests.features.making import RICH

SMALL = 'version = 1\n[entity.user]\nkey = "userId"\n'

BASE = """\
version = 1
[event.numbers.metric]
scale = 2
[event.categories.item]
[entity.user]
key = "userId"
windows = ["5m", "1h"]
lateness = "30s"
[entity.user.all_types]
metric = ["sum", "last"]
[entity.user.by_type]
buy = { metric = ["sum"] }
"""


def test_the_shipped_file_computes_what_the_documentation_says() -> None:
    definitions = load(SHIPPED)
    (user,) = definitions.entities
    assert (user.name, user.key) == ("user", "userId")
    assert [window.name for window in user.windows] == ["1m", "5m", "1h", "24h"]
    assert (user.lateness_ms, user.session_gap_ms, user.max_types) == (60_000, 1_800_000, 32)
    assert user.all_types == {"metric": NUMBER_AGGREGATES}
    assert user.by_type == {}
    event = definitions.event
    assert (event.id, event.time, event.type) == ("eventId", "timestamp", "eventType")
    assert event.fields == (Number("metric", "metric", 4),)
    assert event.future_ms == 5000


def test_what_is_left_out_has_the_shipped_value() -> None:
    (user,) = parse(SMALL).entities
    shipped = load(SHIPPED)
    assert user.windows == shipped.primary.windows
    assert user.lateness_ms == shipped.primary.lateness_ms
    assert user.session_gap_ms == shipped.primary.session_gap_ms
    assert user.max_types == shipped.primary.max_types
    assert parse(SMALL).event.future_ms == shipped.event.future_ms
    assert user.all_types == {}


def test_names_and_fields_of_events_may_differ() -> None:
    definitions = parse(
        """
        version = 1
        [event]
        id = "meta.id"
        time = "meta.at"
        [event.numbers.price]
        field = "order.price.net"
        [event.categories.item]
        field = "order.item"
        [entity.buyer]
        key = "order.buyer.id"
        """
    )
    assert definitions.event.numbers == (Number("price", "order.price.net", 4),)
    assert definitions.event.categories == (Category("item", "order.item"),)
    assert (definitions.event.id, definitions.event.time) == ("meta.id", "meta.at")
    assert definitions.primary.key == "order.buyer.id"


def test_a_field_is_called_like_its_name_unless_it_says_otherwise() -> None:
    text = SMALL + "[event.numbers.price]\n[event.categories.item]\n"
    assert [field.field for field in parse(text).event.fields] == ["price", "item"]


def test_windows_are_sorted_and_keep_their_names() -> None:
    text = SMALL + 'windows = ["7d", "90s", "1000ms", "2h"]\n'
    assert parse(text).primary.windows == (
        Window("1000ms", 1, 1),
        Window("90s", 90, 1),
        Window("2h", 7200, 60),
        Window("7d", 604_800, 3600),
    )


def test_aggregates_stand_in_one_order_whatever_the_file_says() -> None:
    text = SMALL + '[event.numbers.m]\n[entity.user.all_types]\nm = ["last", "sum", "sum"]\n'
    assert parse(text).primary.all_types == {"m": ("sum", "last")}


def test_a_star_stands_for_every_type_that_is_not_named() -> None:
    user = parse(RICH).primary
    assert user.wanted("buy") == {
        "metric": ("sum", "min", "last", "distinct"),
        "item": ("distinct",),
    }
    assert user.wanted("view") == user.wanted("") == {"price": ("max",)}
    assert parse(BASE).primary.wanted("view") == {}


def test_tracks_are_what_aggregates_need() -> None:
    definitions = parse(BASE)
    found = [
        (track.scope, track.field, track.tiles, track.distinct, track.last)
        for track in tracks_of(definitions.event, definitions.primary)
    ]
    assert found == [("", 0, True, False, True), ("buy", 0, True, False, False)]


def test_a_second_entity_is_a_second_section() -> None:
    definitions = parse(SMALL + '[entity.item]\nkey = "itemId"\nwindows = ["1h"]\n')
    assert [entity.name for entity in definitions.entities] == ["user", "item"]
    assert definitions.primary.name == "user"
    assert definitions.entity("item").key == "itemId"
    assert [plan.index for plan in plans_of(definitions)] == [0, 1]
    with pytest.raises(ConfigurationError, match=r"No entity 'device' .*: user, item\."):
        definitions.entity("device")


# What must be migrated.


def fingerprint(text: str) -> int:
    definitions: Definitions = parse(text)
    return definitions.fingerprint(definitions.primary)


SAME = {
    "another file name": BASE,
    "a comment": BASE + "# yes\n",
    "the field's place": BASE.replace("scale = 2", 'scale = 2\nfield = "a.b"'),
    "the id's place": BASE.replace("[entity.user]", '[event]\nid = "x"\n[entity.user]'),
    "the key's place": BASE.replace("userId", "u"),
    "another tiled aggregate": BASE.replace('["sum", "last"]', '["sum", "last", "max"]'),
    "a last value": BASE.replace('["sum", "last"]', '["sum"]'),
    "the lateness": BASE.replace('"30s"', '"20s"'),
    "the session gap": BASE.replace("lateness", 'session_gap = "1h"\nlateness'),
    "more types": BASE.replace("lateness", "max_types = 64\nlateness"),
    "a window between": BASE.replace('["5m", "1h"]', '["5m", "10m", "1h"]'),
    "a shorter window at the same tiles": BASE.replace('["5m", "1h"]', '["5m", "2h"]'),
    "a second entity": BASE + '[entity.item]\nkey = "itemId"\n',
}
OTHER = {
    "the scale": BASE.replace("scale = 2", "scale = 3"),
    "the name": BASE.replace("metric", "price"),
    "a new number": BASE.replace("[event.categories", "[event.numbers.x]\n[event.categories"),
    "a new category": BASE.replace("[entity.user]\n", "[event.categories.x]\n[entity.user]\n"),
    "a number that becomes a category": BASE.replace(
        "[event.categories.item]", "[event.numbers.item]"
    ),
    "a longer window": BASE.replace('["5m", "1h"]', '["5m", "1h", "24h"]'),
    "a shorter window": BASE.replace('["5m", "1h"]', '["5m", "30m"]'),
    "a finer window": BASE.replace('["5m", "1h"]', '["1m", "1h"]'),
    "distinct": BASE.replace('["sum", "last"]', '["sum", "last", "distinct"]'),
    "tiles no more": BASE.replace('["sum", "last"]', '["last"]'),
    "a type more": BASE + 'view = { metric = ["sum"] }\n',
    "a type less": BASE.replace('buy = { metric = ["sum"] }', ""),
}


@pytest.mark.parametrize("change", SAME)
def test_what_changes_no_stored_byte_keeps_the_fingerprint(change: str) -> None:
    assert fingerprint(SAME[change]) == fingerprint(BASE)


@pytest.mark.parametrize("change", OTHER)
def test_what_changes_stored_bytes_changes_the_fingerprint(change: str) -> None:
    assert fingerprint(OTHER[change]) != fingerprint(BASE)


def test_every_fingerprint_is_another() -> None:
    assert len({fingerprint(text) for text in OTHER.values()}) == len(OTHER)


# How many types a profile keeps apart.


@pytest.mark.parametrize(
    ("changes", "capacity"),
    [
        ("", 32),
        ("max_types = 128\n", 128),
        ('[entity.user.by_type]\n"*" = { metric = ["sum"] }\n', 32),
        ('max_types = 128\n[entity.user.by_type]\n"*" = { metric = ["sum"] }\n', 66),
        ('max_types = 128\n[entity.user.by_type]\n"*" = { metric = ["distinct"] }\n', 6),
    ],
)
def test_types_that_keep_more_are_fewer(changes: str, capacity: int) -> None:
    definitions = parse(SMALL + changes + "[event.numbers.metric]\n")
    assert type_capacity(definitions.event, definitions.primary) == capacity


# Windows.


@given(st.integers(1, 90 * 86_400))
@settings(max_examples=200)
def test_a_tile_is_the_coarsest_within_a_sixtieth_of_its_window(length_s: int) -> None:
    tile_s = tile_for(length_s)
    assert tile_s == 1 or tile_s * 60 <= length_s
    assert not any(tile_s < other <= length_s / 60 for other in TILES_S)


@given(st.integers(1, 10**7), st.sampled_from(TILES_S), st.integers(0, 4 * 10**12))
@settings(max_examples=200)
def test_a_window_starts_at_a_tiles_edge_and_is_at_most_a_tile_short(
    length_s: int, tile_s: int, at_ms: int
) -> None:
    start_s = window_start_s(length_s, tile_s, at_ms)
    assert start_s % tile_s == 0
    assert 0 <= start_s * 1000 - (at_ms - length_s * 1000) < tile_s * 1000


@given(st.lists(st.integers(1, 90 * 86_400), min_size=1, max_size=12))
@settings(max_examples=200)
def test_a_ladder_has_every_tile_between_those_that_are_read(lengths_s: list[int]) -> None:
    ladder = Ladder.of(lengths_s)
    read = {tile_for(length) for length in lengths_s}
    assert read <= set(ladder.tiles_s)
    assert ladder.tiles_s == TILES_S[TILES_S.index(min(read)) : TILES_S.index(max(read)) + 1]
    for tile_s, horizon_s in zip(ladder.tiles_s, ladder.horizons_s, strict=True):
        assert horizon_s == max(length for length in lengths_s if tile_for(length) <= tile_s)
    assert ladder.longest_s == max(lengths_s)


LENGTHS_S = st.sampled_from((60, 296, 299, 300, 3559, 3600, 53_400, 54_000, 1_292_400, 1_296_000))


@given(st.lists(LENGTHS_S | st.integers(1, 90 * 86_400), min_size=1), st.integers(10**12, 10**13))
@settings(max_examples=300)
def test_a_ladder_reaches_back_to_the_start_of_every_window(
    lengths_s: list[int], at_ms: int
) -> None:
    ladder = Ladder.of(lengths_s)
    floors_s = ladder.floors(at_ms)
    assert floors_s == sorted(floors_s, reverse=True)
    for length_s in lengths_s:
        tile_s = tile_for(length_s)
        # What begins at this tile's edge must stand in tiles that are no coarser.
        assert floors_s[ladder.tiles_s.index(tile_s)] <= window_start_s(length_s, tile_s, at_ms)
