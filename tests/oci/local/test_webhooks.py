"""Subscribers: asked first, then told, again until they have it, and no faster than Oracle does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.faults.injector import Injector
from localcloud.faults.plan import Drop, FaultPlan, Rule, When
from localcloud.oci.errors import InvalidParameter, NotFound
from localcloud.oci.notifications import Notifications
from localcloud.oci.postman import Postman
from localcloud.oci.subscriptions import ACTIVE, CONFIRM_WITHIN_MS
from localcloud.serving import serving
from tests.localcloud.clock import ManualClock
from tests.localcloud.oci.looped import looped
from tests.localcloud.oci.serving import served


@dataclass
class Hook:
    """A receiver; `statuses` are its first answers."""

    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = (await request.body()).decode()
        self.got.append((dict(request.headers), body))
        status = self.statuses.pop(0) if self.statuses else 200
        await Response(status_code=status)(scope, receive, send)

    @property
    def bodies(self) -> list[str]:
        return [body for _, body in self.got]


@dataclass
class Post:
    """Notifications with a postman on a clock that the test turns."""

    clock: ManualClock
    notifications: Notifications
    postman: Postman
    injector: Injector

    async def turned(self, seconds: float) -> None:
        """Let time pass, and real answers come."""
        for _ in range(int(seconds)):
            await self.clock.run(1)
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def post() -> AsyncIterator[Post]:
    clock, injector = ManualClock(), Injector()
    postman = Postman(clock, injector, lambda: "http://127.0.0.1:1")
    async with postman.running():
        yield Post(clock, Notifications(clock, postman), postman, injector)


@looped
async def test_a_webhook_confirms_and_is_told(tmp_path: Path) -> None:
    hook = Hook()
    async with served(tmp_path) as cloud, serving(hook) as address:
        topic = cloud.inbox.topic_id
        made = cloud.notifications.subscribe(topic, "CUSTOM_HTTPS", address.url)
        cloud.notifications.publish(topic, "t", "before")  # nobody wants it yet
        await cloud.postman.delivered()
        ((headers, body),) = hook.got
        assert headers["x-oci-ns-messagetype"] == "SubscriptionConfirmation"
        url = json.loads(body)["ConfirmationURL"]
        assert url == headers["x-oci-ns-confirmationurl"]
        async with httpx.AsyncClient() as client:
            answer = await client.get(url)
        assert answer.status_code == 200
        assert answer.json()["subscriptionId"] == made.id
        notice = cloud.notifications.publish(topic, "t", '{"digest":1}')
        await cloud.postman.delivered()
        headers, body = hook.got[1]
        assert body == '{"digest":1}'
        assert headers["x-oci-ns-messagetype"] == "Notification"
        assert headers["x-oci-ns-messageid"] == notice.message_id
        assert headers["x-oci-ns-topicocid"] == topic
        async with httpx.AsyncClient() as client:
            left = await client.get(answer.json()["unsubscribeUrl"])
            gone = await client.get(url)
        assert (left.status_code, gone.status_code) == (200, 404)
        cloud.notifications.publish(topic, "t", "after")
        await cloud.postman.delivered()
    assert len(hook.got) == 2
    assert made.delivered == 1


@looped
async def test_what_is_not_taken_comes_again_later_each_time_and_in_order() -> None:
    hook = Hook([200, 500, 429, 302])
    async with post() as here, serving(hook) as address:
        inbox = here.notifications.create("t")
        made = here.notifications.subscribe(inbox.topic_id, "CUSTOM_HTTPS", address.url)
        await here.turned(2)
        made.confirm(made.token, here.clock.now_ms())
        here.notifications.publish(inbox.topic_id, None, "first")
        here.notifications.publish(inbox.topic_id, None, "second")
        await here.turned(20)
        assert hook.bodies[1:] == ["first"] * 4 + ["second"]
        assert (made.delivered, made.tries) == (2, 6)


@looped
async def test_it_is_given_up_when_its_time_is_over() -> None:
    async with post() as here:
        inbox = here.notifications.create("t")
        made = here.notifications.subscribe(inbox.topic_id, "CUSTOM_HTTPS", "http://127.0.0.1:1")
        made.state, made.retry_ms = ACTIVE, 10_000
        await here.turned(30)
        assert (made.given_up, made.delivered) == (1, 0)
        assert made.tries == 4  # after 0, 1, 3 and 7 seconds


@looped
async def test_an_answer_that_is_lost_brings_it_twice() -> None:
    hook = Hook()
    async with post() as here, serving(hook) as address:
        inbox = here.notifications.create("t")
        here.injector.use(FaultPlan(1, (Rule("ons", "deliver", Drop(), When.AFTER, calls=(2,)),)))
        made = here.notifications.subscribe(inbox.topic_id, "CUSTOM_HTTPS", address.url)
        made.state = ACTIVE
        here.notifications.publish(inbox.topic_id, None, "once")
        await here.turned(5)
        assert hook.bodies[1:] == ["once", "once"]
        assert made.delivered == 1


@looped
async def test_mail_goes_ten_times_a_minute() -> None:
    async with post() as here:
        inbox = here.notifications.create("t")
        made = here.notifications.subscribe(inbox.topic_id, "EMAIL", "jo@example.com")
        await here.turned(1)
        (question,) = here.postman.mail["jo@example.com"]
        assert "/confirmation?token=" in question.body
        made.confirm(made.token, here.clock.now_ms())
        for number in range(15):
            here.notifications.publish(inbox.topic_id, f"subject {number}", "body")
        await here.turned(30)
        assert len(here.postman.mail["jo@example.com"]) == 10
        await here.turned(40)
        mails = here.postman.mail["jo@example.com"][1:]
        assert [mail.title for mail in mails] == [f"subject {number}" for number in range(15)]


@looped
async def test_a_question_is_good_for_three_days() -> None:
    async with post() as here:
        inbox = here.notifications.create("t")
        made = here.notifications.subscribe(inbox.topic_id, "EMAIL", "jo@example.com")
        with pytest.raises(NotFound, match="token is not"):
            made.confirm("x", here.clock.now_ms())
        late_ms = here.clock.now_ms() + CONFIRM_WITHIN_MS + 1
        with pytest.raises(NotFound, match="three days"):
            made.confirm(made.token, late_ms)
        assert made.token not in repr(made)


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("PIGEON", "http://127.0.0.1/"),
        ("SLACK", "http://127.0.0.1/"),
        ("EMAIL", "nobody"),
        ("CUSTOM_HTTPS", "https://example.com/"),
        ("CUSTOM_HTTPS", "http://10.0.0.1/"),
        ("CUSTOM_HTTPS", "http://127.0.0.1.example.com/"),
        ("CUSTOM_HTTPS", "ftp://127.0.0.1/"),
        ("CUSTOM_HTTPS", "http://127.0.0.1/" + "x" * 500),
        ("CUSTOM_HTTPS", "http://[::1"),
        ("CUSTOM_HTTPS", "http://127.0.0.1:99999/"),
    ],
)
def test_what_cannot_be_subscribed_is_refused(protocol: str, endpoint: str) -> None:
    notifications = Notifications(ManualClock())
    topic = notifications.create("t")
    with pytest.raises(InvalidParameter):
        notifications.subscribe(topic.topic_id, protocol, endpoint)
