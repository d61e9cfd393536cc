"""What comes back out of quarantine: once, noted in the same transaction, by stated rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from millrace.anomaly.oracle import OracleDatabase
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.redrive import Mending, Redriver
from millrace.errors import InvalidRequest, Unavailable, WriteConflict

from tests.oci.making import NOW_MS, event, history, payload, record
from tests.oci.oracle_driver import Pool, error
from tests.oci.stores import STORES, Opened

LATER_MS = NOW_MS + 60_000


@pytest.fixture(params=list(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return STORES[request.param](tmp_path)


@pytest.fixture
def redriver(opened: Opened) -> Redriver:
    return Redriver(opened.database)


def take(opened: Opened, *records: dict[str, Any]) -> None:
    Pipeline(opened.store).handle(payload(records), NOW_MS)


def only(opened: Opened) -> str:
    (kept,) = opened.desk.quarantined()
    return kept.quarantine_id


def events(opened: Opened) -> list[Any]:
    return opened.run(
        "SELECT event_id, series, metric_value, late_flag FROM raw_events ORDER BY event_id"
    )


def test_a_mended_record_is_applied_once(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(event(1, "58"), 7, "host1"))
    name = only(opened)
    (judged,) = redriver.judge([name])
    assert (judged.outcome, judged.done) == ("still-invalid", False)
    assert "invalid-metric" in judged.message
    mend = Mending(changes={"metric": 58})
    assert redriver.judge([name], mend)[0].outcome == "applied"
    assert events(opened) == []
    assert redriver.redrive([name], "ann", LATER_MS, mend)[0].outcome == "applied"
    assert events(opened) == [("cpu-1", "host1", 58, "N")]
    assert opened.run("SELECT source_offset FROM raw_events") == [(7,)]
    (again,) = redriver.redrive([name], "bob", LATER_MS, mend)
    assert (again.outcome, again.done, again.message) == (
        "redriven-before",
        True,
        "applied, by ann",
    )
    kept = opened.desk.kept(name[:10])
    assert (kept.outcome, kept.redriven_by, kept.redriven_ms) == ("applied", "ann", LATER_MS)
    assert orjson.loads(opened.run("SELECT payload FROM redrives")[0][0])["metric"] == 58
    assert opened.desk.quarantined(only_open=True) == []
    assert opened.desk.quarantine_counts() == {"invalid-metric": (1, 1)}


def test_the_stream_may_bring_the_record_again(opened: Opened, redriver: Redriver) -> None:
    """At least once: before a redrive, after it, and after a fix of the code."""
    broken = record(event(1, "58"), 7)
    take(opened, broken)
    redriver.redrive([only(opened)], "ann", LATER_MS, Mending(changes={"metric": 58}))
    take(opened, broken)
    take(opened, record(event(1, 58), 7))
    assert len(events(opened)) == 1
    assert opened.desk.quarantined(only_open=True) == []


def test_an_older_event_is_stored_late_and_not_judged(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(event(1, None), 1), record(event(2, 5), 2))
    (done,) = redriver.redrive([only(opened)], "ann", LATER_MS, Mending(changes={"metric": 4}))
    assert (done.outcome, done.done) == ("late", True)
    assert events(opened)[0] == ("cpu-1", "cpu", 4, "Y")
    assert opened.run("SELECT events, late_events FROM series_state") == [(1, 1)]


def test_several_are_judged_in_the_order_of_their_times(opened: Opened, redriver: Redriver) -> None:
    take(opened, *(record(event(9 - n, None), n) for n in range(9)))
    names = [kept.quarantine_id for kept in opened.desk.quarantined()]
    done = redriver.redrive(names, "ann", LATER_MS, Mending(changes={"metric": 4}))
    assert {one.outcome for one in done} == {"applied"}
    assert [row[3] for row in events(opened)] == ["N"] * 9
    offsets = opened.run("SELECT source_offset FROM raw_events ORDER BY event_id")
    assert [int(row[0]) for row in offsets] == list(range(8, -1, -1))


def test_an_id_conflict_stays_unless_it_becomes_an_event_of_its_own(
    opened: Opened, redriver: Redriver
) -> None:
    take(opened, record(event(1, 5), 1), record(event(1, 6), 2))
    name = only(opened)
    (left,) = redriver.redrive([name], "ann", LATER_MS)
    assert (left.outcome, left.done) == ("id-conflict", False)
    assert opened.run("SELECT COUNT(*) FROM redrives") == [(0,)]
    assert redriver.redrive([name], "ann", LATER_MS, Mending(as_new=True))[0].done
    assert [row[:3] for row in events(opened)] == [
        ("cpu-1", "cpu", 5),
        (f"cpu-1#{name[:12]}", "cpu", 6),
    ]


def test_a_conflict_that_is_gone_is_applied(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(event(1, 5), 1), record(event(1, 6), 2))
    opened.run("DELETE FROM raw_events")
    assert redriver.redrive([only(opened)], "ann", LATER_MS)[0].done
    assert [row[2] for row in events(opened)] == [6]


def test_a_place_conflict_is_applied_without_its_place(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(event(1, 5), 1), record(event(2, 6), 1))
    assert opened.desk.kept(only(opened)).reason == "place-conflict"
    assert redriver.redrive([only(opened)], "ann", LATER_MS)[0].outcome == "applied"
    assert opened.run("SELECT event_id, source_offset FROM raw_events ORDER BY 1") == [
        ("cpu-1", 1),
        ("cpu-2", None),
    ]


def test_what_was_from_the_future_still_is(opened: Opened, redriver: Redriver) -> None:
    ahead = event(1, 5) | {"time": NOW_MS + 10 * 3_600_000}
    take(opened, record(ahead, 1))
    (left,) = redriver.redrive([only(opened)], "ann", NOW_MS + 20 * 3_600_000)
    assert left.outcome == "still-invalid"
    assert left.message.startswith("from-the-future")


def test_a_whole_payload_takes_the_place_of_a_record(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(b"{", 3, "disk"), {**record(event(2, 1), 4, "disk"), "value": "%"})
    for number, kept in enumerate(
        sorted(opened.desk.quarantined(), key=lambda one: one.offset or 0)
    ):
        mend = Mending(payload=orjson.dumps(event(number, 9, "disk")))
        assert redriver.redrive([kept.quarantine_id], "ann", LATER_MS, mend)[0].done
    rows = opened.run("SELECT series, source_offset FROM raw_events ORDER BY source_offset")
    assert rows[0] == ("disk", 3)
    assert rows[1][1] == 4


def test_a_whole_batch_that_was_no_json(opened: Opened, redriver: Redriver) -> None:
    Pipeline(opened.store).handle(b'[{"stream"', NOW_MS)
    name = only(opened)
    assert not redriver.judge([name], Mending(changes={"metric": 1}))[0].done
    mend = Mending(payload=payload(history(5)))
    (done,) = redriver.redrive([name], "ann", LATER_MS, mend)
    assert (done.outcome, done.events) == ("applied", 5)
    assert len(events(opened)) == 5


def test_a_record_is_applied_whole_or_not_at_all(opened: Opened, redriver: Redriver) -> None:
    Pipeline(opened.store).handle(b'[{"stream"', NOW_MS)
    half = payload([*history(3), record(event(9, "x"), 9)])
    assert not redriver.redrive([only(opened)], "ann", LATER_MS, Mending(payload=half))[0].done
    twice = payload([record(event(1, 1), 1), record(event(1, 2), 2)])
    (left,) = redriver.redrive([only(opened)], "ann", LATER_MS, Mending(payload=twice))
    assert left.outcome == "id-conflict"
    assert events(opened) == []


def test_two_records_of_one_event_are_one_event(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(event(1, None), 1), record(event(1, None), 2))
    names = [kept.quarantine_id for kept in opened.desk.quarantined()]
    done = redriver.redrive(names, "ann", LATER_MS, Mending(changes={"metric": 3}))
    assert sorted(one.outcome for one in done) == ["applied", "known-before"]
    assert len(events(opened)) == 1


def test_bytes_that_are_no_text_come_back_as_they_were(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(b"\xff{", 1, None))
    (left,) = redriver.judge([only(opened)])
    assert left.message.startswith("not-json")


def test_an_alert_is_raised_and_sent_as_ever(opened: Opened, redriver: Redriver) -> None:
    take(opened, *history(300), record(event(300, "400"), 300, "cpu", "cpu"))
    before = [one.alert_id for one in opened.store.pending()]
    redriver.redrive([only(opened)], "ann", LATER_MS, Mending(changes={"metric": 400}))
    assert [one.alert_id for one in opened.store.pending()] == [*before, "cpu-300"]


@pytest.mark.parametrize("start", ["", "zz", "0' OR 1=1", "%"])
def test_a_record_that_is_not_there(opened: Opened, start: str) -> None:
    with pytest.raises(InvalidRequest, match="there is nothing in quarantine"):
        opened.desk.kept(start)
    with pytest.raises(InvalidRequest, match="there is nothing in quarantine"):
        Redriver(opened.database).redrive(["f" * 64], "ann", LATER_MS)


@pytest.mark.parametrize("at", ["INSERT INTO raw_events", "INSERT INTO redrives", "commit"])
def test_a_failure_leaves_the_record_where_it_is(tmp_path: Path, at: str) -> None:
    """Applied and noted together, or neither: whatever fails, a second time does it once."""
    pool = Pool(str(tmp_path / "test.db"))
    opened = STORES["recorded"](tmp_path)
    take(opened, record(event(1, None), 1))
    name = only(opened)
    redriver = Redriver(OracleDatabase(pool))
    mend = Mending(changes={"metric": 3})
    pool.failures.append((at, error(3113)))
    with pytest.raises(Unavailable):
        redriver.redrive([name], "ann", LATER_MS, mend)
    assert events(opened) == []
    assert opened.run("SELECT COUNT(*) FROM redrives") == [(0,)]
    assert redriver.redrive([name], "ann", LATER_MS, mend)[0].done
    assert len(events(opened)) == 1


def test_it_gives_up_where_somebody_else_is_always_quicker(tmp_path: Path) -> None:
    opened = STORES["recorded"](tmp_path)
    take(opened, record(event(1, None), 1))
    name = only(opened)
    pool = Pool(str(tmp_path / "test.db"))
    pool.failures += [("INSERT INTO redrives", error(1))] * 3
    with pytest.raises(WriteConflict):
        Redriver(OracleDatabase(pool)).redrive(
            [name], "ann", LATER_MS, Mending(changes={"metric": 3})
        )
    assert events(opened) == []


def test_the_ledger_goes_with_the_quarantine(opened: Opened, redriver: Redriver) -> None:
    take(opened, record(event(1, None), 1))
    redriver.redrive([only(opened)], "ann", LATER_MS, Mending(changes={"metric": 3}))
    opened.store.purge(LATER_MS + 1)
    assert opened.run("SELECT COUNT(*) FROM redrives") == [(0,)]
    assert opened.desk.quarantined() == []
