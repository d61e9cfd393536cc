"""Advancing an entry: what was seen is told by its place or its id, whatever a batch looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.events import Event
from millrace.features.definitions_parser import parse
from millrace.features.entry import (
    BEGINNING,
    Entry,
    Hole,
    Outcome,
    Rank,
    advance,
    new_entry,
    storage_key,
)
from millrace.features.packing import pack
from millrace.features.plan import plans_of
from millrace.kinesis import Position

from tests.features.making import START_MS, event, plan

PLAIN = plan('version = 1\n[entity.user]\nkey = "userId"\n')


def unnamed(number: int) -> Event:
    """An event without an id; a second apart, so that none is late."""
    return event(number, START_MS + number * 1000)._replace(id=None, id_hash=0)


def rank(number: int) -> Rank:
    return (1, 0, 10**55 + number, 0)


def after(entry: Entry, numbers: list[int]) -> Outcome:
    events = [unnamed(number) for number in numbers]
    return advance(entry, events, [rank(number) for number in numbers], START_MS, PLAIN)


def straight(numbers: set[int]) -> Entry:
    return after(new_entry(PLAIN), sorted(numbers)).entry


PLACES = st.lists(st.integers(0, 50), min_size=1, max_size=40)


@given(PLACES)
def test_a_batch_in_any_order_with_any_repetition_counts_each_place_once(
    numbers: list[int],
) -> None:
    outcome = after(new_entry(PLAIN), numbers)
    expected = straight(set(numbers))
    assert (outcome.applied, outcome.late) == (len(set(numbers)), [])
    assert outcome.seen_before == len(numbers) - len(set(numbers))
    assert outcome.entry.watermark == expected.watermark == Position(1, 0, 10**55 + max(numbers), 0)
    assert pack(outcome.entry.profile, PLAIN) == pack(expected.profile, PLAIN)
    again = after(outcome.entry, numbers)
    assert (again.seen_before, again.changed, again.entry) == (len(numbers), False, outcome.entry)


@given(PLACES, PLACES)
def test_only_what_is_above_the_watermark_is_new(first: list[int], second: list[int]) -> None:
    entry = straight(set(first))
    new = {number for number in second if number > max(first)}
    outcome = after(entry, second)
    assert (outcome.applied, outcome.seen_before) == (len(new), len(second) - len(new))
    assert outcome.entry.profile.accepted == len(set(first) | new)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=40))
def test_what_has_no_rank_is_told_by_its_id(story: list[tuple[int, bool]]) -> None:
    """Even and odd events come by two ways; those without a rank have ids, as they must."""
    events = [
        event(number, START_MS + number * 1000) if by_id else unnamed(number)
        for number, by_id in story
    ]
    ranks = [None if by_id else rank(number) for number, by_id in story]
    entry = new_entry(PLAIN)
    for _ in range(2):
        outcome = advance(entry, events, ranks, START_MS, PLAIN)
        entry = outcome.entry
    ranked = [number for number, by_id in story if not by_id]
    assert entry.profile.accepted == len(set(story))
    assert entry.watermark == (Position(1, 0, 10**55 + max(ranked), 0) if ranked else None)


@pytest.mark.parametrize(
    "higher",
    [(2, 0, 0, 0), (1, 1, 0, 0), (1, 0, 10**56, 0), (1, 0, 10**55 + 7, 1)],
    ids=["a stream made anew", "a child shard", "a longer number", "the next in an aggregate"],
)
def test_places_go_on_rising_across(higher: tuple[int, int, int, int]) -> None:
    entry = after(new_entry(PLAIN), [7]).entry
    outcome = advance(entry, [unnamed(8)], [higher], START_MS, PLAIN)
    assert (outcome.applied, outcome.entry.watermark) == (1, Position(*higher))
    back = advance(outcome.entry, [unnamed(9)], [rank(7)], START_MS, PLAIN)
    assert (back.applied, back.seen_before) == (0, 1)


def test_indexes_are_those_of_the_batch() -> None:
    entry = after(new_entry(PLAIN), [3]).entry
    events = [
        unnamed(1),  # seen before
        event(500, START_MS + 500_000),
        event(500, START_MS + 500_000),  # a producer's retry
        unnamed(4),  # late by now
    ]
    ranks = [rank(1), rank(10), rank(11), rank(12)]
    outcome = advance(entry, events, ranks, START_MS, PLAIN)
    assert (outcome.seen_before, outcome.applied) == (1, 1)
    assert (outcome.duplicates, outcome.late) == ([2], [3])


def test_times_of_change_rise_though_arrivals_do_not() -> None:
    entry = new_entry(PLAIN)
    seen = []
    for number, arrived_ms in enumerate((5000, 4000, 4000, 9000)):
        outcome = advance(entry, [unnamed(number)], [rank(number)], arrived_ms, PLAIN)
        entry = outcome.entry
        seen.append(entry.profile.updated_ms)
    assert seen == [5000, 5001, 5002, 9000]


# Holes.


@given(st.tuples(*[st.integers(0, 3)] * 4), st.tuples(*[st.integers(0, 3)] * 4))
def test_a_hole_is_text_and_back(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    hole = Hole(Position(*one), Position(*other))
    assert Hole.parse(str(hole)) == hole
    for place in (one, other):
        assert (place in hole) == (one < place <= other)
    assert None not in hole


@pytest.mark.parametrize("text", ["", "1/1/1/1", "1/1/1/1>2/2/2", "1/1/1/1>2/2/2/2>3/3/3/3"])
def test_what_is_no_hole_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|literal"):
        Hole.parse(text)


def test_a_hole_of_a_new_key_begins_before_everything() -> None:
    hole = Hole.behind(None, Position(1, 2, 3, 4))
    assert hole.after == BEGINNING
    assert Position(0, 0, 0, 1) in hole


# Keys in the table.

TWO = parse('version = 1\n[entity.user]\nkey = "u"\n[entity.item]\nkey = "i"\n')
NAMES = st.text(st.sampled_from("ab#"), max_size=4) | st.builds(
    lambda name, rest: f"{name}#{rest}", st.sampled_from(("user", "item")), st.text(max_size=3)
)


@given(NAMES, NAMES)
def test_no_two_keys_meet_in_the_table(one: str, other: str) -> None:
    user, item = plans_of(TWO)
    keys = {
        (p.index, name): storage_key(TWO, p, name) for p in (user, item) for name in (one, other)
    }
    assert len(set(keys.values())) == len(keys)


def test_the_first_entitys_keys_stand_as_they_are() -> None:
    user, item = plans_of(TWO)
    assert storage_key(TWO, user, "u1") == "u1"
    assert storage_key(TWO, item, "u1") == "item#u1"
    assert storage_key(TWO, user, "item#u1") == "user#item#u1"
