"""Rows are what a reader of the store would have found, and labels what came of it."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.features.definitions import load
from millrace.features.replay import Record, Replay

from model.rows import Row, Rows, labelled, moment_ms
from model.target import Target
from tests.features.conftest import SHIPPED
from tests.features.making import RICH
from tests.features.streaming import START_MS, Bench, document
from tests.features.test_replay import Story, deliveries, stored, stories

LATENESS_MS = 60_000
BUY = Target.parse("buy", "10m")
ANY = Target.parse("any", "90s")


def rows_of(*events: dict[str, Any], target: Target = BUY) -> Rows:
    return labelled(map(Record, events), load(SHIPPED), target)


def bought(number: int, at_ms: int, user: str = "u1") -> dict[str, Any]:
    return document(number, user, at_ms=at_ms, eventType="buy")


def much_later() -> dict[str, Any]:
    """Somebody else's event, a day on: with it the history before it is complete."""
    return document(9_999, "somebody else", at_ms=START_MS + 86_400_000)


def only(rows: Rows) -> Row:
    """The one row of u1."""
    (row,) = (row for row in rows.rows if row.key == "u1")
    return row


def the_moment(target: Target = BUY) -> int:
    """When is asked after document(0) of u1."""
    return only(rows_of(document(0), much_later(), target=target)).at_ms


def shown(row: Row) -> tuple[object, ...]:
    """A row that equals itself: NaN does not."""
    return (*row._replace(values=array("d")), row.features)


@settings(max_examples=25, deadline=None)
@given(story=stories(), target=st.sampled_from([BUY, ANY]))
def test_features_are_those_that_the_live_store_held_at_the_moment(
    tmp_path_factory: pytest.TempPathFactory, story: Story, target: Target
) -> None:
    path = tmp_path_factory.mktemp("rich") / "features.toml"
    path.write_text(RICH)
    bench = Bench(path)
    arrived = deliveries(bench, story.records)
    found = labelled(map(Record.of, arrived), bench.definitions, target)
    unread = {key: [row for row in found.rows if row.key == key] for key in ("ann", "bob", "cy")}
    replay = Replay(bench.definitions)
    for one, raw in zip(arrived, story.records, strict=True):
        if (applied := replay.take(Record.of(one))) is not None:
            waiting = unread[applied.key]
            # The store is about to move on to this event: what comes before it is asked now.
            for row in [row for row in waiting if row.at_ms < applied.event.time_ms]:
                assert stored(bench, row.key, row.at_ms) == row.features
                waiting.remove(row)
        bench.run(raw)
    for row in [row for waiting in unread.values() for row in waiting]:
        assert stored(bench, row.key, row.at_ms) == row.features


@settings(max_examples=30, deadline=None)
@given(story=stories(), target=st.sampled_from([BUY, ANY]))
def test_labels_are_what_a_search_through_all_events_finds(story: Story, target: Target) -> None:
    definitions = load(SHIPPED)
    arrived = deliveries(Bench(), story.records)
    replay = Replay(definitions)
    applied = [row.event for row in replay.rows(map(Record.of, arrived))]
    found = labelled(map(Record.of, arrived), definitions, target)
    newest_ms = max((event.time_ms for event in applied), default=0)
    for row in found.rows:
        assert row.at_ms + target.within_ms + LATENESS_MS <= newest_ms
        assert row.positive == any(
            event.keys[0] == row.key
            and row.at_ms < event.time_ms <= row.at_ms + target.within_ms
            and target.wants(event.type)
            for event in applied
        )
    assert len(found.rows) + found.given_up.total() == len(applied)
    assert found.summary == replay.summary
    assert sum(found.types.values()) == len(applied)


@settings(max_examples=25, deadline=None)
@given(story=stories(), seed=st.integers(0, 2**32))
def test_whatever_the_future_brings_rows_stay(story: Story, seed: int) -> None:
    """Rows of a history are rows of the same history continued in any way."""
    past = [Record.of(one) for one in deliveries(Bench(), story.records)]
    before = labelled(past, load(SHIPPED), BUY)
    rng = random.Random(seed)
    future = [
        document(
            5_000 + number,
            rng.choice(("ann", "bob", "cy", "new")),
            at_ms=before.last_ms + rng.randint(1, 2_000_000),
            eventType=rng.choice(("view", "buy", "never seen before")),
        )
        for number in range(rng.randint(1, 40))
    ]
    after = labelled([*past, *map(Record, future)], load(SHIPPED), BUY)
    known = {(row.key, row.at_ms): shown(row) for row in after.rows}
    assert all(known[row.key, row.at_ms] == shown(row) for row in before.rows)


def test_the_comparisons_above_are_of_many_rows_of_both_kinds() -> None:
    rng = random.Random(5)
    events = [
        document(n, rng.choice("abc"), at_ms=START_MS + n * 40_000, eventType=rng.choice(KINDS))
        for n in range(400)
    ]
    found = rows_of(*events)
    positive = sum(row.positive for row in found.rows)
    assert len(found.rows) > 200
    assert positive > 50
    assert len(found.rows) - positive > 50
    assert found.given_up["overtaken"] > 20
    assert found.given_up["incomplete"] > 0


KINDS = ("view", "view", "view", "buy")


@pytest.mark.parametrize(
    ("after_ms", "positive"), [(1, True), (600_000, True), (600_001, False), (3_600_000, False)]
)
def test_the_target_counts_within_its_time(after_ms: int, positive: bool) -> None:
    moment = the_moment()
    found = rows_of(document(0), bought(1, moment + after_ms), much_later())
    row = next(row for row in found.rows if row.at_ms == moment)
    assert row.positive == positive


def test_another_type_or_another_user_does_not_count() -> None:
    moment = the_moment()
    others = [document(1, at_ms=moment + 700_000), bought(2, moment + 5, "u2"), much_later()]
    found = rows_of(document(0), *others)
    assert not any(row.positive for row in found.rows)
    moment = the_moment(ANY)
    found = rows_of(document(0), document(1, at_ms=moment + 50), much_later(), target=ANY)
    assert next(row for row in found.rows if row.at_ms == moment).positive


def test_a_moment_is_given_up_when_the_next_event_comes_first() -> None:
    moment = the_moment()
    found = rows_of(document(0), bought(1, moment), much_later())
    assert found.given_up["overtaken"] == 1
    assert moment not in [row.at_ms for row in found.rows]


def test_the_event_that_a_moment_follows_is_in_its_features_and_not_in_its_label() -> None:
    row = only(rows_of(bought(0, START_MS), much_later()))
    assert row.features["count_24h.buy"] == 1
    assert row.features["recency_s"] == (row.at_ms - START_MS) / 1000
    assert not row.positive


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize(("short_ms", "complete"), [(0, True), (1, False)])
def test_a_time_to_come_that_is_not_all_there_gives_no_row(
    short_ms: int, complete: bool, followed: bool
) -> None:
    """Not even where the target is already there: else only those would be kept."""
    moment = the_moment()
    end_ms = moment + BUY.within_ms + LATENESS_MS - short_ms
    events = [document(0), *([bought(1, moment + 1)] if followed else [])]
    found = rows_of(*events, document(2, "u2", at_ms=end_ms))
    assert (moment in [row.at_ms for row in found.rows]) == complete


def test_an_event_out_of_order_is_asked_about_as_of_the_newest() -> None:
    found = rows_of(document(50), document(20), much_later())
    (row,) = (row for row in found.rows if row.key == "u1")
    assert found.given_up["overtaken"] == 1
    assert row.at_ms > START_MS + 50_000
    assert row.features["count_1h"] == 2


def test_moments_are_from_a_second_to_the_whole_time_after_the_event() -> None:
    delays = sorted(moment_ms("u", n, n, 0, 600_000) for n in range(4_000))
    assert 1_000 <= delays[0] < 1_100
    assert 590_000 < delays[-1] <= 600_000
    # The middle of 1 s and 600 s on a scale of logarithms.
    assert 23_000 < delays[2_000] < 26_000


def test_rows_come_in_order_of_time_whatever_the_order_of_the_history() -> None:
    first = [document(n, "a", at_ms=START_MS + n * 700_000) for n in range(5)]
    second = [document(n, "b", at_ms=START_MS + n * 600_000) for n in range(5)]
    found = rows_of(*first, *second)
    assert [row.at_ms for row in found.rows] == sorted(row.at_ms for row in found.rows)
    # Users are independent of each other: it is the same history in another order.
    assert list(map(shown, found.rows)) == list(map(shown, rows_of(*second, *first).rows))


def tutorial_count(times: Sequence[int]) -> int:
    """The tutorials' handler, as it stands there."""
    count, last = 0, None
    for time in times:
        count = count + 1 if time - (time if last is None else last) < 300 else 1
        last = time
    return count


@given(st.lists(st.integers(0, 900), min_size=1, max_size=8))
def test_the_tutorials_count_goes_by_their_rule(gaps_s: list[int]) -> None:
    times = [sum(gaps_s[: n + 1]) for n in range(len(gaps_s))]
    events = [document(n, at_ms=START_MS + time * 1000) for n, time in enumerate(times)]
    found = rows_of(*events, much_later())
    last = max((row for row in found.rows if row.key == "u1"), key=lambda row: row.at_ms)
    assert last.tutorial_count == tutorial_count(times)


def test_what_is_no_event_is_counted() -> None:
    found = labelled(
        [Record(b"{oops"), Record({"userId": "u1"}), Record(document(0))], load(SHIPPED), BUY
    )
    assert found.summary.invalid == {"not-json": 1, "invalid-timestamp": 1}
    assert labelled([], load(SHIPPED), BUY).rows == []


def test_progress_is_told() -> None:
    heard: list[int] = []
    history = (Record(document(n)) for n in range(1_200))
    labelled(history, load(SHIPPED), BUY, heard.append)
    assert heard == [500, 1000]


def test_a_features_toml_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text('version = 1\n[entity.user]\nkey = "who"\nwindows = ["2m"]\nlateness = "0s"\n')
    events = [{"who": "ann", "timestamp": START_MS + n * 700_000} for n in range(4)]
    found = labelled(map(Record, events), load(path), BUY)
    assert {row.names[0] for row in found.rows} == {"count_2m"}
    assert len(found.rows) == 2
