"""The demo's metrics: what is streamed, and that its proof notices whatever is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.sqlite import SqliteDatabase, store
from millrace.errors import ConfigurationError
from rich.console import Console

from localcloud.demo.anomalies.board import sparkline
from localcloud.demo.anomalies.checking import Check, alerts_in, check, latencies_ms
from localcloud.demo.anomalies.hints import write_environment
from localcloud.demo.anomalies.labelled import LABELS, read_folder
from localcloud.demo.anomalies.made import METRICS, POINTS, STEP_S, made
from localcloud.demo.anomalies.reading import Tally, found, tally
from localcloud.demo.anomalies.recomputing import Expected, recompute
from localcloud.demo.anomalies.replay import Metric, Stretch, live, past, spoiled, stretches
from localcloud.demo.anomalies.summary import Hits, Summary
from localcloud.lag import Lag
from localcloud.oci.batching import payload
from localcloud.oci.connector import Counters
from localcloud.oci.notifications import Notice
from localcloud.oci.stream import Stream
from tests.localcloud.clock import ManualClock

NOW_S = 1_800_000_000.0
WEEK_S = 7 * 86_400


def some(points: int = 150, seed: int = 1) -> list[Stretch]:
    """Four short series."""
    cut = made(seed)[:4]
    return stretches(cut, points, NOW_S)


# ---- series -----------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_series() -> None:
    assert made(3) == made(3)
    assert made(3)[0].values != made(4)[0].values
    assert [one.name for one in made(3)] == [metric.name for metric in METRICS]
    for one in made(3):
        assert len(one.times_s) == len(one.values) == POINTS
        (window,) = one.windows
        assert window[0] > POINTS - 288


def test_a_folder_is_read_in_turn(tmp_path: Path) -> None:
    names = ["realTraffic/speed.csv", "realTraffic/zeal.csv", "realKnownCause/taxi.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        rows = [f"2014-01-0{day} 00:00:00,{day}.5" for day in range(1, 6)]
        (tmp_path / name).write_text("\n".join(["timestamp,value", *rows]))
    span = ["2014-01-02 00:00:00.000000", "2014-01-04 00:00:00.000000"]
    labels: dict[str, list[list[str]]] = {name: [span] for name in names}
    labels["realTraffic/absent.csv"] = []
    (tmp_path / LABELS).write_text(json.dumps(labels))
    assert [one.name for one in read_folder(tmp_path, 9)] == ["taxi", "speed", "zeal"]
    (taxi,) = read_folder(tmp_path, 1)
    assert taxi.values == [1.5, 2.5, 3.5, 4.5, 5.5]
    assert taxi.windows == [range(1, 4)]
    assert taxi.times_s[0] == 1_388_534_400.0


@pytest.mark.parametrize("labels", [None, "{", "[]", '{"x/no.csv": [["a", "b"]]}', "{}"])
def test_a_folder_that_is_none_is_told(labels: str | None, tmp_path: Path) -> None:
    if labels is not None:
        (tmp_path / LABELS).write_text(labels)
    with pytest.raises(ConfigurationError, match=LABELS):
        read_folder(tmp_path, 8)


# ---- what is streamed -------------------------------------------------------------------------


def test_a_stretch_keeps_hours_and_weekdays_and_ends_about_now() -> None:
    for before, one in zip(made(1)[:4], some(), strict=True):
        (window,) = one.live_windows
        shift_s = one.times_s[window[0]] - before.times_s[before.windows[0][0]]
        assert shift_s % WEEK_S == 0
        assert NOW_S - WEEK_S <= one.times_s[-1] <= NOW_S
        assert len(one.values) - one.live == 150
        assert one.values[window[0]] == before.values[before.windows[0][0]]


def test_past_and_live_are_every_point_once_in_its_order() -> None:
    series = some()
    sent = [*past(series, 0, 50), *past(series, 50), *live(series, 10.0)]
    by_series: dict[str, list[str]] = {}
    for metric in sent:
        by_series.setdefault(metric.key.decode(), []).append(json.loads(metric.data)["id"])
    for one in series:
        assert by_series[one.name] == [one.event_id(index) for index in range(len(one.values))]
    shown = [metric.due_s for metric in live(series, 10.0)]
    assert shown == sorted(shown)
    assert 14.8 < shown[-1] < 15.0, "150 points of each, ten a second"


def test_what_is_spoiled_is_not_lost_and_never_due_before_what_was_sent() -> None:
    clean = list(live(some(1_000), 10.0))
    sent = list(spoiled(clean, seed=1))
    assert Counter(sent_data(clean)) - Counter(sent_data(sent)) == Counter()
    assert len(sent) > 1.01 * len(clean)
    due = [metric.due_s for metric in sent]
    assert due == sorted(due)
    assert sent == list(spoiled(clean, seed=1))


def sent_data(metrics: Sequence[Metric]) -> list[bytes]:
    return [metric.data for metric in metrics]


# ---- the proof --------------------------------------------------------------------------------


class Ran(NamedTuple):
    """A finished run without a cloud: the pipeline in this process, a list for an inbox."""

    database: Path
    stream: Stream
    expected: Expected
    notices: list[Notice]

    def checked(self) -> Check:
        return check(self.expected, found(self.database), self.notices)


class Inbox:
    """A topic that keeps what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def publish(self, title: str, body: str) -> str:
        self.notices.append(Notice("id", title, body, 1_000 * int(NOW_S) + 700))
        return "id"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    clock = ManualClock(1_000 * int(NOW_S))
    stream = Stream("ocid1.stream.oc1.local.metrics", "metrics", clock, partitions=2)
    series = some(1_000)
    for metric in spoiled(live(series, 10.0), seed=1):
        stream.put([(metric.key, metric.data)])
    database, inbox = tmp_path_factory.mktemp("ran") / "millrace.db", Inbox()
    pipeline = Pipeline(store(database), inbox)
    for name in stream.partitions:
        pipeline.handle(payload("metrics", list(stream.partition(name).read(0))), clock.now_ms())
    expected = recompute(stream.partition(name).read(0) for name in stream.partitions)
    return Ran(database, stream, expected, inbox.notices)


@pytest.fixture
def ran(untouched: Ran, tmp_path: Path) -> Ran:
    """A copy that a test may harm."""
    database = tmp_path / "millrace.db"
    with contextlib.closing(sqlite3.connect(untouched.database)) as connection:
        connection.execute("VACUUM INTO ?", (str(database),))
    return untouched._replace(database=database, notices=list(untouched.notices))


def test_a_clean_run_is_exact(ran: Ran) -> None:
    checked = ran.checked()
    assert checked.exact, checked
    assert checked.wrong == []
    assert checked.metrics == checked.rows + checked.duplicates + checked.quarantined
    assert checked.rows == checked.scored + checked.late
    for number in ("alerts", "strange", "late", "duplicates", "quarantined"):
        assert getattr(checked, number) > 0, number
    assert checked.delivered == checked.alerts


def change(statement: str) -> Callable[[Ran], object]:
    def run(ran: Ran) -> None:
        with sqlite3.connect(ran.database) as connection:
            assert connection.execute(statement).rowcount == 1
        connection.close()

    return run


ANY = "WHERE rowid = (SELECT MIN(rowid) FROM"
HARM: dict[str, Callable[[Ran], object]] = {
    "a flag": change(
        f"UPDATE raw_events SET anomaly_flag = 'Y' {ANY} raw_events WHERE anomaly_flag = 'N')"
    ),
    "a score": change(
        f"UPDATE raw_events SET score = score + 1e-9 {ANY} raw_events WHERE score > 1)"
    ),
    "a row": change(f"DELETE FROM raw_events {ANY} raw_events)"),
    "an alert": change(f"DELETE FROM alerts {ANY} alerts)"),
    "a muted alert": change(f"UPDATE alerts SET muted_flag = 'Y' {ANY} alerts)"),
    "an episode": change(f"UPDATE episodes SET strange_points = 99 {ANY} episodes)"),
    "a state": change(
        "UPDATE series_state SET newest_ms = 1 WHERE series = (SELECT MIN(series) FROM raw_events)"
    ),
    "a record in quarantine": change(f"DELETE FROM quarantine {ANY} quarantine)"),
    "an alert that came twice": lambda ran: ran.notices.append(ran.notices[0]),
    "an alert that never came": lambda ran: ran.notices.pop(),
    "an alert of nobody": lambda ran: ran.notices.append(
        ran.notices[0].__class__("id", None, '{"alerts": [{"id": "nobody"}]}', 0)
    ),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_whatever_is_wrong_is_noticed(ran: Ran, harm: Callable[[Ran], object]) -> None:
    harm(ran)
    assert not ran.checked().exact


def test_nothing_at_all_proves_nothing(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path / "empty.db").close()
    assert not check(Expected(), found(tmp_path / "empty.db"), []).exact


def test_latency_is_from_the_stream_to_the_message(ran: Ran) -> None:
    messages = [m for name in ran.stream.partitions for m in ran.stream.partition(name).read(0)]
    times_ms = latencies_ms(messages, ran.notices)
    assert times_ms == [700.0] * sum(len(alerts_in(notice)) for notice in ran.notices)


def test_the_tally_is_of_what_stands_there(ran: Ran, tmp_path: Path) -> None:
    checked = ran.checked()
    counts, latest = tally(ran.database, 2)
    assert counts == Tally(checked.rows, checked.strange, checked.alerts, 0, checked.quarantined)
    assert len(latest) == 2
    assert tally(tmp_path / "none.db") == (Tally(), [])
    sqlite3.connect(tmp_path / "young.db").close()
    assert tally(tmp_path / "young.db") == (Tally(), [])


def test_steps_are_even() -> None:
    assert {
        b - a for one in made(1) for a, b in zip(one.times_s, one.times_s[1:], strict=False)
    } == {STEP_S}


# ---- what one sees ----------------------------------------------------------------------------


def test_the_variables_of_a_kept_cloud_are_a_shells_and_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("old")
    write_environment(file, {"MILLRACE_DATABASE": "sqlite:////a place/x.db", "TOKEN": "it's $1"})
    assert file.stat().st_mode & 0o777 == 0o600
    told = f'. {file} && printf "%s|%s" "$MILLRACE_DATABASE" "$TOKEN"'
    ended = subprocess.run(["sh", "-c", told], capture_output=True, text=True, check=True)
    assert ended.stdout == "sqlite:////a place/x.db|it's $1"


def test_an_alert_is_shown_with_the_values_before_it(ran: Ran) -> None:
    _, (alert,) = tally(ran.database, 1)
    assert 2 <= len(alert.values) <= 14
    assert len(sparkline(alert.values)) == len(alert.values)
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 0}, "No metric was stored."),
        ({"metrics": 12}, "2 metrics were lost."),
        ({"metrics": 8}, "2 metrics count more than once."),
        ({"undelivered": 1}, "1 alerts were not delivered."),
        ({"repeated": 3}, "3 alerts were delivered more than once."),
        ({"mismatches": 1, "wrong": ["rows a/1: is not there"]}, "rows a/1: is not there"),
    ],
)
def test_the_summary_says_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    right: dict[str, Any] = {"metrics": 10, "rows": 10, "compared": dict.fromkeys(TABLES, 1)}
    assert "Exact: 1 rows" in shown(Check(**right))
    text = shown(Check(**{**right, **changes}))
    assert "Not exact." in text
    assert words in text


TABLES = ("rows", "alerts", "episodes", "states", "quarantine")


def shown(checked: Check) -> str:
    counters = Counters(lost_answers=1)
    latency, hits = Lag(1.0, 2.0), Hits(1, 2)
    summary = Summary(checked, "made series", hits, 8, latency, counters, 1.0, 3.0)
    console = Console(width=80, file=io.StringIO())
    with console.capture() as captured:
        console.print(summary.rendered())
    text = captured.get()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.replace("│", " ").split())
