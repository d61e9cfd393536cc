"""Oracle's edge: errors become ours, nothing they say gets out, a batch is one transaction."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import oracledb
import pytest
from millrace.anomaly import oracle
from millrace.anomaly.oracle import problem
from millrace.anomaly.pipeline import Pipeline
from millrace.errors import ConfigurationError, MillraceError, Unavailable, WriteConflict

from tests.oci.making import NOW_MS, event, history, payload, record
from tests.oci.oracle_driver import Pool, error


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(str(tmp_path / "test.db"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, WriteConflict),
        (60, Unavailable),  # deadlock
        (3113, Unavailable),  # end of file on communication channel
        (12541, Unavailable),  # no listener
        (30006, Unavailable),  # waited for a lock too long
        (942, ConfigurationError),  # no such table
        (1017, ConfigurationError),  # wrong password
    ],
)
def test_errors_become_ours_without_their_text(code: int, kind: type[MillraceError]) -> None:
    ours = problem(error(code))
    assert type(ours) is kind
    assert f"ORA-{code:05}" in str(ours)
    assert "hunter2" not in str(ours)
    assert "10.0.0.1" not in str(ours)


@pytest.mark.parametrize("of", [socket.gaierror(-2, "db.example.com"), ssl.SSLError(1, "hunter2")])
def test_a_network_that_fails_is_passing(pool: Pool, of: OSError) -> None:
    """The driver lets some of these through as they are."""
    pool.failures.append(("acquire", of))
    with pytest.raises(Unavailable, match=type(of).__name__) as raised:
        Pipeline(oracle.store(pool)).handle(payload(history(3)), NOW_MS)
    assert "example" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_an_error_without_a_code_is_passing() -> None:
    assert type(problem(oracledb.InterfaceError("DPY-1001"))) is Unavailable


def test_a_batch_reads_and_writes_each_table_once(pool: Pool) -> None:
    pipeline = Pipeline(oracle.store(pool))
    records = [
        record(event(i, i, series), i * 3 + n, series)
        for i in range(50)
        for n, series in enumerate(("a", "b", "c"))
    ]
    pipeline.handle(payload(records[:75]), NOW_MS)
    pool.statements.clear()
    pool.acquired = 0
    pipeline.handle(payload(records[75:]), NOW_MS)
    words = [" ".join(text.split()[:3]) for text, _ in pool.statements]
    assert words == [
        "SELECT s.series, s.detector,",
        "SELECT event_id, series,",
        "SELECT event_id, source_offset",
        "INSERT INTO raw_events",
        "UPDATE series_state SET",
    ]
    assert pool.acquired == 1
    sizes = [len(binds) for _, binds in pool.statements[3:] if isinstance(binds, list)]
    assert sizes == [75, 3]


STATEMENTS = ("acquire", "SELECT s.series", "raw_events", "series_state (", "commit")


@pytest.mark.parametrize("at", STATEMENTS)
def test_a_failure_anywhere_leaves_no_trace_and_the_batch_comes_again(pool: Pool, at: str) -> None:
    pipeline = Pipeline(oracle.store(pool))
    body = payload(history(30))
    pool.failures.append((at, error(3113)))
    with pytest.raises(Unavailable):
        pipeline.handle(body, NOW_MS)
    assert pipeline.handle(body, NOW_MS).stored == 30


def test_a_rollback_that_fails_hides_nothing(pool: Pool) -> None:
    pool.failures += [("INSERT INTO raw_events", error(60)), ("rollback", error(3114))]
    with pytest.raises(Unavailable, match="ORA-00060"):
        Pipeline(oracle.store(pool)).handle(payload(history(3)), NOW_MS)


def test_a_commit_whose_answer_is_lost_is_not_done_twice(pool: Pool) -> None:
    pipeline = Pipeline(oracle.store(pool))
    body = payload(history(30))
    pool.failures.append(("answer of the commit", error(3113)))
    with pytest.raises(Unavailable):
        pipeline.handle(body, NOW_MS)
    assert pipeline.handle(body, NOW_MS).duplicates == 30


def test_a_conflict_is_looked_at_again_at_once(pool: Pool) -> None:
    pool.failures.append(("INSERT INTO series_state", error(1, oracledb.IntegrityError)))
    assert Pipeline(oracle.store(pool)).handle(payload(history(3)), NOW_MS).stored == 3


def test_a_conflict_that_stays_is_for_later(pool: Pool) -> None:
    pool.failures += [("INSERT INTO raw_events", error(1)) for _ in range(3)]
    with pytest.raises(WriteConflict):
        Pipeline(oracle.store(pool)).handle(payload(history(3)), NOW_MS)


class Inbox:
    def __init__(self) -> None:
        self.bodies: list[str] = []

    def publish(self, title: str, body: str) -> str:
        self.bodies.append(body)
        return f"m{len(self.bodies)}"


@pytest.mark.parametrize(("failures", "times"), [(1, 1), (2, 1), (3, 2)])
def test_a_delivery_that_cannot_be_noted_at_once_is_not_made_twice(
    pool: Pool, failures: int, times: int
) -> None:
    """Unless the database stays away: then the digest comes again, the same to the byte."""
    inbox = Inbox()
    pipeline = Pipeline(oracle.store(pool), inbox)
    pool.failures = [("delivered_flag = 'Y'", error(3113)) for _ in range(failures)]
    assert pipeline.handle(payload(history(1200, spikes=[1000])), NOW_MS).stored == 1200
    for minutes in (1, 2, 3):
        pipeline.handle(b"[]", NOW_MS + minutes * 60_001)
    assert len(inbox.bodies) == times
    assert len(set(inbox.bodies)) == 1
