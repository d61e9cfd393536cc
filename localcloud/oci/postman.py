"""Messages on their way to subscribers: one after the other for each, tried again and again.

The waits double from a second to a minute, until the subscription's retry duration is over; then
the message is given up and counted. An endpoint gets 60 messages a minute by HTTP and 10 by mail;
those above wait. Mail goes nowhere but into `mail`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import orjson

from localcloud.faults.injector import Injector
from localcloud.faults.plan import When
from localcloud.oci.notifications import Inbox, Minute, Notice
from localcloud.oci.subscriptions import DELETED, MAIL, Subscription
from localcloud.ports import Clock

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_TIMEOUT_S = 10
_A_MINUTE = {MAIL: 10}
_A_MINUTE_BY_HTTP = 60


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be delivered: the headers of a webhook, subject and body."""

    headers: dict[str, str]
    title: str | None
    body: str
    question: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """A message in somebody's mail box."""

    title: str | None
    body: str


class Postman:
    """Carries letters while `running` lasts; implements `notifications.Post`.

    `base` tells the address of the local cloud, for the links in questions.
    """

    def __init__(self, clock: Clock, injector: Injector, base: Callable[[], str]) -> None:
        self.mail: dict[str, list[Mail]] = defaultdict(list)
        self._clock = clock
        self._injector = injector
        self._base = base
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # A transport of its own: no proxy of the environment stands before loopback.
        transport = httpx.AsyncHTTPTransport(verify=ssl.create_default_context())
        self._client = httpx.AsyncClient(
            transport=transport, timeout=_TIMEOUT_S, follow_redirects=False
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Postman]:
        """Until the block ends, when what is not delivered is dropped."""
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._client.aclose()

    def ask(self, inbox: Inbox, subscription: Subscription) -> None:
        """Send the question whether messages are wanted."""
        url = self.confirmation_url(subscription)
        headers = self._headers(inbox, subscription, "SubscriptionConfirmation", subscription.id)
        headers["X-OCI-NS-ConfirmationURL"] = url
        title = f"Confirm the subscription to {inbox.name}"
        body = orjson.dumps({"ConfirmationURL": url}).decode()
        self._put(subscription, Letter(headers, title, body, question=True))

    def send(self, inbox: Inbox, subscription: Subscription, notice: Notice) -> None:
        """Send a message."""
        headers = self._headers(inbox, subscription, "Notification", notice.message_id)
        self._put(subscription, Letter(headers, notice.title, notice.body))

    def confirmation_url(self, subscription: Subscription, verb: str = "confirmation") -> str:
        """Where a subscriber says yes, or no more (`unsubscription`)."""
        told = f"token={subscription.token}&protocol={quote(subscription.protocol)}"
        return f"{self._base()}/20181201/subscriptions/{subscription.id}/{verb}?{told}"

    async def delivered(self) -> None:
        """Return when nothing is on its way any more."""
        while any(lane.letters for lane in self._lanes.values()):
            await asyncio.sleep(0.01)

    def _headers(
        self, inbox: Inbox, subscription: Subscription, kind: str, message_id: str
    ) -> dict[str, str]:
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        return {
            "X-OCI-NS-MessageType": kind,
            "X-OCI-NS-MessageId": message_id,
            "X-OCI-NS-TopicOcid": inbox.topic_id,
            "X-OCI-NS-TopicName": inbox.name,
            "X-OCI-NS-SubscriptionId": subscription.id,
            "X-OCI-NS-Timestamp": now.isoformat(timespec="milliseconds"),
        }

    def _put(self, subscription: Subscription, letter: Letter) -> None:
        lane = self._lanes.get(subscription.id)
        if lane is None:
            lane = self._lanes[subscription.id] = _Lane(subscription)
            task = asyncio.get_running_loop().create_task(self._carry(lane))
            self._tasks.add(task)
        lane.letters.append(letter)
        lane.filled.set()

    async def _carry(self, lane: _Lane) -> None:
        subscription = lane.subscription
        while subscription.state != DELETED:
            if not lane.letters:
                lane.filled.clear()
                await lane.filled.wait()
            if await self._delivered(lane, lane.letters[0]):
                subscription.delivered += not lane.letters[0].question
            else:
                subscription.given_up += 1
            del lane.letters[0]
        lane.letters.clear()

    async def _delivered(self, lane: _Lane, letter: Letter) -> bool:
        """Whether it was taken, before the time for tries was over."""
        wait_s = _FIRST_WAIT_S
        until_ms = self._clock.now_ms() + lane.subscription.retry_ms
        while lane.subscription.state != DELETED:
            await self._clock.sleep(lane.minute.wait_ms(self._clock.now_ms()) / 1000)
            lane.minute.note(self._clock.now_ms())
            lane.subscription.tries += 1
            if await self._taken(lane.subscription, letter):
                return True
            if self._clock.now_ms() + wait_s * 1000 > until_ms:
                return False
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        return False

    async def _taken(self, subscription: Subscription, letter: Letter) -> bool:
        struck = self._injector.next("ons", "deliver")
        await asyncio.sleep(struck.delay_s)
        if struck.effect is not None and struck.when is When.BEFORE:
            return False
        if subscription.protocol == MAIL:
            self.mail[subscription.endpoint].append(Mail(letter.title, letter.body))
            return struck.effect is None
        headers = {"content-type": "application/json", **letter.headers}
        try:
            answer = await self._client.post(
                subscription.endpoint, content=letter.body.encode(), headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        return answer.is_success and struck.effect is None


@dataclass(slots=True)
class _Lane:
    """One subscriber's letters."""

    subscription: Subscription
    letters: list[Letter] = field(default_factory=list)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    minute: Minute = field(init=False)

    def __post_init__(self) -> None:
        self.minute = Minute(_A_MINUTE.get(self.subscription.protocol, _A_MINUTE_BY_HTTP))
