"""Notifications' operations: topics, subscriptions, and publishing."""

from __future__ import annotations

import re
from typing import Any

from millrace.anomaly.instants import iso_ms

from localcloud.oci.calls import Answer, Call, Handlers
from localcloud.oci.errors import InvalidParameter, WrongState
from localcloud.oci.notifications import Inbox, Notifications
from localcloud.oci.postman import Postman
from localcloud.oci.principal import COMPARTMENT
from localcloud.oci.subscriptions import DEFAULT_RETRY_MS, Subscription

_NAME = re.compile(r"[\w-]{1,256}", re.ASCII)


class TopicApi:
    """Over the topics of one tenancy."""

    def __init__(self, notifications: Notifications, postman: Postman) -> None:
        self._notifications = notifications
        self._postman = postman

    def handlers(self) -> Handlers:
        """By service and operation."""
        return {
            ("ons", "publish_message"): self.publish,
            ("ons", "create_topic"): self.create,
            ("ons", "get_topic"): self.topic,
            ("ons", "list_topics"): self.topics,
            ("ons", "create_subscription"): self.subscribe,
            ("ons", "get_subscription"): self.subscription,
            ("ons", "list_subscriptions"): self.subscriptions,
            ("ons", "update_subscription"): self.update_subscription,
            ("ons", "delete_subscription"): self.unsubscribe,
            ("ons", "get_confirm_subscription"): self.confirm,
            ("ons", "get_unsubscription"): self.leave,
            ("ons", "resend_subscription_confirmation"): self.ask_again,
        }

    async def publish(self, call: Call) -> Answer:
        title = call.body.text("title", "") or None
        notice = self._notifications.publish(call.path["topicId"], title, call.body.text("body"))
        answer = {"messageId": notice.message_id, "timeStamp": iso_ms(notice.time_ms)}
        return Answer(answer, status=202)

    async def create(self, call: Call) -> Answer:
        name = call.body.text("name")
        if not _NAME.fullmatch(name):
            raise InvalidParameter(f"name is {name!r:.80}; it may have letters, digits, - and _")
        if any(one.name == name for one in self._notifications.topics()):
            raise WrongState(f"There is a topic {name} already")
        inbox = self._notifications.create(name)
        return Answer(_topic_document(inbox, call.url))

    async def topic(self, call: Call) -> Answer:
        inbox = self._notifications.topic(call.path["topicId"])
        return Answer(_topic_document(inbox, call.url))

    async def topics(self, call: Call) -> Answer:
        name = call.query.get("name")
        found = [one for one in self._notifications.topics() if name in (None, one.name)]
        return Answer([_topic_document(one, call.url) for one in found])

    async def subscribe(self, call: Call) -> Answer:
        body = call.body
        made = self._notifications.subscribe(
            body.text("topicId"), body.text("protocol"), body.text("endpoint")
        )
        return Answer(_document(made))

    async def subscription(self, call: Call) -> Answer:
        return Answer(_document(self._notifications.subscription(call.path["subscriptionId"])))

    async def subscriptions(self, call: Call) -> Answer:
        found = self._notifications.subscriptions(call.query.get("topicId"))
        return Answer([_document(one) for one in found])

    async def update_subscription(self, call: Call) -> Answer:
        found = self._notifications.subscription(call.path["subscriptionId"])
        policy = call.body.fields.get("deliveryPolicy") or {}
        backoff = policy.get("backoffRetryPolicy")
        if backoff is not None:
            most_ms = backoff["maxRetryDuration"]
            if not 0 < most_ms <= DEFAULT_RETRY_MS:
                raise InvalidParameter(f"maxRetryDuration is {most_ms}; 1 to {DEFAULT_RETRY_MS} ms")
            found.retry_ms = most_ms
        policy = {"maxRetryDuration": found.retry_ms, "policyType": "EXPONENTIAL"}
        return Answer({"deliveryPolicy": {"backoffRetryPolicy": policy}})

    async def unsubscribe(self, call: Call) -> Answer:
        self._notifications.unsubscribe(call.path["subscriptionId"])
        return Answer(status=204)

    async def confirm(self, call: Call) -> Answer:
        found = self._notifications.subscription(call.path["id"])
        found.confirm(call.query["token"], self._notifications.clock.now_ms())
        inbox = self._notifications.topic(found.topic_id)
        return Answer(
            {
                "topicName": inbox.name,
                "topicId": inbox.topic_id,
                "endpoint": found.endpoint,
                "unsubscribeUrl": self._postman.confirmation_url(found, "unsubscription"),
                "message": f"You have subscribed to {inbox.name}",
                "subscriptionId": found.id,
            }
        )

    async def leave(self, call: Call) -> Answer:
        found = self._notifications.subscription(call.path["id"])
        found.check(call.query["token"])
        self._notifications.unsubscribe(found.id)
        return Answer("You have unsubscribed")

    async def ask_again(self, call: Call) -> Answer:
        found = self._notifications.subscription(call.path["id"])
        self._notifications.ask(found)
        return Answer(_document(found))


def _topic_document(inbox: Inbox, url: str) -> dict[str, object]:
    return {
        "name": inbox.name,
        "topicId": inbox.topic_id,
        "compartmentId": COMPARTMENT,
        "lifecycleState": "ACTIVE",
        "timeCreated": iso_ms(inbox.made_ms),
        "apiEndpoint": url,
    }


def _document(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "topicId": subscription.topic_id,
        "protocol": subscription.protocol,
        "endpoint": subscription.endpoint,
        "lifecycleState": subscription.state,
        "compartmentId": COMPARTMENT,
        "createdTime": subscription.made_ms,
    }
