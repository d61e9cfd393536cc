"""Whatever goes wrong on the way, features are those of the distinct events."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.events import EventReader
from millrace.features.definitions_parser import parse
from millrace.features.entry import Entry, storage_key
from millrace.features.plan import plans_of
from millrace.features.snapshot import snapshot
from millrace.features.store import Key

from localcloud import oracle
from tests.features.streaming import NOW_MS
from tests.features.world import World

TWO = parse("""
version = 1
[event.numbers.metric]
scale = 2
[entity.user]
key = "userId"
windows = ["1m", "5m", "24h"]
[entity.user.all_types]
metric = ["sum", "mean", "min", "max", "std", "last", "distinct"]
[entity.user.by_type]
buy = { metric = ["sum", "last"] }
[entity.item]
key = "itemId"
windows = ["1h"]
[entity.item.all_types]
metric = ["sum"]
""")


@pytest.mark.parametrize("lanes", [1, 4])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), events=st.sampled_from((6, 30, 120)))
def test_features_are_those_of_the_distinct_events(lanes: int, seed: int, events: int) -> None:
    world = World(TWO, random.Random(seed), lanes)
    world.run(events)
    assert world.objects.bodies == {}, "nothing of it is late, nothing is poison"
    assert_exact(world)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), events=st.sampled_from((6, 30, 120)))
def test_what_was_given_up_is_complete_once_it_is_redriven(seed: int, events: int) -> None:
    world = World(TWO, random.Random(seed), lanes=1, give_up_after_ms=0)
    world.run(events)
    world.redrive()
    assert {key.partition("/")[0] for key in world.objects.bodies} <= {"redriven"}
    assert_exact(world)


def test_things_are_given_up() -> None:
    """What the property above relies on."""
    world = World(TWO, random.Random(5), lanes=1, give_up_after_ms=0)
    world.run(120)
    assert world.redrive() > 3


def assert_exact(world: World) -> None:
    """Every key's features are the brute-force ones of its distinct events."""
    reader = EventReader(TWO)
    distinct = [reader.from_document(one, NOW_MS) for one in world.distinct]
    keys = 0
    for plan in plans_of(TWO):
        for name in {event.keys[plan.index] for event in distinct} - {None}:
            assert name is not None
            storage = storage_key(TWO, plan, name)
            entry = world.store.read([Key(storage, plan)])[storage]
            own = [event for event in distinct if event.keys[plan.index] == name]
            assert isinstance(entry, Entry), storage
            assert (entry.profile.accepted, entry.holes) == (len(own), ()), storage
            for at_ms in (entry.profile.latest_ms, entry.profile.latest_ms + 100_000):
                expected = oracle.features(own, plan, at_ms)
                assert snapshot(entry.profile, plan, at_ms) == expected, storage
            keys += 1
    assert keys == len(world.store.items)
