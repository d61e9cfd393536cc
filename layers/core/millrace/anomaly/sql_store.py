"""The store, over either database: batches, the outbox, retention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from millrace.anomaly import digest, purging, statements
from millrace.anomaly.digest import Digest, Pending
from millrace.anomaly.purging import Purged
from millrace.anomaly.session import Session
from millrace.anomaly.store import Swept
from millrace.anomaly.transaction import SqlTransaction


class Database(Protocol):
    """What a database must offer to be a store."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Committed at the end of the block; rolled back, and its errors ours, when it raises."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """Reads of one moment, which hold nobody up and change nothing."""
        ...

    def sweep(self) -> Swept:
        """Run the sweep, in its own transaction."""
        ...


class SqlStore:
    """The pipeline's tables. See `store.Store` for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        """One batch."""
        with self._database.transaction() as session:
            yield SqlTransaction(session)

    def sweep(self) -> Swept:
        """Judge the rows that came in by other ways."""
        return self._database.sweep()

    def pending(self) -> list[Pending]:
        """The alerts that no digest holds yet, oldest first."""
        with self._database.reading() as session:
            return _pending(session, None)

    def claim_digest(self, now_ms: int) -> Digest | None:
        """The next digest: one that waits to be tried again, else a new one of what is pending."""
        with self._database.transaction() as session:
            session.rows(statements.LOCK, {"name": "outbox"})
            since = {"since_ms": now_ms - digest.MINUTE_MS}
            ((tried,),) = session.rows(statements.TRIED, since)
            if tried >= digest.MOST_A_MINUTE:
                return None
            return _due(session, now_ms) or _fresh(session, now_ms)

    def delivered(self, claimed: Digest, message_id: str, now_ms: int) -> None:
        """Note that a digest was delivered."""
        binds = {"digest_id": claimed.digest_id, "message_id": message_id, "now_ms": now_ms}
        with self._database.transaction() as session:
            session.run(statements.DELIVERED, binds)

    def failed(self, claimed: Digest, problem: str, now_ms: int) -> None:
        """Give a digest back. Nothing happens where somebody else claimed it in the meantime."""
        binds = {
            "digest_id": claimed.digest_id,
            "due_ms": digest.retry_at_ms(claimed.attempts, now_ms),
            "problem": problem[:1000],
            "attempts": claimed.attempts,
        }
        with self._database.transaction() as session:
            session.run(statements.FAILED, binds)

    def purgeable(self, before_ms: int) -> Purged:
        """What a purge would delete; nothing is changed."""
        return purging.foreseen(self._database, before_ms)

    def purge(self, before_ms: int) -> Purged:
        """Delete what came before that time."""
        return purging.purge(self._database, before_ms)


def _due(session: Session, now_ms: int) -> Digest | None:
    rows = session.rows(statements.DUE_DIGEST, {"now_ms": now_ms}, most=1)
    if not rows:
        return None
    ((digest_id, title, body, attempts),) = rows
    due_ms = now_ms + digest.LEASE_MS
    named = {"digest_id": digest_id}
    session.run(statements.CLAIM_DIGEST, named | {"now_ms": now_ms, "due_ms": due_ms})
    ids = tuple(row[0] for row in session.rows(statements.DIGEST_ALERTS, named))
    return Digest(digest_id, title, body, ids, int(attempts) + 1)


def _fresh(session: Session, now_ms: int) -> Digest | None:
    pending = _pending(session, digest.MOST_ALERTS)
    if not pending:
        return None
    made = digest.digest_of(pending)
    binds = {
        "digest_id": made.digest_id,
        "title": made.title,
        "body": made.body,
        "now_ms": now_ms,
        "due_ms": now_ms + digest.LEASE_MS,
    }
    session.run(statements.INSERT_DIGEST, binds)
    named = {"digest_id": made.digest_id}
    session.many(statements.ASSIGN, [named | {"alert_id": name} for name in made.alert_ids])
    return made


def _pending(session: Session, most: int | None) -> list[Pending]:
    return [
        Pending(alert_id, series, session.ms(moment), score, reason)
        for alert_id, series, moment, score, reason in session.rows(statements.PENDING, {}, most)
    ]
