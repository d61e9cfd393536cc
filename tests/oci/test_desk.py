"""What an operator reads and says, over every store."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.anomaly.desk import Desk
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.scoring import Scored
from millrace.errors import InvalidRequest

from tests.oci.making import NOW_MS, START_S, STEP_S, event, history, payload, record
from tests.oci.stores import STORES, Opened, sqlite_store
from tests.oci.written import TIME_MS, alert, episode, row, state, write


@pytest.fixture(params=list(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return STORES[request.param](tmp_path)


@pytest.fixture
def desk(opened: Opened) -> Desk:
    write(opened, Scored(alerts=[alert("a"), alert("b", muted=True)], begun=[episode(7)]))
    write(opened, Scored(rows=[row("a")], fresh=[state()]))
    return opened.desk


def test_alerts_are_read_whole(desk: Desk) -> None:
    first, second = desk.alerts()
    assert first == (
        "a", "cpu", TIME_MS, 0.1, 1.25, 0.0, -1e300, None, "why", "function", False, NOW_MS, None,
        None, False,
    )  # fmt: skip
    assert (second.alert_id, second.muted) == ("b", True)
    assert desk.alert("a") == first
    assert [one.alert_id for one in desk.alerts("cpu", most=1)] == ["a"]
    assert desk.alerts("disk") == []


def test_an_alert_is_acknowledged_once(desk: Desk) -> None:
    assert desk.acknowledge("a", "ann", NOW_MS + 1)
    assert not desk.acknowledge("a", "bob", NOW_MS + 2)
    found = desk.alert("a")
    assert (found.acknowledged_by, found.acknowledged_ms) == ("ann", NOW_MS + 1)
    assert [one.alert_id for one in desk.alerts(only_open=True)] == ["b"]


def test_a_false_alarm_counts_once(desk: Desk) -> None:
    assert desk.false_alarm("a", "ann", NOW_MS)
    assert not desk.false_alarm("a", "ann", NOW_MS)
    assert desk.false_alarm("b", "ann", NOW_MS)
    assert desk.alert("a").false_alarm
    assert desk.series()[0].false_alarms == 2


@pytest.mark.parametrize("say", ["alert", "acknowledge", "false_alarm"])
def test_an_alert_that_is_not_there(desk: Desk, say: str) -> None:
    more = () if say == "alert" else ("ann", NOW_MS)
    with pytest.raises(InvalidRequest, match="there is no alert 'z'"):
        getattr(desk, say)("z", *more)


def test_settings_of_a_series(desk: Desk) -> None:
    assert desk.series() == [("cpu", 1, 2, TIME_MS, 0.1, 1.0, None, 0)]
    desk.set_sensitivity("cpu", 0.25)
    desk.mute("cpu", NOW_MS)
    assert desk.series()[0][5:] == (0.25, NOW_MS, 0)
    desk.mute("cpu", None)
    assert desk.series()[0].muted_until_ms is None


@pytest.mark.parametrize("sensitivity", [0.0, -1.0, float("nan"), float("inf")])
def test_a_sensitivity_that_is_none(desk: Desk, sensitivity: float) -> None:
    with pytest.raises(InvalidRequest, match="a number above 0"):
        desk.set_sensitivity("cpu", sensitivity)


def test_points_and_episodes_of_a_span(desk: Desk) -> None:
    assert desk.points("cpu", TIME_MS, TIME_MS + 1) == [
        ("a", TIME_MS, 0.1, 1.25, True, False, "why", None, None, None, None, None)
    ]
    assert desk.points("cpu", TIME_MS + 1, TIME_MS + 2) == []
    assert desk.points("cpu", TIME_MS, TIME_MS + 1, latest=True)[0].event_id == "a"
    assert desk.episodes("cpu", TIME_MS + 7, TIME_MS + 8) == [episode(7)]
    assert desk.episodes("cpu", TIME_MS + 8, TIME_MS + 9) == []


def test_the_latest_points_of_many_come_in_the_order_of_time(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload(history(20)), NOW_MS)
    first = opened.desk.points("cpu", 0, NOW_MS, 3)
    last = opened.desk.points("cpu", 0, NOW_MS, 3, latest=True)
    assert [point.event_id for point in first] == ["cpu-0", "cpu-1", "cpu-2"]
    assert [point.event_id for point in last] == ["cpu-17", "cpu-18", "cpu-19"]


def test_quarantine_is_read_whole(opened: Opened) -> None:
    Pipeline(opened.store).handle(payload([record(b"{", 3)]), NOW_MS)
    (found,) = opened.desk.quarantined()
    assert found.reason == "not-json"
    assert (found.partition, found.offset, found.payload) == ("0", 3, "{")
    assert found.received_ms == NOW_MS


def test_what_is_said_takes_effect_with_the_next_batch(opened: Opened) -> None:
    """A series that is muted, and told to be all but deaf, sends nothing more."""
    pipeline = Pipeline(opened.store)
    records = history(400, spikes=[300])
    pipeline.handle(payload(records[:200]), NOW_MS)
    waiting = len(opened.store.pending())
    opened.desk.mute("cpu", (START_S + 10_000 * STEP_S) * 1000)
    opened.desk.set_sensitivity("cpu", 1e-9)
    report = pipeline.handle(payload(records[200:]), NOW_MS)
    assert (report.stored, report.alerts, report.strange) == (200, 0, 0)
    opened.desk.set_sensitivity("cpu", 1e9)
    again = pipeline.handle(payload([record(event(500, 500), 500)]), NOW_MS)
    assert again.strange == 1
    assert len(opened.store.pending()) == waiting


def test_reads_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    writer, reader = sqlite_store(tmp_path), sqlite_store(tmp_path)
    write(writer, Scored(alerts=[alert("a")]))
    with writer.store.begin() as transaction:
        transaction.write(Scored(alerts=[alert("b")]), NOW_MS)
        assert [one.alert_id for one in reader.desk.alerts()] == ["a"]
    assert len(reader.desk.alerts()) == 2
