"""The counts that the benchmark of features rests on."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from millrace.features.item import from_item
from millrace.features.plan import Plan

from benchmarks.enriching import CountingStore, enricher, run, shipped
from benchmarks.features import one_user, request_figures, traffic
from benchmarks.reading import item_of, typical
from benchmarks.traffic import batches
from benchmarks.tutorial import CountedTable, lambda_handler


def test_every_request_is_counted() -> None:
    records = traffic(2_000)
    store = CountingStore()
    worker = enricher(store)
    users_a_batch = 0
    for batch in batches(records, 200):
        users_a_batch += len({one["kinesis"]["partitionKey"] for one in batch})
        run(worker, batch)
    assert store.asked.writes == users_a_batch
    assert store.asked.keys_read == len(store.items), "each user once, then they are remembered"
    assert 10 <= store.asked.reads <= 20
    assert store.asked.write_units >= store.asked.writes
    assert sum(item["count"] for item in store.items.values()) == 2_000, "all within five minutes"


def test_figures_follow_from_the_counts() -> None:
    figures = {one.name: one for one in request_figures(events=3_000, batch=500)}
    requests = figures["requests per 1,000 events"]
    assert requests.rival_value == 2_000
    assert 0 < requests.value < 1_000
    assert figures["writes per distinct user and batch"].value == 1
    assert figures["reads, every user seen"].value == 0
    assert figures["conflicts"].value == 0


def test_the_rival_does_what_the_tutorial_says() -> None:
    table = CountedTable()
    records = one_user(10)
    lambda_handler(table, {"Records": records})
    item = table.items["user-0"]
    assert table.requests == {"GetItem": 10, "PutItem": 10}
    assert item["count"] == 10
    assert isinstance(item["lastMetric"], Decimal)
    assert datetime.fromisoformat(item["lastTimestamp"]).year == 2023


def test_the_typical_user_has_thirty_events() -> None:
    plan = Plan(shipped(), shipped().primary)
    profile = from_item(item_of(plan, typical(1)), plan).profile
    assert profile.accepted == 30
    assert len(profile.types) == 5
