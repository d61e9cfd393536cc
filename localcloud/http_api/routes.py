"""Routes of an HTTP API and the choice among them.

A route with all segments fixed beats one with variables, which beats one with a greedy variable;
among equals a named method beats ANY; `$default` takes what is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from millrace.errors import UnsupportedResource

from localcloud.http_api.authorization import Authorizer
from localcloud.http_api.throttling import Rate

DEFAULT_ROUTE = "$default"
MAX_TIMEOUT_S = 30.0

_KEY = re.compile(r"(ANY|GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/\S*)")
_VARIABLE = re.compile(r"\{([^{}+]+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A route key (`POST /events`, `ANY /{proxy+}`, `$default`) and the function behind it.

    `rate` replaces the API's own; `timeout_s` is the integration's, at most 30.
    """

    key: str
    function: str
    payload_format: str = "2.0"
    timeout_s: float = MAX_TIMEOUT_S
    rate: Rate | None = None
    authorizer: Authorizer | None = None
    method: str = field(init=False)
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.payload_format != "2.0":
            raise UnsupportedResource(
                f"Route {self.key!r} asks for payload format {self.payload_format!r}; "
                "the local HTTP API speaks '2.0' only"
            )
        if not 0 < self.timeout_s <= MAX_TIMEOUT_S:
            raise UnsupportedResource(
                f"Route {self.key!r} has a time-out of {self.timeout_s} s; "
                f"it must be above 0 and at most {MAX_TIMEOUT_S:.0f}"
            )
        method, segments = _parsed(self.key)
        object.__setattr__(self, "method", method)
        object.__setattr__(self, "segments", segments)

    def matches(self, method: str, segments: Sequence[str]) -> Mapping[str, str] | None:
        """The path variables of a request to this route; None when it is not for this route."""
        if self.method not in ("ANY", method):
            return None
        if self.key == DEFAULT_ROUTE:
            return {}
        greedy = bool(self.segments) and self.segments[-1].endswith("+}")
        fixed = self.segments[:-1] if greedy else self.segments
        if len(segments) <= len(fixed) if greedy else len(segments) != len(fixed):
            return None
        variables: dict[str, str] = {}
        for pattern, segment in zip(fixed, segments, strict=False):
            if (variable := _VARIABLE.fullmatch(pattern)) is None:
                if pattern != segment:
                    return None
            elif not segment:
                return None
            else:
                variables[variable[1]] = segment
        if greedy:
            rest = "/".join(segments[len(fixed) :])
            if not rest:
                return None
            variables[self.segments[-1][1:-2]] = rest
        return variables

    @property
    def rank(self) -> tuple[bool, bool, tuple[bool, ...], bool]:
        """How specific the route is; the highest wins."""
        fixed = tuple(_VARIABLE.fullmatch(segment) is None for segment in self.segments)
        greedy = bool(self.segments) and self.segments[-1].endswith("+}")
        named = self.method != "ANY"
        return self.key != DEFAULT_ROUTE, not greedy, fixed, named


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and the values of its path variables."""

    route: Route
    variables: Mapping[str, str]


class RouteTable:
    """Routes in the order in which they are tried."""

    def __init__(self, routes: Sequence[Route]) -> None:
        keys = [route.key for route in routes]
        for key in keys:
            if keys.count(key) > 1:
                raise UnsupportedResource(f"Route {key!r} is there twice; its key must be unique")
        self._routes = sorted(routes, key=lambda route: route.rank, reverse=True)

    def match(self, method: str, path: str) -> Match | None:
        """The most specific route of a request, given its decoded path."""
        segments = path.removeprefix("/").split("/") if path != "/" else []
        for route in self._routes:
            variables = route.matches(method, segments)
            if variables is not None:
                return Match(route, variables)
        return None


def _parsed(key: str) -> tuple[str, tuple[str, ...]]:
    if key == DEFAULT_ROUTE:
        return "ANY", ()
    parts = _KEY.fullmatch(key)
    if parts is None:
        raise UnsupportedResource(
            f"{key!r} is no route key; it must be like 'POST /events', 'ANY /{{proxy+}}' "
            "or '$default'"
        )
    segments = tuple(parts[2].removeprefix("/").split("/")) if parts[2] != "/" else ()
    for position, segment in enumerate(segments):
        variable = _VARIABLE.fullmatch(segment)
        braces = "{" in segment or "}" in segment
        if (braces and variable is None) or (
            variable is not None and variable[2] and position < len(segments) - 1
        ):
            raise UnsupportedResource(
                f"Segment {segment!r} of route {key!r} must be plain text, a variable like {{id}}, "
                "or, at the end only, a greedy one like {proxy+}"
            )
    return parts[1], segments
