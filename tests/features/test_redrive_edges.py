"""Redrives and what follows the state; changes in nested fields; objects that are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from millrace.errors import AlreadyRedriven, MillraceError, QuarantineError, Unavailable
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.certainty import (
    APPLIED,
    HOLE,
    INVALID,
    KNOWN,
    MISSING,
    UNDETERMINED,
)
from millrace.features.redrive import Redriver
from millrace.features.sinks import Followed

from tests.features.streaming import NOW_MS, Bench, document, record

HOUR_MS = 3_600_000


class FlakySink:
    """A sink that remembers the last entry of each key, and fails while `down`."""

    def __init__(self) -> None:
        self.down = False
        self.accepted: dict[str, int] = {}

    def take(self, followed: Followed) -> None:
        if self.down:
            raise Unavailable("the sink is down")
        assert followed.plan.index == 0
        assert followed.storage == followed.key
        self.accepted[followed.key] = followed.entry.profile.accepted


def redriver(bench: Bench, *sinks: FlakySink) -> Redriver:
    reader = BatchReader(EventReader(bench.definitions), bench.streams)
    return Redriver(reader, bench.store, bench.objects, sinks)


def pending(bench: Bench) -> str:
    (key,) = redriver(bench).pending()
    return key


def poisoned() -> Bench:
    bench = Bench()
    bench.run(record(document(1), 1), record(document(2, metric="much"), 2))
    return bench


def with_hole() -> Bench:
    bench = Bench(give_up_after_ms=HOUR_MS)
    bench.store.fail_writes = lambda key: key == "u1"
    lost = [record(document(n), n) for n in (1, 2)]
    assert bench.run(*lost, now_ms=NOW_MS + HOUR_MS).gave_up == 2
    bench.store.fail_writes = lambda key: False
    bench.run(record(document(900), 900))
    return bench


def with_failed_batch() -> Bench:
    bench = Bench()
    bench.run(record(document(1), 1))
    content = {"payload": json.dumps({"Records": [record(document(2), 2)]})}
    bench.objects.bodies["aws/lambda/m/s/1"] = json.dumps(content).encode()
    return bench


MENDED = {"metric": 2}


@pytest.mark.parametrize(
    ("make", "changes", "applied", "accepted"),
    [(poisoned, MENDED, 1, 2), (with_hole, {}, 2, 3), (with_failed_batch, {}, 1, 2)],
    ids=["poison", "hole", "failed batch"],
)
class TestSinks:
    def test_sinks_follow_a_redrive(
        self, make: Callable[[], Bench], changes: dict[str, object], applied: int, accepted: int
    ) -> None:
        bench, sink = make(), FlakySink()
        assert redriver(bench, sink).redrive(pending(bench), changes) == {APPLIED: applied}
        assert sink.accepted == {"u1": accepted}

    def test_a_sink_that_failed_catches_up_when_it_is_redriven_again(
        self, make: Callable[[], Bench], changes: dict[str, object], applied: int, accepted: int
    ) -> None:
        bench, sink = make(), FlakySink()
        key = pending(bench)
        sink.down = True
        with pytest.raises(Unavailable, match="the sink is down"):
            redriver(bench, sink).redrive(key, changes)
        assert pending(bench) == key, "what is not done stays"
        sink.down = False
        assert redriver(bench, sink).redrive(key, changes) == {KNOWN: applied}
        assert sink.accepted == {"u1": accepted}
        assert bench.count() == accepted

    def test_judging_moves_no_sink(
        self, make: Callable[[], Bench], changes: dict[str, object], applied: int, accepted: int
    ) -> None:
        bench, sink = make(), FlakySink()
        assert redriver(bench, sink).judge(pending(bench), changes) == {MISSING: applied}
        assert sink.accepted == {}


NESTED = """
version = 1
[event.numbers.metric]
field = "detail.metric"
[entity.user]
key = "userId"
"""


def test_nested_fields_can_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text(NESTED)
    bench = Bench(path)
    bad = document(1, metric=None, detail={"metric": "much", "kept": True})
    bench.run(record(bad, 1))
    redrive = redriver(bench)
    key = pending(bench)
    assert redrive.judge(key) == {INVALID: 1}
    assert redrive.judge(key, {"detail": 3}) == {MISSING: 1}
    assert redrive.redrive(key, {"detail.metric": 3}) == {APPLIED: 1}
    assert bench.count() == 1


def test_a_hole_of_which_an_event_is_not_valid_any_more_stays_whole() -> None:
    bench = with_hole()
    key = pending(bench)
    content = json.loads(bench.objects.bodies[key])
    content["records"][0]["data"] = "e30="
    bench.objects.bodies[key] = json.dumps(content).encode()
    assert redriver(bench).redrive(key) == {HOLE: 1, INVALID: 1}
    assert (bench.count(), len(bench.entry().holes)) == (1, 1)
    assert pending(bench) == key


def test_a_hole_of_a_key_that_has_gone_is_undetermined() -> None:
    """The item expired, or the table was restored from before: nothing proves anything."""
    bench = with_hole()
    key = pending(bench)
    bench.store.items.clear()
    assert redriver(bench).judge(key) == {UNDETERMINED: 2}
    assert redriver(bench).redrive(key) == {UNDETERMINED: 2}
    assert pending(bench) == key, "it stays listed"
    assert bench.store.items == {}


def test_a_failed_batch_of_a_stream_that_was_made_anew_is_told_by_ids_alone() -> None:
    bench = Bench()
    bench.run(record(document(1), 10), record(document(2, eventId=None), 11))
    content = [record(document(n), 9 + n) for n in (1, 3)]
    content += [record(document(2, eventId=None), 11), record(document(4, eventId=None), 900)]
    bench.objects.bodies["aws/lambda/m/s/1"] = json.dumps(
        {"payload": {"Records": content}}
    ).encode()
    # The stream that is there now began after all of that, and counts from 1 again.
    bench.streams.created_ms = NOW_MS + HOUR_MS
    bench.run(record(document(5), 1, arrival_ms=NOW_MS + 2 * HOUR_MS))
    expected = {KNOWN: 1, MISSING: 1, UNDETERMINED: 2}
    assert redriver(bench).judge(pending(bench)) == expected
    assert redriver(bench).redrive(pending(bench)) == {KNOWN: 1, APPLIED: 1, UNDETERMINED: 2}
    assert bench.count() == 4


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("entity", "shop", "No entity 'shop'"),
        ("hole", "1>2", "holds no whole hole"),
        ("records", None, "holds no whole hole"),
        ("records", [{}], "holds no whole hole"),
        ("records", ["text"], "holds no whole hole"),
    ],
)
def test_a_damaged_hole_is_named(field: str, value: object, problem: str) -> None:
    bench = with_hole()
    key = pending(bench)
    content = {**json.loads(bench.objects.bodies[key]), field: value}
    bench.objects.bodies[key] = json.dumps(content).encode()
    with pytest.raises(MillraceError, match=problem):
        redriver(bench).redrive(key)
    assert bench.count() == 1


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"{"])
def test_what_was_never_put_away_is_named(body: bytes) -> None:
    bench = Bench()
    bench.objects.bodies["late/x"] = body
    with pytest.raises(QuarantineError, match=r"'late/x' is no(t JSON| JSON object)"):
        redriver(bench).show("late/x")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"payload": "{"},
        {"payload": 5},
        {"payload": {"Records": 5}},
        {"payload": {"Records": None}},
        {"payload": json.dumps({"Records": {"kinesis": 1}})},
        {"payload": json.dumps([])},
    ],
)
def test_what_is_no_failed_batch_is_named(content: object) -> None:
    bench = Bench()
    bench.objects.bodies["aws/lambda/m/s/1"] = json.dumps(content).encode()
    with pytest.raises(QuarantineError, match="'aws/lambda/m/s/1' holds no batch"):
        redriver(bench).redrive("aws/lambda/m/s/1")


def test_a_change_that_cannot_be_written_is_named() -> None:
    bench = Bench()
    deep: object = "x"
    for _ in range(300):
        deep = [deep]
    bench.run(record(document(1, metric="much"), 1))
    with pytest.raises(QuarantineError, match="cannot be written as JSON"):
        redriver(bench).redrive(pending(bench), {"note": deep})


def test_of_two_redrives_at_a_time_one_finds_it_done() -> None:
    bench = poisoned()
    key = pending(bench)

    class Meanwhile(FlakySink):
        """Somebody else redrives the same object while this one is told of it."""

        def take(self, followed: Followed) -> None:
            assert redriver(bench).redrive(key, MENDED) == {KNOWN: 1}

    with pytest.raises(AlreadyRedriven, match=f"{key}' was redriven before: it is 'redriven/"):
        redriver(bench, Meanwhile()).redrive(key, MENDED)
    assert bench.count() == 2
    assert list(bench.objects.keys("")) == [f"redriven/{key}"]
