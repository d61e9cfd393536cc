"""Several at once on one file, and what a sweep costs."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

from millrace.anomaly import sqlite
from millrace.anomaly.delivery import deliver
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.scoring import Scored
from millrace.anomaly.sweep import NewRow

from tests.oci.making import NOW_MS, START_S, Kept, event, payload, record
from tests.oci.test_sweep import put
from tests.oci.written import alert


def test_invocations_side_by_side_lose_nothing(tmp_path: Path) -> None:
    """One series in three partitions, and a sweeper: a transaction is alone with its series."""
    path = tmp_path / "millrace.db"
    sqlite.store(path)
    count, problems = 12, []

    def feed(partition: int) -> None:
        pipeline = Pipeline(sqlite.store(path))
        for batch in range(count):
            number = batch * 3 + partition
            own = f"own-{partition}"
            rows = [
                record(event(number, number), number, "cpu", str(partition)),
                record(event(number, 1, own), number + 1000, own, str(partition)),
            ]
            try:
                pipeline.handle(payload(rows), NOW_MS)
            except Exception as error:  # what a thread raises must fail the test
                problems.append(error)

    def sweeps() -> None:
        store = sqlite.store(path)
        for _ in range(count):
            store.sweep()

    threads = [threading.Thread(target=feed, args=(n,)) for n in range(3)]
    threads.append(threading.Thread(target=sweeps))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    kept = Kept(sqlite.SqliteDatabase(path))
    ((events, late),) = kept.rows(
        "SELECT events, late_events FROM series_state WHERE series = 'cpu'"
    )
    assert events + late == 3 * count
    assert kept.rows("SELECT COUNT(*) FROM raw_events WHERE event_id LIKE 'cpu-%'") == [(36,)]


def test_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    pipeline, problems = Pipeline(sqlite.store(tmp_path / "millrace.db")), []

    def feed(thread: int) -> None:
        for number in range(20):
            name = f"s{number % 3}"
            one = event(number, number, name) | {"id": f"{thread}-{number}"}
            try:
                pipeline.handle(payload([record(one, number, name, str(thread))]), NOW_MS)
            except Exception as error:  # what a thread raises must fail the test
                problems.append(error)

    threads = [threading.Thread(target=feed, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    kept = Kept(sqlite.SqliteDatabase(tmp_path / "millrace.db"))
    assert kept.rows("SELECT SUM(events + late_events) FROM series_state") == [(80,)]


class Inbox:
    def __init__(self) -> None:
        self.alerts: Counter[str] = Counter()

    def publish(self, title: str, body: str) -> str:
        # Outside any transaction: others claim in the meantime.
        self.alerts.update(alert["id"] for alert in json.loads(body)["alerts"])
        return "m"


def test_many_deliver_at_once_and_no_alert_twice(tmp_path: Path) -> None:
    store = sqlite.store(tmp_path / "millrace.db")
    names = [f"a{number:03}" for number in range(950)]
    with store.begin() as transaction:
        transaction.write(Scored(alerts=[alert(name) for name in names]), NOW_MS)
    inbox, problems = Inbox(), []

    def delivers() -> None:
        own = sqlite.store(tmp_path / "millrace.db")
        try:
            while deliver(own, inbox, NOW_MS) is not None:
                pass
        except Exception as error:  # what a thread raises must fail the test
            problems.append(error)

    threads = [threading.Thread(target=delivers) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert inbox.alerts == Counter(names)


def steps_of_a_sweep(old: int, new: int) -> int:
    """What SQLite does for a sweep, in thousands of its steps."""
    kept, done = Kept(), 0

    def step() -> int:
        nonlocal done
        done += 1
        return 0

    put(kept, [NewRow(f"old-{i:06}", START_S + i, i % 7) for i in range(old)])
    kept.store.sweep()
    put(kept, [NewRow(f"new-{i:06}", START_S + old + i, i % 7) for i in range(new)])
    kept.database.connection.set_progress_handler(step, 1000)
    assert kept.store.sweep().rows == new
    return done


def test_a_sweep_costs_what_is_new() -> None:
    few, many = steps_of_a_sweep(1000, 500), steps_of_a_sweep(20_000, 500)
    assert many < 1.2 * few


def test_a_sweep_costs_in_proportion_to_what_is_new() -> None:
    some, ten_times = steps_of_a_sweep(10, 1000), steps_of_a_sweep(10, 10_000)
    assert ten_times < 14 * some
