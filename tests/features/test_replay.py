"""No skew: a replay gives the very features that the live system had when the event arrived."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.features.cache import EntryCache
from millrace.features.definitions import Definitions, load
from millrace.features.definitions_parser import parse
from millrace.features.entry import new_entry
from millrace.features.item import from_item
from millrace.features.plan import plans_of
from millrace.features.replay import Record, Replay, Row
from millrace.features.snapshot import Features, snapshot
from millrace.kinesis import Delivery, decode

from localcloud import oracle
from tests.features.conftest import SHIPPED
from tests.features.making import RICH
from tests.features.streaming import START_MS, Bench, document, record
from tests.features.streaming import Record as Raw

USERS = ("ann", "bob", "cy")


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A features.toml with every aggregate, by type and over all."""
    path = tmp_path_factory.mktemp("rich") / "features.toml"
    path.write_text(RICH)
    return path


class Story(NamedTuple):
    """What is on a stream, and how it reaches a function: batches, each maybe a restart before."""

    records: list[Raw]
    batches: list[tuple[int, int, bool]]


@st.composite
def stories(draw: st.DrawFn, longest: int = 250) -> Story:
    """Users at all paces, events out of order, late and twice, poison; batches that come again."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    length = draw(st.sampled_from([n for n in (3, 20, 60, 250) if n <= longest]))
    most = draw(st.sampled_from([1, 2, 10, 100]))
    records = list(_records(rng, length))
    return Story(records, list(_batches(rng, len(records), most)))


def _records(rng: random.Random, length: int) -> Iterator[Raw]:
    time_ms = START_MS
    pace_ms = rng.choice([50, 3_000, 40_000, 900_000])
    made: list[Raw] = []
    for number in range(length):
        time_ms += rng.randint(0, 2 * pace_ms)
        back_ms = rng.choice([0, 0, 0, rng.randint(0, 59_000), rng.randint(0, 200_000)])
        event = document(
            number,
            rng.choice(USERS),
            at_ms=max(START_MS, time_ms - back_ms),
            eventType=rng.choice(("view", "buy", "q", None)),
            metric=rng.choice(
                (None, rng.randint(-9, 9) / 4, "poison" if rng.random() < 0.2 else 1)
            ),
            price=rng.choice((None, rng.randint(0, 5))),
            itemId=rng.choice((None, str(rng.randint(0, 99)))),
            eventId=rng.choice((f"e{number}", f"e{number}", None)),
        )
        # A producer's retry: the same event again, under another number.
        made.append(rng.choice(made) if made and rng.random() < 0.1 else event)
        yield record(made[-1], 1000 + number, arrival_ms=time_ms + 10)


def _batches(rng: random.Random, length: int, most: int) -> Iterator[tuple[int, int, bool]]:
    start = 0
    while start < length:
        end = min(length, start + rng.randint(1, most))
        yield start, end, rng.random() < 0.2
        if rng.random() < 0.3:
            # A consumer's retry: what was done comes again, by the same worker or another.
            yield rng.randint(0, end - 1), end, rng.random() < 0.5
        start = end


def deliveries(bench: Bench, records: Sequence[Raw]) -> list[Delivery]:
    """The deliveries in records of the bench's stream."""
    found = list(decode(records, lambda arn, *_: bench.streams.stream(arn)))
    assert all(isinstance(one, Delivery) for one in found)
    return [one for one in found if isinstance(one, Delivery)]


def stored(bench: Bench, user: str, at_ms: int) -> Features:
    """A user's features as a reader of the table finds them."""
    plan = bench.enricher._reader.plans[0]
    item = bench.store.items.get(user)
    entry = new_entry(plan) if item is None else from_item(item, plan, reading=True)
    return snapshot(entry.profile, plan, at_ms)


def rows_by_number(replay: Replay, deliveries: Sequence[Delivery]) -> dict[int, Row]:
    """The rows of a stream by sequence number."""
    found = ((one.sequence, replay.take(Record.of(one))) for one in deliveries)
    return {sequence: row for sequence, row in found if row is not None}


@pytest.mark.parametrize("defined", ["shipped", "rich"])
@settings(max_examples=60, deadline=None)
@given(story=stories())
def test_rows_are_what_the_table_held_just_before_each_event(
    defined: str, rich: Path, story: Story
) -> None:
    bench = Bench(SHIPPED if defined == "shipped" else rich)
    replay = Replay(bench.definitions)
    rows = rows_by_number(replay, deliveries(bench, story.records))
    done = 0
    for start, end, restarted in story.batches:
        batch = story.records[start:end]
        if restarted:
            bench.restart()
        seen: set[str] = set()
        for one in deliveries(bench, batch):
            row = rows.get(one.sequence)
            # Within a batch only the first event of a user meets what is stored.
            if row is not None and one.partition_key not in seen and one.sequence > done:
                assert stored(bench, one.partition_key, row.event.time_ms) == row.features
            seen.add(one.partition_key)
        assert not bench.run(*batch).failed
        done = max(done, *(one.sequence for one in deliveries(bench, batch)))
    accounts = {user: bench.entry(user).profile for user in bench.store.items}
    summary = replay.summary
    assert summary.rows == len(rows) == sum(one.accepted for one in accounts.values())
    assert summary.keys == sum(one.accepted > 0 for one in accounts.values())
    assert summary.late == sum(one.late for one in accounts.values())
    assert sum(summary.invalid.values()) == len(list(bench.objects.keys("quarantine/")))
    assert (
        summary.records
        == len(story.records)
        == (summary.rows + summary.duplicates + summary.late + sum(summary.invalid.values()))
    )


def test_in_batches_of_one_every_row_is_compared(rich: Path) -> None:
    """What the property above relies on: the comparison is not empty."""
    rng = random.Random(7)
    bench = Bench(rich)
    records = list(_records(rng, 300))
    rows = rows_by_number(Replay(bench.definitions), deliveries(bench, records))
    for one, raw in zip(deliveries(bench, records), records, strict=True):
        if row := rows.get(one.sequence):
            assert stored(bench, one.partition_key, row.event.time_ms) == row.features
        bench.run(raw)
    assert len(rows) > 150


@settings(max_examples=40, deadline=None)
@given(story=stories(longest=60))
def test_rows_are_what_the_oracle_counts_of_the_events_that_had_arrived(
    rich: Path, story: Story
) -> None:
    replay = Replay(load(rich))
    plan = plans_of(load(rich))[0]
    applied: dict[str, list[Row]] = {}
    for one in deliveries(Bench(), story.records):
        row = replay.take(Record.of(one))
        if row is not None:
            before = applied.setdefault(row.key, [])
            events = [earlier.event for earlier in before]
            assert row.features == oracle.features(events, plan, row.event.time_ms)
            assert row.at_ms == max([row.event.time_ms, *(event.time_ms for event in events)])
            before.append(row)


@settings(max_examples=30, deadline=None)
@given(story=stories(longest=60), later_ms=st.integers(0, 700_000))
def test_a_moment_between_events_is_what_a_reader_of_the_table_finds(
    rich: Path, story: Story, later_ms: int
) -> None:
    bench = Bench(rich)
    replay = Replay(bench.definitions)
    for one, raw in zip(deliveries(bench, story.records), story.records, strict=True):
        row = replay.take(Record.of(one))
        bench.run(raw)
        if row is not None:
            at_ms = row.at_ms + later_ms
            assert replay.features_of(row.key, at_ms) == stored(bench, row.key, at_ms)


def test_the_bound_on_remembered_ids_acts_as_it_does_live() -> None:
    """4,096 ids within the lateness raise the late floor: then what is older is late."""
    bench = Bench()
    burst = [document(n, at_ms=START_MS + 9_000 + n * 10) for n in range(4100)]
    old = document(9999, at_ms=START_MS + 8_000)
    records = [record(event, 1 + n) for n, event in enumerate([*burst, old])]
    replay = Replay(bench.definitions)
    rows = rows_by_number(replay, deliveries(bench, records))
    for one in records:
        bench.run(one)
    profile = bench.entry().profile
    assert (profile.floor_raises, profile.late, profile.accepted) == (1, 1, 4100)
    assert (replay.summary.late, len(rows)) == (1, 4100)


def test_profiles_that_are_not_in_use_are_kept_packed() -> None:
    """The rows do not depend on how many profiles are kept unpacked."""
    events = [Record(document(n, f"u{n % 7}")) for n in range(120)]
    definitions = load(SHIPPED)
    plenty = list(Replay(definitions).rows(events))
    scarce = Replay(definitions)
    scarce._entries = EntryCache(most=1)
    assert list(scarce.rows(events)) == plenty
    assert len(scarce._entries) == 1


# Files: without arrival times and positions.


def rows_of(*documents: object, definitions: Definitions | None = None) -> list[Row]:
    replay = Replay(definitions or load(SHIPPED))
    return list(replay.rows(Record(one) for one in documents))


def test_a_row_does_not_know_its_own_event_nor_those_after_it() -> None:
    rows = rows_of(*(document(n, eventType="view", metric=n) for n in range(3)))
    assert [row.features["count_1m"] for row in rows] == [0, 1, 2]
    assert [row.features["metric_sum_1m"] for row in rows] == [0.0, 0.0, 1.0]
    assert [row.features["recency_s"] for row in rows] == [None, 1.0, 1.0]
    assert rows[0].event.time_ms == rows[0].at_ms == START_MS
    assert rows[2].document == document(2, metric=2)
    assert {row.key for row in rows} == {"u1"}


def test_an_event_out_of_order_has_its_row_as_of_what_had_arrived() -> None:
    first, second = rows_of(document(50), document(20))
    assert second.event.time_ms == first.event.time_ms - 30_000
    assert second.at_ms == first.event.time_ms
    assert (second.features["count_1m"], second.features["recency_s"]) == (1, 0.0)


def test_a_late_event_a_repetition_and_poison_give_no_row() -> None:
    replay = Replay(load(SHIPPED))
    history = [
        document(100),
        document(0),
        document(100),
        {"userId": "u1"},
        b"{oops",
        document(101),
        ["a list"],
    ]
    rows = list(replay.rows(Record(one) for one in history))
    assert [row.event.id for row in rows] == ["e100", "e101"]
    summary = replay.summary
    assert (summary.records, summary.rows, summary.late, summary.duplicates) == (7, 2, 1, 1)
    assert summary.invalid == {"invalid-timestamp": 1, "not-json": 1, "not-an-object": 1}
    assert rows[1].features["count_5m"] == 1


def test_lines_without_an_id_are_all_different_events() -> None:
    assert len(rows_of(*[document(1, eventId=None)] * 3)) == 3


def test_raw_lines_are_read_as_json() -> None:
    (row,) = rows_of(json.dumps(document(1)).encode())
    assert row.event.id == "e1"


def test_without_an_arrival_no_event_is_from_the_future() -> None:
    ahead = document(1, at_ms=START_MS + 10**11)
    assert len(rows_of(ahead)) == 1
    replay = Replay(load(SHIPPED))
    assert replay.take(Record(ahead, START_MS)) is None
    assert replay.summary.invalid == {"from-the-future": 1}


def test_what_came_off_a_stream_without_id_and_order_would_be_in_quarantine() -> None:
    replay = Replay(load(SHIPPED))
    (one,) = deliveries(Bench(), [record(document(1, eventId=None), 5, key="another")])
    assert replay.take(Record.of(one)) is None
    assert replay.summary.invalid == {"event-id-required": 1}


TWO = """
version = 1
[entity.user]
key = "userId"
[entity.item]
key = "itemId"
lateness = "0s"
"""


def test_another_entity_has_rows_of_its_own() -> None:
    definitions = parse(TWO)
    history = [
        Record(document(1, itemId="i1")),
        Record(document(2, "u2", itemId="i1")),
        Record(document(3)),
    ]
    replay = Replay(definitions, "item")
    rows = list(replay.rows(history))
    assert [(row.key, row.features["count_1m"]) for row in rows] == [("i1", 0), ("i1", 1)]
    assert (replay.summary.without_key, replay.summary.keys) == (1, 1)
    users = list(Replay(definitions).rows(history))
    assert [row.features["count_1m"] for row in users] == [0, 0, 1]


def test_an_entity_that_is_not_defined_is_named() -> None:
    with pytest.raises(ConfigurationError, match="No entity 'shop'"):
        Replay(parse(TWO), "shop")
