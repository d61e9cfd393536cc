"""From the outbox to a topic: claim a digest, publish it, note what came of it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from millrace.anomaly.digest import Digest
from millrace.errors import MillraceError, TransientError

_TRIES = 3


class Outbox(Protocol):
    """What delivering needs of a store."""

    def claim_digest(self, now_ms: int) -> Digest | None: ...

    def delivered(self, claimed: Digest, message_id: str, now_ms: int) -> None: ...

    def failed(self, claimed: Digest, problem: str, now_ms: int) -> None: ...


class Topic(Protocol):
    """Where alerts go."""

    def publish(self, title: str, body: str) -> str:
        """The message's id. Raises MillraceError where it was not taken."""
        ...


class Delivery(NamedTuple):
    """What came of one digest."""

    alerts: int
    problem: str | None = None


def deliver(outbox: Outbox, topic: Topic, now_ms: int) -> Delivery | None:
    """Deliver the next digest, if one is due.

    It is leased while it is published. Whoever dies in between leaves it to the next caller after
    the lease, with the same id: the alerts come once, unless the topic took the message and nobody
    lived to note it. A failure is noted and no more, for the alert is safe in the outbox.
    """
    digest = outbox.claim_digest(now_ms)
    if digest is None:
        return None
    try:
        message_id = topic.publish(digest.title, digest.body)
    except MillraceError as error:
        outbox.failed(digest, f"{type(error).__name__}: {error}", now_ms)
        return Delivery(0, str(error))
    _note(outbox, digest, message_id, now_ms)
    return Delivery(len(digest.alert_ids))


def _note(outbox: Outbox, digest: Digest, message_id: str, now_ms: int) -> None:
    """What is not noted as delivered goes out again: a failure of a moment must not do that."""
    for _ in range(_TRIES - 1):
        try:
            outbox.delivered(digest, message_id, now_ms)
        except TransientError:
            continue
        return
    outbox.delivered(digest, message_id, now_ms)
