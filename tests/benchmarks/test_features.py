"""What the benchmark of features measures: the counts behind it, and that every part runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from millrace.features.item import from_item
from millrace.features.plan import Plan

from benchmarks import hot_user, reading, requests, throughput
from benchmarks.enriching import CountingStore, enricher, run, shipped
from benchmarks.figures import Figure
from benchmarks.least_cpu import least_each_s
from benchmarks.memory import measured
from benchmarks.traffic import START_MS, Record, batches
from benchmarks.tutorial_enrichment import lambda_handler as first_tutorial
from benchmarks.tutorial_feature_store import lambda_handler as third_tutorial
from benchmarks.tutorial_table import CountedTable

USERS, SIZE = 100, 200
FEW = throughput.one_user(10)


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {one.name: one for one in figures}


def test_every_request_is_counted() -> None:
    traffic = requests.zipf_traffic(2_000, USERS)
    store = CountingStore()
    worker = enricher(store)
    for batch in batches(traffic.before, SIZE):
        run(worker, batch)
    assert (store.asked.keys_read, store.asked.reads, store.asked.writes) == (USERS, 1, USERS)
    for batch in batches(traffic.measured, SIZE):
        run(worker, batch)
    assert store.asked.keys_read == USERS, "each user once, then they are remembered"
    assert store.asked.writes == USERS + requests.distinct_keys(traffic.measured, SIZE)
    assert store.asked.write_units >= store.asked.writes
    assert store.asked.conflicts == 0
    assert sum(item["count"] for item in store.items.values()) == 2_000 + USERS


def test_a_conflict_is_counted() -> None:
    store = CountingStore()
    one, other = enricher(store), enricher(store)
    for worker, batch in ((one, FEW[:2]), (other, FEW[2:4]), (one, FEW[4:])):
        run(worker, batch)
    assert store.asked.conflicts == 1, "the first worker does not know what the other wrote"
    assert store.items["user-0"]["count"] == len(FEW)


def test_reads_and_writes_are_charged_as_dynamodb_does() -> None:
    store = CountingStore()
    run(enricher(store), FEW)
    run(enricher(store), throughput.one_user(30)[10:])
    assert (store.asked.read_units, store.asked.write_units) == (2.0, 2.0), "small items"
    table = CountedTable()
    first_tutorial({"Records": FEW}, table)
    assert (table.read_units, table.write_units) == (5.0, 10.0), "its reads are half as consistent"


def test_figures_follow_from_the_counts() -> None:
    figures = by_name(requests.request_figures(2_000, USERS, SIZE))
    asked = figures["requests per 1,000 events"]
    assert asked.rival_value == 2_000
    assert figures["the same, beside the other tutorial's"].rival_value == 2_000
    assert 0 < asked.value == figures["writes per 1,000 events"].value < 1_000
    each = figures["writes for each user in a batch"]
    assert (each.value, each.holds) == (1, True)
    assert each.rival_value == pytest.approx(1_000 / asked.value)
    seen = figures["keys read, every user seen before"]
    assert (seen.value, seen.rival_value) == (0, 100)
    assert figures["keys read by a new worker"].value == 100
    assert figures["conflicts per 1,000 events"].value == 0


def test_the_first_rival_does_what_the_tutorial_says() -> None:
    table = CountedTable()
    first_tutorial({"Records": FEW}, table)
    item = table.items["user-0"]
    assert table.requests == {"GetItem": 10, "PutItem": 10}
    assert set(item) == {"userId", "lastTimestamp", "count", "lastMetric"}
    assert item["count"] == 10
    assert isinstance(item["lastMetric"], Decimal)
    assert datetime.fromisoformat(item["lastTimestamp"]).year == 2023


def test_the_other_rival_does_what_its_tutorial_says() -> None:
    table = CountedTable()
    third_tutorial({"Records": FEW}, table)
    item = table.items["user-0"]
    assert table.requests == {"GetItem": 10, "PutItem": 10}
    assert set(item) == {"userId", "lastEventType", "count5min", "lastUpdate"}
    assert item["count5min"] == 10


def test_the_table_refuses_what_boto3_refuses() -> None:
    with pytest.raises(TypeError, match="Float types are not supported"):
        CountedTable().put_item(Item={"userId": "u1", "lastMetric": 1.5})


def test_each_case_is_the_sum_of_its_own_batches() -> None:
    stream = throughput.Stream(
        FEW[:2], [throughput.Case("a", FEW[2:5], 2, None), throughput.Case("b", FEW[5:], 5, None)]
    )
    handled: list[int] = []

    def new_handle(before: Sequence[Record]) -> throughput.Handle:
        assert before == FEW[:2]
        return lambda batch: handled.append(len(batch))

    of_a, of_b = throughput.seconds(stream, new_handle, rounds=1)
    assert handled == [2, 1, 5]
    assert of_a >= 0 <= of_b


def test_every_throughput_has_its_target_and_its_rival() -> None:
    figures = throughput.throughput_figures(scale=0.01, rounds=1)
    speeds = [one for one in figures if one.unit == "events/s a core"]
    assert [one.target for one in speeds] == [20_000, 50_000, 100_000, 100_000, None]
    assert all(one.rival_value and one.value > 0 for one in speeds)
    assert len(figures) == 2 * len(speeds)


def test_the_hot_user_is_written_once_a_batch() -> None:
    figures = by_name(hot_user.hot_user_figures(events=2_000, users=USERS, rounds=1))
    more = figures["requests a batch for a user with half of the traffic"]
    assert (more.value, more.rival_value) == (1, 1_000)
    assert figures["time of a batch with that user in it: twice the events"].value > 0


def test_half_of_the_traffic_is_the_hot_user_s() -> None:
    alone, together = hot_user.traffic(1_000, USERS)
    keys = [one["kinesis"]["partitionKey"] for one in together.records]
    assert keys.count("hot") == 1_000 == len(alone.records)
    assert len(alone.measured) == len(together.measured) == 1


def test_the_typical_user_has_thirty_events_a_day() -> None:
    plan = Plan(shipped(), shipped().primary)
    item = reading.item_of(plan, reading.typical(1, days=2), size=1)
    profile = from_item(item, plan).profile
    assert profile.accepted == 60
    assert len(profile.types) == 5
    features = reading.read(plan, item, profile.latest_ms)
    assert features["count_24h"] in range(15, 46)
    assert features["count_24h"] == sum(features[f"count_24h.{t}"] or 0 for t in profile.types)


def test_every_window_of_the_busiest_user_is_full() -> None:
    plan = Plan(shipped(), shipped().primary)
    seconds = 4_000
    item = reading.item_of(plan, reading.busiest(seconds))
    features = reading.read(plan, item, START_MS + seconds * 1000)
    assert [features[f"count_{w}"] for w in ("1m", "5m")] == [300, 1_500]
    assert features["count_1h"] in range(17_700, 18_001)


def test_reading_figures_have_their_targets() -> None:
    figures = by_name(reading.reading_figures(users=3, busy_s=600))
    assert figures["decode and snapshot, 30 events a day, p50"].target == 50
    assert figures["decode and snapshot, 5 events/s, every window full"].target == 200
    assert 100 < figures["item of 30 events a day, p50"].value <= 1_024


def test_a_worker_of_its_own_tells_its_memory() -> None:
    memory = measured(users=USERS, events=500)
    assert memory.users == USERS
    assert 10_000_000 < memory.started <= memory.warm


def test_the_least_of_each_piece_counts() -> None:
    rounds = iter([[3.0, 1.0], [1.0, 3.0], *[[2.0, 2.0]] * 10])
    assert least_each_s(lambda: next(rounds), most=20) == [1.0, 1.0], "and then it is settled"
    assert list(rounds) == []
