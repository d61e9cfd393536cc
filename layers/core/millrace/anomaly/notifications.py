"""Alerts to a topic of OCI Notifications."""

from __future__ import annotations

import logging
from typing import Any

from millrace import oci

_log = logging.getLogger("millrace")


def warm() -> None:
    """Make the client before there is need of it: else a process's first alert waits a second or
    more for the import of the SDK."""
    try:
        oci.client("ons")
    except Exception as error:  # whatever it is, publishing meets it again, and tells
        _log.info("no client of Notifications yet: %s", type(error).__name__)


class NotificationsTopic:
    """A topic, by its OCID. Publishing is tried once: the outbox tries again."""

    def __init__(self, topic_id: str, client: Any = None) -> None:  # noqa: ANN401  an SDK's client
        self._topic_id = topic_id
        self._client = client

    def publish(self, title: str, body: str) -> str:
        """The message's id. Raises Unavailable, ConfigurationError."""
        client = self._client or oci.client("ons")
        # The SDK takes plain data for its models.
        details = {"title": title, "body": body}
        try:
            answer = client.publish_message(self._topic_id, details)
        except Exception as error:  # the SDK's errors have no common base
            raise oci.problem(f"publish to the topic {self._topic_id}", error) from None
        return str(answer.data.message_id)
