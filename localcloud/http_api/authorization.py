"""Authorisers: asked before a function is invoked (`signed` for IAM, `tokens` for JWT)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Allowed:
    """The request may pass; `context` becomes requestContext.authorizer of the event."""

    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Denied:
    """The request may not pass: 401 without valid credentials, 403 with ones that do not do.

    `challenge` goes out as www-authenticate, `why` into the log of the local cloud.
    """

    status: int = 401
    challenge: str | None = None
    why: str = ""


class Authorizer(Protocol):
    """Decides on requests."""

    async def authorize(self, event: Mapping[str, Any]) -> Allowed | Denied:
        """Decide on a request, given as the event that its function would get."""
        ...
