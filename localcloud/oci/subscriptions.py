"""Who hears of a topic: webhooks on loopback and mail boxes, once they have confirmed it."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from localcloud.oci.errors import InvalidParameter, NotFound

WEBHOOK, MAIL = "CUSTOM_HTTPS", "EMAIL"
PENDING, ACTIVE, DELETED = "PENDING", "ACTIVE", "DELETED"
# A message that cannot be delivered is tried for two hours.
DEFAULT_RETRY_MS = 7_200_000
CONFIRM_WITHIN_MS = 3 * 86_400_000
_MAX_URL = 512
_PROTOCOLS = {
    "HTTPS",
    "ORACLE_FUNCTIONS",
    "PAGERDUTY",
    "SLACK",
    "SMS",
    WEBHOOK,
    MAIL,
}


@dataclass(slots=True)
class Subscription:
    """One endpoint of one topic. `delivered` and `given_up` count messages."""

    id: str
    topic_id: str
    protocol: str
    endpoint: str
    made_ms: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    asked_ms: int = 0
    state: str = PENDING
    retry_ms: int = DEFAULT_RETRY_MS
    delivered: int = 0
    given_up: int = 0
    tries: int = 0

    def check(self, token: str) -> None:
        """Raise NotFound unless it is the subscription's own."""
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            raise NotFound(f"The token is not that of {self.id}")

    def confirm(self, token: str, now_ms: int) -> None:
        """Let messages come. Raises NotFound for a wrong token, or a question of long ago."""
        self.check(token)
        if now_ms - self.asked_ms > CONFIRM_WITHIN_MS:
            raise NotFound("The confirmation is more than three days old; have it sent again")
        self.state = ACTIVE


def checked(protocol: str, endpoint: str) -> None:
    """Raise InvalidParameter for what cannot be subscribed here."""
    if protocol not in _PROTOCOLS:
        raise InvalidParameter(
            f"protocol is {protocol!r:.40}; it may be {', '.join(sorted(_PROTOCOLS))}"
        )
    if protocol == MAIL:
        if endpoint.count("@") != 1 or endpoint.startswith("@") or endpoint.endswith("@"):
            raise InvalidParameter(f"endpoint {endpoint!r:.80} is no address of mail")
    elif protocol == WEBHOOK:
        _check_webhook(endpoint)
    else:
        raise InvalidParameter(
            f"The local cloud delivers by {WEBHOOK} and {MAIL} only, not by {protocol}"
        )


def _check_webhook(endpoint: str) -> None:
    if len(endpoint) > _MAX_URL:
        raise InvalidParameter(f"A URL has at most {_MAX_URL} characters, not {len(endpoint)}")
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        here = parts.port != 0 and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        here = False
    if not here or parts.scheme not in ("http", "https"):
        raise InvalidParameter(
            f"The local cloud delivers to http and https on loopback only, not to {endpoint!r:.80}"
        )
