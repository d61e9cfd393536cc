"""What an operator sees and says of anomalies, and what the detector makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly.sql_store import SqlStore

from cli.reference import commands
from tests.cli.anomaly_operator import Operator, pending
from tests.oci.making import NOW_MS, START_S, STEP_S, event, history, record


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


@pytest.fixture
def watched(operator: Operator) -> Operator:
    """A series of 400 with an outage at 300."""
    operator.take(*history(400, spikes=[300, 301]))
    return operator


def test_alerts_are_listed(watched: Operator) -> None:
    done = watched("list", "--json")
    found = done.document["alerts"]
    assert done.document["database"] == f"sqlite:///{watched.path}"
    assert {one["series"] for one in found} == {"cpu"}
    assert all(one["state"] == "open" for one in found)
    assert "cpu-300" in [one["alert_id"] for one in found]
    shown = watched("list").out
    assert "cpu-300" in shown
    assert f"{len(found)} alerts: {len(found)} open." in shown
    assert len(watched("list", "--limit", 1, "--json").document["alerts"]) == 1
    assert "No alerts" in watched("list", "--series", "disk").out


def test_a_narrow_terminal_shows_ids_whole_and_reasons(watched: Operator) -> None:
    long = "a-host-with-a-name/0123456789abcdef0123456789abcdef"
    watched.take(record({**event(400, 900.0), "id": long}, 400, "cpu", "cpu"))
    watched("ack", "cpu-300")
    alerts = watched("list", "--json").document["alerts"]
    shown = watched("list", columns=80).out
    for one in alerts:
        assert any(line.endswith(f"  {one['alert_id']}") for line in shown.splitlines())
    assert " ".join(alerts[0]["reason"].split()) in " ".join(shown.split())
    assert all(len(line) <= 80 or long in line for line in shown.splitlines())
    assert f"{len(alerts)} alerts: " in shown
    assert "1 acknowledged" in shown


def test_a_narrow_terminal_shows_what_is_said_of_series(watched: Operator) -> None:
    header = watched("series", columns=80).out.split("─")[0]
    assert header.split() == ["series", "events", "newest", "(UTC)", "last", "value"]
    watched("sensitivity", "cpu", 0.5)
    assert "sensitivity" in watched("series", columns=80).out
    assert "false alarms" in watched("series").out


def test_a_narrow_terminal_breaks_no_word_of_a_table(watched: Operator) -> None:
    name = "one-of-the-hosts.latency"
    watched.take(record(event(400, 5.0), 400, name, name))
    watched("sensitivity", "cpu", 2)  # one column more
    shown = watched("series", columns=80).out
    assert name in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_narrow_terminal_shows_the_points_around_an_alert_on_a_line_each(
    watched: Operator,
) -> None:
    points = watched("explain", "cpu-300", columns=80).out.rpartition("─")[2].strip().splitlines()
    assert len(points) == 11
    assert any(line.startswith(" ▲   ") for line in points)
    assert "cpu-299" in watched("explain", "cpu-300").out


def test_an_alert_is_acknowledged_once(watched: Operator) -> None:
    first = watched("ack", "cpu-300", "--by", "ann", "--json").document
    assert (first["changed"], first["alert"]["acknowledged_by"]) == (True, "ann")
    again = watched("ack", "cpu-300", "--by", "bob")
    assert again.status == 0
    assert "before, by ann" in again.out
    assert "cpu-300" not in watched("list", "--open").out
    missing = watched("ack", "nothing")
    assert (missing.status, missing.out) == (1, "")
    assert "there is no alert 'nothing'; the list of alerts has their ids" in missing.err


def test_the_login_says_who(watched: Operator) -> None:
    watched("ack", "cpu-300")
    ((who,),) = watched.rows("SELECT acknowledged_by FROM alerts WHERE alert_id = 'cpu-300'")
    assert who


def test_series_are_listed(watched: Operator) -> None:
    watched("mute", "cpu", "--for", "2h")
    (one,) = watched("series", "--json").document["series"]
    assert (one["series"], one["events"], one["muted_until_ms"]) == ("cpu", 400, NOW_MS + 7_200_000)
    assert "until 2027-01-15 10:00:00 UTC" in watched("series").out


# What is said is respected by the next batch, through the pipeline.


def strange(number: int, value: float = 400.0) -> dict[str, Any]:
    return record(event(number, value), number, "cpu", "cpu")


def calm(start: int, count: int) -> list[dict[str, Any]]:
    return history(start + count)[start:]


def test_a_mute_keeps_alerts_and_sends_none(watched: Operator) -> None:
    watched("mute", "cpu", "--until", "2100-01-01", "--json")
    before = pending(watched)
    watched.take(*calm(400, 100), strange(500))
    assert "cpu-500" in [one["alert_id"] for one in watched("list", "--json").document["alerts"]]
    assert pending(watched) == before
    assert watched("unmute", "cpu").status == 0
    watched.take(*calm(501, 200), strange(701, 900.0))
    assert pending(watched) >= {*before, "cpu-701"}


def test_a_mute_ends_by_event_time(watched: Operator) -> None:
    at_ms = (START_S + 450 * STEP_S) * 1000
    watched.now_ms = at_ms - 3_600_000
    done = watched("mute", "cpu", "--for", "1h", "--json").document
    assert done["series"]["muted_until_ms"] == at_ms
    watched.now_ms = NOW_MS
    before = pending(watched)
    watched.take(*calm(400, 20), strange(420), *calm(421, 279), strange(700, 5000.0))
    assert "cpu-420" in watched("list", "--json").out
    assert pending(watched) >= {*before, "cpu-700"}
    early = {f"cpu-{number}" for number in range(400, 450)}
    assert not early & pending(watched)


def test_sensitivity_decides_what_is_strange(tmp_path: Path) -> None:
    def found(sensitivity: float) -> int:
        folder = tmp_path / str(sensitivity)
        folder.mkdir()
        operator = Operator(folder)
        operator.take(*history(150))
        assert operator("sensitivity", "cpu", sensitivity).status == 0
        return int(str(operator.take(*calm(150, 1500)).get("strange", 0)))

    assert found(0.05) < found(1) < found(20)


def test_a_false_alarm_raises_the_bar_for_a_while(watched: Operator) -> None:
    def score(number: int) -> float:
        query = f"SELECT score FROM raw_events WHERE event_id = 'cpu-{number}'"
        return float(watched.rows(query)[0][0])

    copy = Operator(watched.folder / "copy")
    copy.folder.mkdir()
    copy.take(*history(400, spikes=[300, 301]))
    assert "must be stranger" in watched("false-alarm", "cpu-300").out
    assert "before" in watched("false-alarm", "cpu-300").out
    for one in (watched, copy):
        one.take(*calm(400, 100), strange(500))
    own = score(500)
    query = "SELECT score FROM raw_events WHERE event_id = 'cpu-500'"
    other = float(copy.rows(query)[0][0])
    # Half as rare is what one false alarm makes of it: log10 of 2, but for what was forgotten.
    assert 0.25 < other - own < 0.31
    assert watched("list", "--json").document["alerts"][-1]["state"] in ("false alarm", "open")
    assert watched("series", "--json").document["series"][0]["false_alarms"] == 1


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("mute", "cpu"), 2, "--for 2h, or --until"),
        (("mute", "cpu", "--for", "2h", "--until", "2100-01-01"), 2, "Say how long"),
        (("mute", "cpu", "--for", "2 hours"), 2, "such as 90s, 30m, 2h"),
        (("mute", "cpu", "--for", "0s"), 2, "above 0"),
        (("mute", "cpu", "--until", "tomorrow"), 2, "2026-01-31T12:00"),
        (("mute", "disk", "--for", "1h"), 1, "there is no series 'disk'"),
        (("unmute", "disk"), 1, "there is no series 'disk'"),
        (("sensitivity", "cpu", "0"), 1, "a number above 0"),
        (("sensitivity", "cpu", "nan"), 1, "a number above 0"),
        (("sensitivity", "disk", "1"), 1, "there is no series 'disk'"),
        (("false-alarm", "nothing"), 1, "there is no alert"),
        (("explain", "nothing"), 1, "no alert and no event 'nothing'"),
        (("list", "--database", "sqlite:///nowhere.db"), 2, "There is no database nowhere.db"),
        (("list", "--database", "mysql://x"), 2, "must be sqlite:///PATH or oracle://USER@DSN"),
        (("list", "--database", "oracle://u:secret@db"), 2, "without a password"),
        (("list", "--database", "oracle://u@db"), 2, "There is no password of the database"),
    ],
)
def test_what_is_wrong_is_said(
    watched: Operator, words: tuple[str, ...], status: int, problem: str
) -> None:
    done = watched(*words)
    assert (done.status, done.out) == (status, "")
    assert problem in done.err
    assert "u:secret" not in done.err


# Explained.


def test_an_alert_is_explained(watched: Operator) -> None:
    document = watched("explain", "cpu-300", "--points", 40, "--json").document
    assert document["series"] == "cpu"
    assert document["low"] < document["expected"] < document["high"] < 100
    assert document["view"] in ("value", "residual")
    assert document["episode"]["episode_id"] == "cpu-300"
    assert [one["event_id"] for one in document["before"]] == [f"cpu-{n}" for n in range(260, 300)]
    assert document["after"][0]["event_id"] == "cpu-300"
    shown = watched("explain", "cpu-300").out
    for words in (document["alert"]["reason"], "found by", "times as rare", "▲", "●", "░"):
        assert words in shown
    watched("false-alarm", "cpu-300", "--by", "ann")
    assert "by ann" in watched("explain", "cpu-300").out


def test_an_event_that_is_no_alert_is_explained(watched: Operator) -> None:
    shown = watched("explain", "cpu-250").out
    assert "no alert" in shown
    assert "none: it is ordinary" in shown
    learning = watched("explain", "cpu-5", "--json").document
    assert (learning["alert"], learning["view"]) == (None, "learning")


def test_an_alert_whose_events_are_gone_is_explained(watched: Operator) -> None:
    watched.database().connection.execute("DELETE FROM raw_events")
    done = watched("explain", "cpu-300")
    assert done.status == 0
    assert "between" in done.out
    assert watched("explain", "cpu-300", "--json").document["event"] is None


def test_a_counter_is_explained_by_its_rate(operator: Operator) -> None:
    rows = [record(event(n, n * 50 + n % 3), n, "cpu", "cpu") for n in range(400)]
    operator.take(*rows)
    point = operator("explain", "cpu-350", "--json").document["event"]["point"]
    assert point["rate"] == pytest.approx(50 / STEP_S, abs=0.02)
    assert "rate per second" in operator("explain", "cpu-350").out


def test_what_the_sweep_raised_is_explained(operator: Operator) -> None:
    for number in range(60):
        operator.database().connection.execute(
            "INSERT INTO raw_events (event_id, event_time, metric_value, series)"
            " VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', ?, 'unixepoch'), ?, 'disk')",
            (f"d{number}", START_S + 60 * number, 90 if number == 50 else 5 + number % 3),
        )
    SqlStore(operator.database()).sweep()
    shown = operator("explain", "d50").out
    assert "of the sweep's bar" in shown
    assert "1 strange point in 0 s" in shown
    document = operator("explain", "d50", "--json").document
    assert document["low"] < document["expected"] < document["high"] < 90
    assert document["expected"] == document["event"]["point"]["expected"]
    assert "disk" in operator("series").out
    assert operator("mute", "disk", "--for", "1h").status == 0


# Safe to show.


def test_nothing_that_came_from_outside_commands_the_terminal(operator: Operator) -> None:
    rows = history(200, "evil")
    for row in rows:
        row["key"] = "Y3B1GyQbWzMxbQ=="  # cpu, ESC $ ESC [31m
    operator.take(*rows, record(b"\x1b[31m{", 999))
    for words in (("series",), ("list",), ("quarantine", "list"), ("explain", "evil-150")):
        done = operator(*words)
        assert done.status == 0
        assert "\x1b" not in done.out + done.err
        assert "\x1b" not in operator(*words, "--json").out


def test_every_command_of_the_group_is_json(watched: Operator, tmp_path: Path) -> None:
    watched.take(record(event(900, "x"), 900))
    kept = watched("quarantine", "list", "--json").document["records"][0]["quarantine_id"]
    path = tmp_path / "values.csv"
    path.write_text("time,value\n" + "".join(f"{60 * n},{n % 5}\n" for n in range(150)))
    examples: dict[str, list[object]] = {
        "list": [],
        "series": [],
        "ack": ["cpu-300"],
        "false-alarm": ["cpu-300"],
        "mute": ["cpu", "--for", "1h"],
        "unmute": ["cpu"],
        "sensitivity": ["cpu", 2],
        "explain": ["cpu-300"],
        "score": [path],
        "backfill": [path],
        "purge": [],
        "quarantine list": [],
        "quarantine show": [kept],
        "quarantine redrive": [kept, "--dry-run"],
    }
    start = "millrace anomalies "
    group = {name.removeprefix(start) for name in commands() if name.startswith(start)}
    # Serving has no end; its own tests hold what it says.
    assert set(examples) == group - {"serve"}
    for name, words in examples.items():
        assert isinstance(watched(*name.split(), *words, "--json").document, dict), name
