"""Repeat, reorder, fail and kill: rows, alerts and states equal those of a clean run.

The connector keeps the order of a partition and delivers at least once. So a batch comes again,
whole or cut anew, until it was answered, and anything that was answered may come again later; in
a batch any order is borne. The clean run is one record after the other, in the order of offsets.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly import oracle
from millrace.anomaly.delivery import deliver
from millrace.anomaly.digest import LEASE_MS, Digest
from millrace.anomaly.pipeline import Pipeline
from millrace.anomaly.sql_store import SqlStore
from millrace.errors import TransientError, Unavailable

from tests.oci.making import NOW_MS, Kept, event, history, payload, record
from tests.oci.oracle_driver import Pool, error

# Where a run is broken: before each kind of statement, and around the commit.
BREAKS = (
    "acquire",
    "SELECT s.series",
    "SELECT event_id, series",
    "INSERT INTO raw_events",
    "INSERT INTO series_state",
    "UPDATE series_state",
    "INSERT INTO alerts",
    "INSERT INTO episodes",
    "INSERT INTO quarantine",
    "SELECT name FROM locks",
    "INSERT INTO digests",
    "UPDATE digests",
    "commit",
    "answer of the commit",
)


class Killed(BaseException):
    """The function is gone: nothing runs after it but what the database does by itself."""


class Inbox:
    """A topic that fails, dies before it takes a message, and never after."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.messages: dict[str, str] = {}
        self.alerts: Counter[str] = Counter()
        self.broken = True

    def publish(self, title: str, body: str) -> str:
        chance = self.rng.random() if self.broken else 1.0
        if chance < 0.2:
            raise Unavailable("the topic does not answer")
        if chance < 0.3:
            raise Killed
        document = json.loads(body)
        self.alerts.update(alert["id"] for alert in document["alerts"])
        return str(document["digest"])


def partitions(seed: int) -> list[list[dict[str, Any]]]:
    """Three series in two partitions, with poison, repeated, late and conflicting events."""
    rng = random.Random(seed)
    found: list[list[dict[str, Any]]] = []
    for names in (("cpu", "memory"), ("disk",)):
        # Each series in its order, as its producer sends it, now and then disturbed.
        spikes = rng.sample(range(200, 500), 8)
        queues = {name: iter(history(600, name, seed, spikes)) for name in names}
        mixed = [next(queues[rng.choice(names)], None) for _ in range(1100)]
        records = [one for one in mixed if one is not None]
        for _ in range(30):
            at = rng.randrange(1, len(records))
            disturbance = rng.choice(
                [
                    rng.choice(records[:at]),
                    record(b"{", 0),
                    record(event(0, "no number"), 0),
                    _late(at, names[0]),
                ]
            )
            records.insert(at, disturbance)
        found.append(
            [
                one | {"offset": offset, "partition": str(len(found))}
                for offset, one in enumerate(records)
            ]
        )
    return found


def _late(number: int, series: str) -> dict[str, Any]:
    return record(event(number % 50, 1.0, series) | {"id": f"late-{series}-{number}"}, 0, series)


def clean(seed: int) -> Kept:
    kept = Kept()
    for one in [one for partition in partitions(seed) for one in partition]:
        kept.handle([one])
    return kept


def batches(seed: int, rng: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Batches as a connector cuts them: partitions interleaved, each in its order."""
    waiting = partitions(seed)
    while any(waiting):
        batch: list[dict[str, Any]] = []
        for partition in waiting:
            size = rng.randint(0, 150)
            batch += partition[:size]
            del partition[:size]
        if batch:
            yield batch


class Run:
    """A pipeline over the driver, broken at random, and the connector that does not give up."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.pool = Pool(str(path))
        self.inbox = Inbox(self.rng)
        self.now_ms = NOW_MS
        self.broken: Counter[str] = Counter()
        self.pipeline = Pipeline(oracle.store(self.pool), self.inbox)

    def push(self, batch: list[dict[str, Any]]) -> None:
        """Deliver until it is answered, in any order within the batch."""
        while True:
            self.rng.shuffle(batch)
            self.now_ms += self.rng.randint(0, 12_000)
            self._break_something()
            try:
                self.pipeline.handle(payload(batch), self.now_ms)
            except TransientError:
                continue
            except Killed:
                # A new process: nothing of the old one is left.
                self.pool.database.connection.rollback()
                self.pipeline = Pipeline(oracle.store(self.pool), self.inbox)
                continue
            finally:
                self.pool.failures.clear()
            return

    def _break_something(self) -> None:
        if self.rng.random() < 0.6:
            where = self.rng.choice(BREAKS)
            problem: BaseException = error(3113) if self.rng.random() < 0.5 else Killed()
            self.broken[where] += 1
            self.pool.failures.append((where, problem))  # type: ignore[arg-type]

    def drain(self) -> None:
        """What waits in the outbox, without further harm."""
        self.inbox.broken = False
        store = oracle.store(self.pool)
        for _ in range(50):
            self.now_ms += LEASE_MS + 700_000
            deliver(store, self.inbox, self.now_ms)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_end_is_that_of_a_clean_run(seed: int, tmp_path: Path) -> None:
    wanted = clean(seed)
    run = Run(tmp_path / "test.db", seed)
    answered: list[list[dict[str, Any]]] = []
    for batch in batches(seed, run.rng):
        run.push(batch)
        answered.append(batch)
        if run.rng.random() < 0.3:  # something old comes again
            run.push(list(run.rng.choice(answered)))
    run.drain()
    assert len(run.broken) > 5
    found = Kept(run.pool.database)
    assert found.results() == wanted.results()
    alerts = {name for (name,) in wanted.rows("SELECT alert_id FROM alerts")}
    assert alerts
    assert run.inbox.alerts == Counter(alerts)  # each once
    assert found.rows("SELECT COUNT(*) FROM digests WHERE delivered_flag = 'N'") == [(0,)]


def test_there_is_something_of_everything() -> None:
    kept = clean(0)
    counts = {
        "late": kept.rows("SELECT COUNT(*) FROM raw_events WHERE late_flag = 'Y'"),
        "strange": kept.rows("SELECT COUNT(*) FROM raw_events WHERE anomaly_flag = 'Y'"),
        "poison": kept.rows("SELECT COUNT(*) FROM quarantine"),
        "series": kept.rows("SELECT COUNT(*) FROM series_state WHERE events > 400"),
    }
    assert all(count[0][0] > 2 for count in counts.values()), counts


class LostAnswer:
    """A topic that takes each message, and whose first answer is lost."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def publish(self, title: str, body: str) -> str:
        self.bodies.append(body)
        if len(self.bodies) == 1:
            raise Killed
        return "message"


def test_a_repetition_can_be_told_by_its_id() -> None:
    """The one thing that nobody can rule out: it was taken, and nobody lived to note it."""
    kept = Kept()
    topic = LostAnswer()
    with pytest.raises(Killed):
        Pipeline(kept.store, topic).handle(payload(history(1200, spikes=[900])), NOW_MS)
    assert _due(kept.store, NOW_MS + LEASE_MS - 1) is None
    deliver(kept.store, topic, NOW_MS + LEASE_MS)
    first, second = topic.bodies
    assert first == second


def _due(store: SqlStore, now_ms: int) -> Digest | None:
    return store.claim_digest(now_ms)
