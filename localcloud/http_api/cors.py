"""Cross-origin requests, as an HTTP API with a CORS configuration treats them.

It answers preflight requests itself, replaces the function's own CORS headers, and adds its own
only to requests that name an origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "access-control-"


@dataclass(frozen=True, slots=True)
class Cors:
    """A CORS configuration. An origin may be exact, `*`, or `https://*`."""

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_s: int | None = None
    allow_credentials: bool = False

    def is_preflight(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a browser asks what it may do."""
        return (
            method == "OPTIONS"
            and "origin" in headers
            and "access-control-request-method" in headers
        )

    def preflight_headers(self, origin: str) -> dict[str, str]:
        """What a preflight request from `origin` is answered with; nothing when not allowed."""
        headers = self._origin_headers(origin)
        if not headers:
            return {}
        if self.allow_methods:
            headers["access-control-allow-methods"] = ",".join(self.allow_methods)
        if self.allow_headers:
            headers["access-control-allow-headers"] = ",".join(self.allow_headers)
        if self.max_age_s is not None:
            headers["access-control-max-age"] = str(self.max_age_s)
        return headers

    def answer_headers(self, origin: str) -> dict[str, str]:
        """What an answer to a request from `origin` carries; nothing when not allowed."""
        headers = self._origin_headers(origin)
        if headers and self.expose_headers:
            headers["access-control-expose-headers"] = ",".join(self.expose_headers)
        return headers

    def _origin_headers(self, origin: str) -> dict[str, str]:
        if "*" in self.allow_origins:
            headers = {"access-control-allow-origin": "*"}
        elif any(self._allows(each, origin) for each in self.allow_origins):
            headers = {"access-control-allow-origin": origin, "vary": "Origin"}
        else:
            return {}
        if self.allow_credentials:
            headers["access-control-allow-credentials"] = "true"
        return headers

    @staticmethod
    def _allows(allowed: str, origin: str) -> bool:
        return origin.startswith(allowed[:-1]) if allowed.endswith("://*") else origin == allowed
