"""Operations of REST services, told from method, path, query string and headers.

The routes come from botocore's own models. Where several operations share a path, the one wins
whose marks (fixed query parameters, required parameters and headers) are all there and are most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import DataNotFoundError
from botocore.loaders import create_loader


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's mark on a request."""

    operation: str
    method: str
    path: re.Pattern[str]
    literal_segments: int
    query: Mapping[str, str | None]
    headers: frozenset[str]

    def matches(
        self, method: str, path: str, query: Mapping[str, str], headers: Iterable[str]
    ) -> bool:
        """Whether a request bears this mark."""
        return (
            method == self.method
            and self.path.fullmatch(path) is not None
            and all(
                name in query and value in (None, query[name]) for name, value in self.query.items()
            )
            and self.headers.issubset(headers)
        )

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """How specific the mark is; the shorter name wins among equals."""
        marks = len(self.query) + len(self.headers)
        fixed = sum(value is not None for value in self.query.values())
        return self.literal_segments, marks, fixed, -len(self.operation)


def operation_of(
    service: str, method: str, path: str, query: str, headers: Iterable[str]
) -> str | None:
    """The name of the REST operation of `service` that such a request calls, or None."""
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    names = set(headers)
    trimmed = path.rstrip("/") or "/"
    for route in routes(service):
        if route.matches(method, trimmed, parameters, names):
            return route.operation
    return None


@cache
def routes(service: str) -> tuple[Route, ...]:
    """The routes of a service, most specific first; none for one that botocore does not know."""
    try:
        model = create_loader().load_service_model(service, "service-2")
    except DataNotFoundError:  # raised for an unknown service as well
        return ()
    found = [_route(name, model) for name in model["operations"] if not _deprecated(name, model)]
    return tuple(sorted(found, key=lambda route: route.rank, reverse=True))


def _deprecated(operation: str, model: Mapping[str, Any]) -> bool:
    return bool(model["operations"][operation].get("deprecated", False))


def _route(operation: str, model: Mapping[str, Any]) -> Route:
    definition = model["operations"][operation]
    path, _, fixed = definition["http"]["requestUri"].partition("?")
    query: dict[str, str | None] = {
        name: value or None for name, value in parse_qsl(fixed, keep_blank_values=True)
    }
    headers = set()
    shape = model["shapes"].get(definition.get("input", {}).get("shape"), {})
    for name in shape.get("required", ()):
        member = shape["members"][name]
        if member.get("location") == "querystring":
            query.setdefault(member["locationName"], None)
        elif member.get("location") == "header":
            headers.add(member["locationName"].lower())
    segments = [segment for segment in path.split("/") if segment]
    return Route(
        operation,
        definition["http"]["method"],
        re.compile("/" + "/".join(map(_segment, segments))),
        sum(not segment.startswith("{") for segment in segments),
        query,
        frozenset(headers),
    )


def _segment(segment: str) -> str:
    if not segment.startswith("{"):
        return re.escape(segment)
    return ".+" if segment.endswith("+}") else "[^/]+"
