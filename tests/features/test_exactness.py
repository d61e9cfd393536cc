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

from tests.features import oracle
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
    reader = EventReader(TWO)
    distinct = [reader.from_document(one, NOW_MS) for one in world.distinct]
    assert world.objects.bodies == {}, "nothing of it is late, nothing is poison"
    keys = 0
    for plan in plans_of(TWO):
        for name in {event.keys[plan.index] for event in distinct} - {None}:
            assert name is not None
            storage = storage_key(TWO, plan, name)
            entry = world.store.read([Key(storage, plan)])[storage]
            own = [event for event in distinct if event.keys[plan.index] == name]
            assert isinstance(entry, Entry), storage
            assert entry.profile.accepted == len(own), storage
            for at_ms in (entry.profile.latest_ms, entry.profile.latest_ms + 100_000):
                expected = oracle.features(own, plan, at_ms)
                assert snapshot(entry.profile, plan, at_ms) == expected, storage
            keys += 1
    assert keys == len(world.store.items)
