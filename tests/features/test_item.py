"""What stands in the table: the packed state, and plain attributes for whoever only knows those."""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.events import Event
from millrace.features.entry import Entry, Hole
from millrace.features.item import from_item, iso_ms, to_item
from millrace.features.plan import Plan

from localcloud import oracle
from tests.features.making import START_MS, event, folded, histories, plan
from tests.features.stores import position, shown

RICH = plan()
DAY_MS = 86_400_000


def item_of(events: list[Event], its_plan: Plan, **more: Any) -> dict[str, Any]:
    entry = Entry(folded(events, its_plan), version=3)
    return dict(to_item("u1", entry, its_plan, 5, **more))


def test_the_attributes_that_readers_know(shipped: Plan) -> None:
    events = [
        event(1, START_MS, "view", 5_0000),
        event(2, START_MS + 400_000, "buy", 12_5000),
        event(3, START_MS + 420_123, "view", None),
    ]
    item = item_of(events, shipped)
    assert {name: item[name] for name in item.keys() - {"state"}} == {
        "userId": "u1",
        "version": 3,
        "expiresAt": 5,
        "lastTimestamp": "2023-11-14T22:20:20.123Z",
        "lastUpdate": "2023-11-14T22:20:20.123Z",
        "count": 2,  # the first is more than five minutes before the newest
        "count5min": 2,
        "lastEventType": "view",
        "lastMetric": Decimal("12.5"),
    }


@given(histories())
def test_the_plain_count_is_the_window_as_of_the_newest_event(events: list[Event]) -> None:
    item = item_of(events, RICH)
    latest_ms = max(one.time_ms for one in events)
    assert (
        item["count"] == item["count5min"] == oracle.features(events, RICH, latest_ms)["count_5m"]
    )
    assert item["lastTimestamp"] == item["lastUpdate"] == iso_ms(latest_ms)
    newest = max((one for one in events if one.time_ms == latest_ms), key=lambda one: one.type)
    assert item.get("lastEventType", "") == newest.type


def test_what_events_do_not_have_is_left_out(shipped: Plan) -> None:
    item = item_of([event(1, START_MS, "", None)], shipped)
    assert not {"lastEventType", "lastMetric"} & set(item)
    counts = plan('version = 1\n[entity.user]\nkey = "userId"\n')
    assert "lastMetric" not in item_of([event(1, START_MS)], counts)


def test_without_readers_only_the_state_stands_there(shipped: Plan) -> None:
    item = item_of([event(1, START_MS, "view", 1)], shipped, plain=False)
    assert set(item) == {"userId", "state", "version", "expiresAt"}


@given(histories(most=70), st.booleans(), st.integers(0, 3))
def test_an_item_is_the_entry(events: list[Event], ranked: bool, holes: int) -> None:
    watermark = position(10) if ranked else None
    their_holes = tuple(Hole(position(n), position(n + 1)) for n in range(holes))
    entry = Entry(folded(events, RICH), watermark, their_holes, 7)
    item = to_item("u1", entry, RICH, 5)
    assert shown(from_item(item, RICH), RICH) == shown(entry, RICH)


@pytest.mark.parametrize("time_ms", [315_532_800_000, START_MS, START_MS + 7, 4_102_444_799_999])
def test_times_are_iso_8601_to_the_millisecond(time_ms: int) -> None:
    text = iso_ms(time_ms)
    assert text.endswith("Z")
    assert len(text) == len("2023-11-14T22:13:20.000Z")
    assert round(datetime.fromisoformat(text).timestamp() * 1000) == time_ms


# What it costs: a write unit is a kilobyte.


def size(item: dict[str, Any]) -> int:
    """The bytes of an item as DynamoDB counts them: names, texts, digits by twos."""
    total = sum(map(len, item))
    for value in item.values():
        match value:
            case str():
                total += len(value.encode())
            case bytes():
                total += len(value)
            case list():
                total += 3 + sum(1 + len(text) for text in value)
            case _:
                total += len(str(value).strip("-").replace(".", "")) // 2 + 2
    return total


def test_a_typical_user_takes_one_write_unit(shipped: Plan) -> None:
    """Thirty events a day of five types, everything that is shipped, two days on."""
    kinds = ("view", "add_to_cart", "purchase", "login", "search")
    sizes = []
    for seed in range(100):
        rng = random.Random(seed)
        times = sorted(START_MS + rng.randrange(2 * DAY_MS) for _ in range(60))
        events = [
            event(1000 * seed + n, time_ms, rng.choice(kinds), rng.randint(0, 10**7))
            for n, time_ms in enumerate(times)
        ]
        profile = folded(events, shipped)
        profile.updated_ms = times[-1]
        entry = Entry(profile, position(seed), version=60)
        sizes.append(size(dict(to_item(f"customer-{seed:06d}", entry, shipped, START_MS // 1000))))
    assert median(sizes) <= 1024
    assert max(sizes) <= 1200
