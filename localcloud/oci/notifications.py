"""Notifications: topics whose messages come into an inbox here, within the service's limits.

Whoever has subscribed to a topic and confirmed it gets them as well (`postman`).
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localcloud.oci.errors import InvalidParameter, NotFound, TooLarge, TooManyRequests
from localcloud.oci.subscriptions import ACTIVE, DELETED, Subscription, checked
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
class Minute:
    """How much a minute allows; what is older than that is forgotten."""

    most: int
    _recent_ms: deque[int] = field(default_factory=deque)

    def wait_ms(self, now_ms: int) -> int:
        """How long until one more is allowed; 0 is now."""
        while self._recent_ms and now_ms - self._recent_ms[0] >= _MINUTE_MS:
            self._recent_ms.popleft()
        if len(self._recent_ms) < self.most:
            return 0
        return self._recent_ms[0] + _MINUTE_MS - now_ms

    def note(self, now_ms: int) -> None:
        """One more."""
        self._recent_ms.append(now_ms)


@dataclass(slots=True)
class Inbox:
    """One topic. What was refused is counted, by the code of its answer."""

    topic_id: str
    name: str = ""
    made_ms: int = 0
    notices: list[Notice] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    _minute: Minute = field(default_factory=lambda: Minute(MAX_A_MINUTE))

    def take(self, title: str | None, body: str, now_ms: int) -> Notice:
        """Deliver a message. Raises InvalidParameter, TooLarge, TooManyRequests."""
        try:
            self._check(title or "", body, now_ms)
        except (InvalidParameter, TooLarge, TooManyRequests) as refusal:
            self.refused[refusal.code] = self.refused.get(refusal.code, 0) + 1
            raise
        self._minute.note(now_ms)
        notice = Notice(str(uuid.uuid4()), title, body, now_ms)
        self.notices.append(notice)
        return notice

    def _check(self, title: str, body: str, now_ms: int) -> None:
        if not body:
            raise InvalidParameter("body must not be empty")
        if any(ord(sign) < 32 or ord(sign) == 127 for sign in title):
            raise InvalidParameter("title must be one line: it becomes the subject of a mail")
        size = len(body.encode()) + len(title.encode())
        if size > MAX_MESSAGE_BYTES:
            raise TooLarge(f"The message has {size} bytes; a topic takes {MAX_MESSAGE_BYTES}")
        if self._minute.wait_ms(now_ms):
            raise TooManyRequests(f"A topic takes {MAX_A_MINUTE} messages a minute")


class Post(Protocol):
    """Who carries messages to subscribers."""

    def ask(self, inbox: Inbox, subscription: Subscription) -> None:
        """Send the question whether messages are wanted."""
        ...

    def send(self, inbox: Inbox, subscription: Subscription, notice: Notice) -> None:
        """Send a message."""
        ...


class Notifications:
    """The topics of one tenancy, in memory."""

    def __init__(self, clock: Clock, post: Post | None = None) -> None:
        self.clock = clock
        self._post = post
        self._inboxes: dict[str, Inbox] = {}
        self._subscriptions: dict[str, Subscription] = {}

    def create(self, name: str) -> Inbox:
        """A new topic, by its id made of its name."""
        topic_id = f"ocid1.onstopic.oc1.local.{name}"
        made = Inbox(topic_id, name, self.clock.now_ms())
        return self._inboxes.setdefault(topic_id, made)

    def topics(self) -> Sequence[Inbox]:
        """All of them."""
        return tuple(self._inboxes.values())

    def topic(self, topic_id: str) -> Inbox:
        """A topic by its id."""
        if topic_id not in self._inboxes:
            raise NotFound(f"There is no topic {topic_id:.200}")
        return self._inboxes[topic_id]

    def publish(self, topic_id: str, title: str | None, body: str) -> Notice:
        """Deliver a message to a topic's inbox, and send it to whoever has subscribed."""
        inbox = self.topic(topic_id)
        notice = inbox.take(title, body, self.clock.now_ms())
        for one in self.subscriptions(topic_id):
            if one.state == ACTIVE and self._post is not None:
                self._post.send(inbox, one, notice)
        return notice

    def subscribe(self, topic_id: str, protocol: str, endpoint: str) -> Subscription:
        """A new subscription, which is asked to confirm; the one that is there where it is."""
        inbox = self.topic(topic_id)
        checked(protocol, endpoint)
        for one in self.subscriptions(topic_id):
            if (one.protocol, one.endpoint) == (protocol, endpoint):
                return one
        made_ms = self.clock.now_ms()
        made = Subscription(
            f"ocid1.onssubscription.oc1.local.{uuid.uuid4().hex}",
            *(topic_id, protocol, endpoint, made_ms),
        )
        self._subscriptions[made.id] = made
        self.ask(made, inbox)
        return made

    def ask(self, subscription: Subscription, inbox: Inbox | None = None) -> None:
        """Have it confirmed (again)."""
        subscription.asked_ms = self.clock.now_ms()
        if self._post is not None:
            self._post.ask(inbox or self.topic(subscription.topic_id), subscription)

    def subscriptions(self, topic_id: str | None = None) -> Sequence[Subscription]:
        """All of them, or a topic's."""
        return [one for one in self._subscriptions.values() if topic_id in (None, one.topic_id)]

    def subscription(self, subscription_id: str) -> Subscription:
        """A subscription by its id."""
        if subscription_id not in self._subscriptions:
            raise NotFound(f"There is no subscription {subscription_id:.200}")
        return self._subscriptions[subscription_id]

    def unsubscribe(self, subscription_id: str) -> None:
        """Send nothing more, what is on its way included."""
        self.subscription(subscription_id).state = DELETED
        del self._subscriptions[subscription_id]
