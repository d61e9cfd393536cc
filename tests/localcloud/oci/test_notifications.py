"""The inbox and the limits of the service."""

from __future__ import annotations

import pytest

from localcloud.oci.errors import InvalidParameter, NotFound, TooLarge, TooManyRequests
from localcloud.oci.notifications import MAX_MESSAGE_BYTES, Inbox, Notifications
from tests.localcloud.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def notifications(clock: ManualClock) -> Notifications:
    return Notifications(clock)


@pytest.fixture
def inbox(notifications: Notifications) -> Inbox:
    return notifications.create("t")


def test_a_message_comes_into_the_inbox(notifications: Notifications, inbox: Inbox) -> None:
    notice = notifications.publish(inbox.topic_id, "a title", "a body")
    assert inbox.notices == [notice]
    assert (notice.title, notice.body) == ("a title", "a body")


def test_64_kb_are_taken_and_no_more(notifications: Notifications, inbox: Inbox) -> None:
    notifications.publish(inbox.topic_id, None, "ä" * (MAX_MESSAGE_BYTES // 2))
    with pytest.raises(TooLarge, match="65537 bytes"):
        notifications.publish(inbox.topic_id, None, "ä" * (MAX_MESSAGE_BYTES // 2) + "x")
    assert len(inbox.notices) == 1


def test_60_a_minute_are_taken_and_no_more(
    notifications: Notifications, inbox: Inbox, clock: ManualClock
) -> None:
    for _ in range(60):
        notifications.publish(inbox.topic_id, None, "x")
        clock.advance(0.5)
    with pytest.raises(TooManyRequests):
        notifications.publish(inbox.topic_id, None, "x")
    clock.advance(30)  # the first is a minute old, and no other
    notifications.publish(inbox.topic_id, None, "x")
    with pytest.raises(TooManyRequests):
        notifications.publish(inbox.topic_id, None, "x")
    assert inbox.refused == {"TooManyRequests": 2}


def test_topics_have_limits_of_their_own(notifications: Notifications, inbox: Inbox) -> None:
    for _ in range(60):
        notifications.publish(inbox.topic_id, None, "x")
    other = notifications.create("other")
    notifications.publish(other.topic_id, None, "x")
    assert len(other.notices) == 1


def test_what_cannot_be_delivered_is_refused(notifications: Notifications, inbox: Inbox) -> None:
    with pytest.raises(NotFound, match="no topic"):
        notifications.publish("ocid1.onstopic.oc1.local.none", None, "x")
    with pytest.raises(InvalidParameter, match="empty"):
        notifications.publish(inbox.topic_id, "title", "")
    assert inbox.notices == []
