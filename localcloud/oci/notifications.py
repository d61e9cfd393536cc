"""Notifications: topics whose messages come into an inbox here, within the service's limits."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field

from localcloud.oci.errors import InvalidParameter, NotFound, TooLarge, TooManyRequests
from localcloud.ports import Clock

MAX_MESSAGE_BYTES = 64 * 1024
MAX_A_MINUTE = 60
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Notice:
    """A message as it was delivered."""

    message_id: str
    title: str | None
    body: str
    time_ms: int


@dataclass(slots=True)
class Inbox:
    """One topic. What was refused is counted, by the code of its answer."""

    topic_id: str
    notices: list[Notice] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    _recent_ms: deque[int] = field(default_factory=deque)

    def take(self, title: str | None, body: str, now_ms: int) -> Notice:
        """Deliver a message. Raises InvalidParameter, TooLarge, TooManyRequests."""
        try:
            self._check(body, now_ms)
        except (InvalidParameter, TooLarge, TooManyRequests) as refusal:
            self.refused[refusal.code] = self.refused.get(refusal.code, 0) + 1
            raise
        self._recent_ms.append(now_ms)
        notice = Notice(str(uuid.uuid4()), title, body, now_ms)
        self.notices.append(notice)
        return notice

    def _check(self, body: str, now_ms: int) -> None:
        if not body:
            raise InvalidParameter("body must not be empty")
        size = len(body.encode())
        if size > MAX_MESSAGE_BYTES:
            raise TooLarge(f"The message has {size} bytes; a topic takes {MAX_MESSAGE_BYTES}")
        while self._recent_ms and now_ms - self._recent_ms[0] >= _MINUTE_MS:
            self._recent_ms.popleft()
        if len(self._recent_ms) >= MAX_A_MINUTE:
            raise TooManyRequests(f"A topic takes {MAX_A_MINUTE} messages a minute")


class Notifications:
    """The topics of one tenancy, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inboxes: dict[str, Inbox] = {}

    def create(self, name: str) -> Inbox:
        """A new topic, by its id made of its name."""
        topic_id = f"ocid1.onstopic.oc1.local.{name}"
        return self._inboxes.setdefault(topic_id, Inbox(topic_id))

    def publish(self, topic_id: str, title: str | None, body: str) -> Notice:
        """Deliver a message to a topic's inbox."""
        if topic_id not in self._inboxes:
            raise NotFound(f"There is no topic {topic_id:.200}")
        return self._inboxes[topic_id].take(title, body, self._clock.now_ms())
