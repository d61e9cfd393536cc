"""A batch and what it comes to in the tables: the rules of scoring.py, each by itself."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from millrace.anomaly import Detector, Verdict
from millrace.anomaly.instants import iso_ms
from millrace.anomaly.pipeline import Pipeline
from millrace.errors import ConfigurationError, Unavailable

from tests.oci.making import NOW_MS, START_S, STEP_S, STREAM, Kept, event, history, payload, record


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_rows_have_their_features(kept: Kept) -> None:
    kept.handle(record(event(i, v), i) for i, v in enumerate([4, 6, 0, 3]))
    assert kept.rows("SELECT event_id, feature1, feature2 FROM raw_events ORDER BY 1") == [
        ("cpu-0", None, None),
        ("cpu-1", 2.0, 1.5),
        ("cpu-2", -6.0, 0.0),
        ("cpu-3", 3.0, None),  # no ratio to 0
    ]


def test_features_go_on_over_batches_and_by_series(kept: Kept) -> None:
    kept.handle([record(event(0, 4), 0), record(event(0, 100, "memory"), 1, "memory")])
    kept.handle([record(event(1, 5), 2), record(event(1, 99, "memory"), 3, "memory")])
    found = dict(kept.rows("SELECT event_id, feature1 FROM raw_events"))
    assert found == {"cpu-0": None, "memory-0": None, "cpu-1": 1.0, "memory-1": -1.0}


def judged(records: list[dict[str, Any]]) -> dict[str, Verdict]:
    """What the detector by itself says of the events."""
    detector = Detector()
    found = {}
    for one in records:
        document = json.loads(base64.b64decode(one["value"]))
        found[document["id"]] = detector.update(document["time"], document["metric"])
    return found


def test_rows_and_alerts_are_what_the_detector_says(kept: Kept) -> None:
    records = history(1200, spikes=[600, 1000, 1001, 1002])
    verdicts = judged(records)
    alerts = {name for name, verdict in verdicts.items() if verdict.alert}
    strange = {name for name, verdict in verdicts.items() if verdict.score >= 1}
    assert {"cpu-600", "cpu-1000"} <= strange
    assert alerts
    answer = kept.handle(records)
    assert answer["alerts"] == len(alerts)
    rows = kept.rows("SELECT event_id, score, reason, anomaly_flag FROM raw_events")
    assert {(name, verdict.score, verdict.reason) for name, verdict in verdicts.items()} == {
        row[:3] for row in rows
    }
    assert {row[0] for row in rows if row[3] == "Y"} == strange
    for table, column in (
        ("alerts", "alert_id"),
        ("outbox", "alert_id"),
        ("episodes", "episode_id"),
    ):
        assert {row[0] for row in kept.rows(f"SELECT {column} FROM {table}")} == alerts
    assert kept.rows("SELECT SUM(strange_points) FROM episodes") == [(len(strange),)]


def test_an_episode_goes_on_over_batches(kept: Kept) -> None:
    records = history(1200, spikes=[1000, 1001, 1002])
    kept.handle(records[:1001])
    (before,) = kept.rows("SELECT SUM(strange_points), COUNT(*) FROM episodes")
    kept.handle(records[1001:1003])
    (after,) = kept.rows("SELECT SUM(strange_points), COUNT(*) FROM episodes")
    assert after == (before[0] + 2, before[1])


def test_batches_of_any_size_come_to_the_same(kept: Kept) -> None:
    records = history(1200, spikes=[1000, 1100])
    kept.handle(records)
    for size in (1, 7, 400):
        other = Kept()
        for start in range(0, len(records) if size > 1 else 150, size):
            other.handle(records[start : start + size])
        whole = kept if size > 1 else Kept()
        if size == 1:
            whole.handle(records[:150])
        assert other.results() == whole.results()


def test_the_order_in_a_batch_does_not_matter(kept: Kept) -> None:
    records = history(300, spikes=[200])
    kept.handle(records)
    other = Kept()
    other.handle(records[::-1])
    assert other.results() == kept.results()


def test_a_series_over_partitions_is_merged_by_time(kept: Kept) -> None:
    values = [float(v) for v in range(40)]
    records = [record(event(i, v), i // 2, "cpu", str(i % 2)) for i, v in enumerate(values)]
    assert "late" not in kept.handle(records)
    assert kept.rows("SELECT DISTINCT feature1 FROM raw_events WHERE feature1 IS NOT NULL") == [
        (1.0,)
    ]


def test_repeated_events_change_nothing(kept: Kept) -> None:
    records = history(150)
    kept.handle(records)
    before = kept.results()
    assert kept.handle(records)["duplicates"] == 150
    moved = [r | {"offset": r["offset"] + 1000} for r in records]  # a producer tried again
    assert kept.handle(moved + moved)["duplicates"] == 300
    assert kept.results() == before


def test_an_id_with_other_content_is_kept_as_a_conflict(kept: Kept) -> None:
    kept.handle([record(event(0, 1), 0), record(event(1, 2), 1)])
    state = kept.results()["series_state"]
    answer = kept.handle([record(event(1, 3), 2)])
    assert answer["reasons"] == {"id-conflict": 1}
    ((message, text),) = kept.rows("SELECT message, payload FROM quarantine")
    assert json.loads(text)["metric"] == 3
    assert "cpu-1" in message
    assert kept.results()["series_state"] == state


def test_two_contents_of_one_id_in_one_batch(kept: Kept) -> None:
    answer = kept.handle([record(event(0, 1), 0), record(event(0, 2), 1)])
    assert (answer["stored"], answer["quarantined"]) == (1, 1)
    assert kept.rows("SELECT metric_value FROM raw_events") == [(1.0,)]


def test_a_new_id_at_a_place_that_is_taken_is_not_lost(kept: Kept) -> None:
    kept.handle([record(event(0, 1), 0)])
    answer = kept.handle([record(event(1, 2), 0)])
    assert answer["reasons"] == {"place-conflict": 1}
    assert kept.rows("SELECT source_stream, source_offset FROM quarantine") == [(STREAM, 0)]


def test_a_late_event_is_stored_and_not_judged(kept: Kept) -> None:
    kept.handle([record(event(5, 1), 0), record(event(6, 2), 1)])
    detector = kept.rows("SELECT detector, newest_ms, last_value FROM series_state")
    assert kept.handle([record(event(4, 900), 2)])["late"] == 1
    ((features, late, score, reason),) = kept.rows(
        "SELECT feature1, late_flag, score, reason FROM raw_events WHERE event_id = 'cpu-4'"
    )
    assert (features, late, score) == (None, "Y", None)
    assert reason.startswith("late: 600.000 s older")
    assert kept.rows("SELECT detector, newest_ms, last_value FROM series_state") == detector
    assert kept.rows("SELECT events, late_events FROM series_state") == [(2, 1)]


def test_poison_is_kept_and_takes_no_good_row_with_it(kept: Kept) -> None:
    bad: list[Any] = [
        record(b"{", 1),
        record(event(2, "58"), 2),
        record({"id": "x", "metric": 1}, 3),
        record(b"\xff\xfe", 4),
        record(event(5, 1), 5) | {"value": "%"},
        "no record",
    ]
    answer = kept.handle([record(event(0, 1), 0), *bad, record(event(9, 1), 9)])
    assert (answer["stored"], answer["quarantined"], answer["events"]) == (2, 6, 8)
    before = kept.results()
    kept.handle(bad)
    assert kept.results() == before
    assert kept.rows("SELECT payload FROM quarantine WHERE source_offset = 4") == [("base64://4=",)]


def test_a_bare_event_is_judged(kept: Kept) -> None:
    body = b'{"id":"1","time":"2025-01-01T10:00:00","metric":58}'
    assert kept.pipeline.handle(body, NOW_MS).stored == 1
    assert kept.rows("SELECT series, event_time, source_stream FROM raw_events") == [
        ("default", "2025-01-01T10:00:00.000Z", None)
    ]


def test_sql_in_a_name_is_a_name(kept: Kept) -> None:
    name = "x'); DROP TABLE raw_events; --"
    kept.handle([record(event(0, 1, name), 0, name)])
    assert kept.rows("SELECT series FROM raw_events") == [(name,)]


def test_a_batch_of_six_megabytes(kept: Kept) -> None:
    records = [record(event(i, i % 7, pad="x" * 1000), i) for i in range(4000)]
    body = payload(records)
    assert len(body) > 6_000_000
    assert kept.pipeline.handle(body, NOW_MS).stored == 4000


def test_a_state_of_another_version_starts_anew(kept: Kept) -> None:
    kept.handle(history(200))
    kept.database.connection.execute("UPDATE series_state SET detector = x'00'")
    answer = kept.handle([record(event(200, 50), 200)])
    assert (answer["stored"], answer["restarted"]) == (1, 1)
    assert kept.handle([record(event(201, 50), 201)]).get("restarted") is None


def test_settings_of_a_series_are_heeded(kept: Kept) -> None:
    records = history(1500, spikes=[1400])
    kept.handle(records[:900])
    kept.database.connection.execute(
        "INSERT INTO series_settings (series, sensitivity, muted_until_ms, false_alarms)"
        f" VALUES ('cpu', 50, {(START_S + 10**9) * 1000}, 2)"
    )
    pending = len(kept.store.pending())
    kept.handle(records[900:])
    assert kept.rows("SELECT heeded FROM series_state") == [(2,)]
    late_alerts = "SELECT DISTINCT muted_flag FROM alerts WHERE event_time > ?"
    assert kept.rows(late_alerts, iso_ms((START_S + 899 * STEP_S) * 1000)) == [("Y",)]
    assert len(kept.store.pending()) == pending


class Failing:
    def publish(self, title: str, body: str) -> str:
        raise Unavailable("the topic does not answer")


def test_a_topic_that_fails_leaves_alerts_in_the_outbox(kept: Kept) -> None:
    pipeline = Pipeline(kept.store, Failing())
    report = pipeline.handle(payload(history(1200, spikes=[1000])), NOW_MS)
    assert report.problem == "the topic does not answer"
    assert kept.rows("SELECT delivered_flag, attempts FROM digests") == [("N", 1)]


class Dying:
    def publish(self, title: str, body: str) -> str:
        raise ConfigurationError("there is no such topic")


def test_a_topic_that_is_not_there_fails_no_batch(kept: Kept) -> None:
    report = Pipeline(kept.store, Dying()).handle(payload(history(1200, spikes=[1000])), NOW_MS)
    assert (report.stored, report.problem) == (1200, "there is no such topic")


def test_a_digest_is_leased_from_when_it_is_claimed() -> None:
    """A batch of a minute must not send with a lease that has ended: somebody else would, too."""
    kept = Kept()
    pipeline = Pipeline(kept.store, Dying(), lambda: NOW_MS + 59_000)
    assert pipeline.handle(payload(history(1200, spikes=[1000])), NOW_MS).alerts
    ((tried_ms,),) = kept.rows("SELECT tried_ms FROM digests")
    assert tried_ms == NOW_MS + 59_000
