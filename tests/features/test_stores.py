"""The contract of stores: whichever keeps the entries, these hold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from millrace.errors import AlreadyRedriven, StateError, UnreadableState, WriteConflict
from millrace.features.entry import BEGINNING, Entry, Hole
from millrace.features.plan import Plan
from millrace.features.store import Conflict, Key

from tests.features.services import Services
from tests.features.stores import (
    BehindDax,
    InDynamoDB,
    InMemory,
    Kept,
    change,
    entry_of,
    position,
    shown,
)


@pytest.fixture(params=["memory", "dynamodb", "dax"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """A new store of each kind."""
    if request.param == "memory":
        return InMemory()
    kind = BehindDax if request.param == "dax" else InDynamoDB
    return kind(request.getfixturevalue("services"))


@pytest.fixture
def key(shipped: Plan) -> Key:
    return Key("u1", shipped)


def write(kept: Kept, key: Key, entry: Entry) -> Conflict | None:
    """Store an entry as the one above the version before its own."""
    return kept.store.write(key, kept.store.item(key, entry), entry.version - 1)


def read(kept: Kept, key: Key) -> Entry | Exception | None:
    return kept.store.read([key])[key.storage]


def test_an_unknown_key_has_no_entry(kept: Kept, key: Key) -> None:
    assert read(kept, key) is None
    assert kept.store.watermark(key) is None
    assert kept.store.read([]) == {}


def test_what_is_written_is_read(kept: Kept, key: Key) -> None:
    first = entry_of(key.plan, 3, watermark=5)
    holes = (Hole(position(1), position(2)), Hole(BEGINNING, position(1)))
    second = entry_of(key.plan, 200, version=2, watermark=9)._replace(holes=holes)
    for entry in (first, second):
        assert write(kept, key, entry) is None
        assert shown(read(kept, key), key.plan) == shown(entry, key.plan)
        assert kept.store.watermark(key) == entry.watermark


def test_what_an_entry_does_not_have_any_more_goes(kept: Kept, key: Key) -> None:
    entry = entry_of(key.plan, 1, watermark=1)._replace(holes=(Hole(BEGINNING, position(1)),))
    write(kept, key, entry)
    write(kept, key, entry_of(key.plan, 1, version=2))
    item = kept.item(key)
    assert item is not None
    assert not {"holes", "watermark"} & set(item)


def test_many_keys_are_read_at_once(kept: Kept, shipped: Plan) -> None:
    keys = [Key(f"u{n}", shipped) for n in range(230)]
    for place, key in enumerate(keys):
        if place % 50 == 0:
            write(kept, key, entry_of(shipped, 1 + place // 50))
    found = kept.store.read(keys)
    assert set(found) == {key.storage for key in keys}
    known = {key: entry for key, entry in found.items() if entry is not None}
    accepted = [entry.profile.accepted for entry in known.values() if isinstance(entry, Entry)]
    assert sorted(known) == ["u0", "u100", "u150", "u200", "u50"]
    assert sorted(accepted) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("expected", [1, 2, 0, 7])
def test_a_write_over_another_version_is_a_conflict(kept: Kept, key: Key, expected: int) -> None:
    for version in (1, 2, 3):
        write(kept, key, entry_of(key.plan, version, version))
    item = kept.store.item(key, entry_of(key.plan, 9, expected + 1))
    conflict = kept.store.write(key, item, expected)
    assert conflict is not None
    third = shown(entry_of(key.plan, 3, 3), key.plan)
    assert shown(conflict.current, key.plan) == third
    assert shown(read(kept, key), key.plan) == third


def test_a_write_over_what_has_gone_is_a_conflict(kept: Kept, key: Key) -> None:
    assert write(kept, key, entry_of(key.plan, 5, version=4)) == Conflict(None)
    assert read(kept, key) is None


def test_the_same_write_again_is_no_conflict(kept: Kept, key: Key) -> None:
    """Its answer was lost, not the write."""
    entry = entry_of(key.plan, 3, watermark=5)
    write(kept, key, entry)
    assert write(kept, key, entry) is None
    assert shown(read(kept, key), key.plan) == shown(entry, key.plan)


@pytest.mark.parametrize(
    "other",
    [
        lambda entry: entry._replace(watermark=position(6)),
        lambda entry: entry._replace(watermark=None),
        lambda entry: entry._replace(holes=(Hole(position(1), position(2)),)),
        lambda entry: entry._replace(profile=entry_of_other(entry)),
    ],
)
def test_another_write_of_the_same_version_is_one(kept: Kept, key: Key, other: object) -> None:
    assert callable(other)
    entry = entry_of(key.plan, 3, watermark=5)
    write(kept, key, entry)
    conflict = write(kept, key, other(entry))
    assert conflict is not None
    assert shown(conflict.current, key.plan) == shown(entry, key.plan)


def entry_of_other(entry: Entry) -> object:
    profile = entry.profile.copy()
    profile.duplicates += 1
    return profile


def test_two_writers_never_both_succeed(kept: Kept, key: Key) -> None:
    entry = entry_of(key.plan, 1)
    write(kept, key, entry)
    items = [kept.store.item(key, entry_of(key.plan, n, 2)) for n in (2, 3)]
    results = [kept.store.write(key, item, 1) for item in items]
    assert results[0] is None
    assert results[1] is not None


# Items that somebody damaged.

DAMAGES: Sequence[dict[str, object]] = (
    {"state": b"rubbish"},
    {"state": b""},
    {"state": None},
    {"state": "text"},
    {"state": 5},
    {"version": None},
    {"version": "x"},
    {"watermark": "1/2/3"},
    {"watermark": 5},
    {"watermark": b"1/2/3/4"},
    {"holes": ["1/2/3/4"]},
    {"holes": "1/1/1/1>2/2/2/2"},
    {"holes": 5},
)


@pytest.mark.parametrize("damage", DAMAGES, ids=repr)
def test_a_damaged_item_is_one_keys_trouble(
    kept: Kept, shipped: Plan, damage: dict[str, object]
) -> None:
    keys = [Key(name, shipped) for name in ("good", "bad", "fine")]
    for key in keys:
        write(kept, key, entry_of(shipped, 2, watermark=5))
    change(kept, keys[1], **damage)
    found = kept.store.read(keys)
    assert isinstance(found["bad"], UnreadableState)
    assert "'bad'" in str(found["bad"])
    assert isinstance(found["good"], Entry)
    assert isinstance(found["fine"], Entry)


@pytest.mark.parametrize("damage", DAMAGES, ids=repr)
def test_a_damaged_item_can_be_given_up_or_says_why_not(
    kept: Kept, key: Key, damage: dict[str, object]
) -> None:
    write(kept, key, entry_of(key.plan, 2, watermark=5))
    change(kept, key, **damage)
    before = kept.item(key)
    hole = Hole(position(5), position(9))
    try:
        kept.store.give_up(key, hole)
    except (StateError, WriteConflict):
        assert kept.item(key) == before
    else:
        assert kept.store.watermark(key) == position(9)
    # What tells whether records were dealt with is whole here: then it must be possible.
    if not {"watermark", "holes", "version"} & damage.keys():
        assert kept.store.watermark(key) == position(9)


def test_an_item_of_another_application_is_unreadable(kept: Kept, key: Key) -> None:
    kept.put(key, {"userId": "u1", "count": 5, "lastTimestamp": "2024-01-01T00:00:00Z"})
    assert isinstance(read(kept, key), UnreadableState)
    with pytest.raises(UnreadableState, match="'u1'"):
        write(kept, key, entry_of(key.plan, 1))
    item = kept.item(key)
    assert item is not None
    assert item["count"] == 5


def test_attributes_that_nobody_knows_do_no_harm(kept: Kept, key: Key) -> None:
    write(kept, key, entry_of(key.plan, 2))
    change(kept, key, note="by hand", more=["x"])
    assert shown(read(kept, key), key.plan) == shown(entry_of(key.plan, 2), key.plan)


# Giving up.


def test_giving_up_a_key_that_was_never_seen(kept: Kept, key: Key) -> None:
    hole = Hole.behind(None, position(4))
    kept.store.give_up(key, hole)
    entry = read(kept, key)
    assert isinstance(entry, Entry)
    assert (entry.watermark, entry.holes, entry.version) == (position(4), (hole,), 1)
    assert entry.profile.accepted == 0
    assert write(kept, key, entry._replace(version=2)) is None


def test_giving_up_leaves_the_state_alone_and_adds_a_hole(kept: Kept, key: Key) -> None:
    entry = entry_of(key.plan, 3, watermark=5)
    write(kept, key, entry)
    before = kept.item(key)
    holes = [Hole(position(5), position(7)), Hole(position(7), position(12))]
    for hole in holes:
        kept.store.give_up(key, hole)
    item = kept.item(key)
    assert item is not None
    assert before is not None
    changed = {name for name in item if item[name] != before.get(name)}
    assert changed == {"watermark", "holes", "version"}
    after = entry._replace(watermark=position(12), holes=tuple(holes), version=3)
    assert shown(read(kept, key), key.plan) == shown(after, key.plan)
    # A writer that had read it before finds out.
    assert write(kept, key, entry._replace(version=2)) is not None


@pytest.mark.parametrize("after", [BEGINNING, position(4), position(6)])
def test_a_hole_begins_at_the_watermark(kept: Kept, key: Key, after: object) -> None:
    write(kept, key, entry_of(key.plan, 3, watermark=5))
    before = kept.item(key)
    assert isinstance(after, tuple)
    with pytest.raises(WriteConflict, match="cannot be given up from"):
        kept.store.give_up(key, Hole(type(position(0))(*after), position(9)))
    assert kept.item(key) == before


def test_the_same_hole_is_not_recorded_twice(kept: Kept, key: Key) -> None:
    hole = Hole.behind(None, position(4))
    kept.store.give_up(key, hole)
    with pytest.raises(WriteConflict):
        kept.store.give_up(key, hole)
    entry = read(kept, key)
    assert isinstance(entry, Entry)
    assert entry.holes == (hole,)


# Once and for all.


def once(kept: Kept, key: Key, entry: Entry, *ids: str) -> Conflict | None:
    item = kept.store.item(key, entry)
    return kept.store.write_once(key, item, entry.version - 1, ids)


def test_a_write_under_an_id_happens_once(kept: Kept, key: Key) -> None:
    assert once(kept, key, entry_of(key.plan, 1), "a", "b") is None
    for ids in (["a"], ["c", "b"], ["a", "b"]):
        with pytest.raises(AlreadyRedriven, match=f"{ids[-1]} was|a was"):
            once(kept, key, entry_of(key.plan, 2, 2), *ids)
    assert shown(read(kept, key), key.plan) == shown(entry_of(key.plan, 1), key.plan)
    assert kept.ledger() == {"a", "b"}
    assert once(kept, key, entry_of(key.plan, 2, 2), "c") is None
    assert kept.ledger() == {"a", "b", "c"}


def test_a_conflict_leaves_the_ledger_as_it_was(kept: Kept, key: Key) -> None:
    write(kept, key, entry_of(key.plan, 1))
    conflict = once(kept, key, entry_of(key.plan, 5, 5), "a")
    assert conflict is not None
    assert shown(conflict.current, key.plan) == shown(entry_of(key.plan, 1), key.plan)
    assert kept.ledger() == set()
    gone = once(kept, Key("nobody", key.plan), entry_of(key.plan, 5, 5), "a")
    assert gone == Conflict(None)
    assert kept.ledger() == set()


def test_numbers_come_back_as_numbers(kept: Kept, key: Key) -> None:
    write(kept, key, entry_of(key.plan, 3))
    item = kept.item(key)
    assert item is not None
    assert (item["version"], item["count"], item["lastMetric"]) == (1, 3, Decimal("0.0007"))


def test_every_store_was_tried(kept: Kept, services: Services) -> None:
    """The fixtures above are what they say."""
    assert isinstance(kept, InMemory | InDynamoDB)
    if isinstance(kept, InDynamoDB):
        before = services.calls("dynamodb", "PutItem")
        kept.client.put_item(TableName=kept.table, Item={"userId": {"S": "x"}})
        assert services.calls("dynamodb", "PutItem") == before + 1
