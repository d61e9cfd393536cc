"""From records to groups of events and poison: nothing is left out, nothing is in two places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.events import EventReader
from millrace.features.batch import Batch, BatchReader, Group
from millrace.features.definitions_parser import parse
from millrace.kinesis import Position

from tests.features.streaming import FakeStreams, Record, aggregate, document, position, record

TWO = parse('version = 1\n[entity.user]\nkey = "userId"\n[entity.item]\nkey = "itemId"\n')
ONE = parse('version = 1\n[entity.user]\nkey = "userId"\n')


def reader(definitions: Any = ONE, lanes: int = 1) -> BatchReader:
    return BatchReader(EventReader(definitions), FakeStreams(), lanes)


def read(*records: Any, definitions: Any = ONE, lanes: int = 1) -> tuple[Batch, list[Group]]:
    batch = reader(definitions, lanes).read(records)
    return batch, batch.groups


def reasons(batch: Batch) -> list[str]:
    return [json.loads(one.body)["reason"] for one in batch.poison]


def test_events_are_grouped_by_key_in_their_order() -> None:
    batch, groups = read(*[record(document(n, f"u{n % 2}"), 10 + n) for n in range(5)])
    assert (batch.records, batch.poison) == (5, [])
    assert [(g.name, [e.id for e in g.events], g.first_number) for g in groups] == [
        ("u0", ["e0", "e2", "e4"], "10"),
        ("u1", ["e1", "e3"], "11"),
    ]
    for group in groups:
        assert [Position(*rank) for rank in group.ranks if rank] == [
            position(int(one.sequence_number)) for one in group.deliveries
        ]


def test_poison_is_named_by_its_place_and_its_reason() -> None:
    batch, groups = read(
        record(document(1), 1), record(b"{oops", 2), record(document(3, metric=1), 3, key="x"), {}
    )
    assert reasons(batch) == ["not-json", "not-a-kinesis-record"]
    assert batch.records == 4
    assert [one.reason for one in batch.poison] == reasons(batch)
    assert batch.poison[0].key == (
        f"quarantine/events/1600000000000/shardId-000000000000/{2:056d}-000000.json"
    )
    assert [one.sequence_number for one in batch.poison] == ["2", None]
    assert batch.poison[1].key.startswith("quarantine/unplaced/")
    assert [len(group.events) for group in groups] == [2]


# Two entities.


def test_an_event_is_in_a_group_of_every_entity_that_it_names() -> None:
    batch, groups = read(
        record(document(1, "u1", itemId="i1"), 1),
        record(document(2, "u2", itemId="i1"), 2),
        record(document(3, "u1"), 3),
        definitions=TWO,
    )
    assert batch.poison == []
    assert [(g.key.storage, [e.id for e in g.events]) for g in groups] == [
        ("u1", ["e1", "e3"]),
        ("u2", ["e2"]),
        ("item#i1", ["e1", "e2"]),
    ]
    # An item's events come through the lanes of many users: only ids tell them apart.
    assert groups[2].ranks == [None, None]
    assert None not in groups[0].ranks


@pytest.mark.parametrize("item", ["i1", "u1"])
def test_an_event_that_names_an_item_needs_an_id_unless_its_lane_is_the_items(item: str) -> None:
    batch, groups = read(record(document(1, "u1", itemId=item, eventId=None), 1), definitions=TWO)
    if item == "u1":
        # The partition key is both: its records come in one order for both.
        assert [group.key.storage for group in groups] == ["u1", "item#u1"]
        assert None not in groups[0].ranks + groups[1].ranks
    else:
        assert reasons(batch) == ["event-id-required"]
        assert "itemId is not the partition key" in json.loads(batch.poison[0].body)["message"]
        assert groups == []


def test_an_event_without_an_item_needs_no_id() -> None:
    batch, groups = read(record(document(1, eventId=None), 1), definitions=TWO)
    assert (batch.poison, [group.key.storage for group in groups]) == ([], ["u1"])


def test_two_entities_may_have_one_field_as_their_key() -> None:
    both = parse('version = 1\n[entity.a]\nkey = "userId"\n[entity.b]\nkey = "userId"\n')
    batch, groups = read(record(document(1, eventId=None), 1), definitions=both)
    assert batch.poison == []
    assert [group.key.storage for group in groups] == ["u1", "b#u1"]
    assert None not in groups[1].ranks


# Numbers as keys.


@pytest.mark.parametrize("user", [7, "7"])
def test_a_number_is_the_key_that_its_digits_are(user: object) -> None:
    one = record({**document(1), "userId": user, "eventId": 5}, 1, key="7")
    (group,) = read(one)[1]
    assert (group.key.storage, group.events[0].id) == ("7", "5")
    assert None not in group.ranks


# KPL.


@pytest.mark.parametrize("lanes", [1, 4])
def test_aggregates_are_ranked_where_they_come_through_one_lane(lanes: int) -> None:
    records = [aggregate([document(1), document(2)], 5), record(document(3), 6)]
    (group,) = read(*records, lanes=lanes)[1]
    ranks = [None if rank is None else Position(*rank) for rank in group.ranks]
    in_aggregate = [position(5), position(5, sub=1)] if lanes == 1 else [None, None]
    assert ranks == [*in_aggregate, position(6)]


@pytest.mark.parametrize("lanes", [1, 4])
def test_what_is_aggregated_under_another_key_than_its_own_needs_an_id(lanes: int) -> None:
    def renamed(one: Record, key: str) -> Record:
        return {**one, "userId": key}

    records = [record(renamed(document(1, eventId=None), "u2"), 5, key="u1")]
    batch, _ = read(*records, lanes=lanes)
    assert reasons(batch) == ["event-id-required"]


# Nothing is left out.


@given(
    st.lists(
        st.sampled_from(("good", "poison", "no record", "aggregate", "not base64")), max_size=12
    ),
    st.sampled_from((1, 4)),
)
def test_every_record_is_an_event_or_poison(kinds: list[str], lanes: int) -> None:
    records: list[Any] = []
    for n, kind in enumerate(kinds):
        if kind == "no record":
            records.append({"kinesis": n})
            continue
        two = [document(10 * n, f"u{n % 2}"), document(10 * n + 1, "u9")]
        one = aggregate(two, 100 + n) if kind == "aggregate" else record(two[0], 100 + n)
        if kind == "poison":
            one = record(b"x", 100 + n)
        if kind == "not base64":
            one["kinesis"]["data"] = "%"
        records.append(one)
    batch, groups = read(*records, lanes=lanes)
    events = kinds.count("good") + 2 * kinds.count("aggregate")
    assert sum(len(group.events) for group in groups) == len(batch.deliveries) == events
    assert len(batch.poison) == len(kinds) - kinds.count("good") - kinds.count("aggregate")
    assert len({one.key for one in batch.poison}) == len(batch.poison)
    for group in groups:
        assert len(group.events) == len(group.ranks) == len(group.deliveries) > 0
