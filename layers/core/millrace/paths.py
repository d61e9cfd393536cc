"""Fields of an event by dotted paths, as features.toml names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What stands where a path leads nowhere; None is a value.
NOWHERE = object()


def value_at(document: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401  any JSON value
    """What stands at a path, or NOWHERE.

    >>> value_at({"detail": {"user": "u1"}}, "detail.user")
    'u1'
    >>> value_at({"detail": "u1"}, "detail.user") is NOWHERE
    True
    """
    value: Any = document
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return NOWHERE
        value = value[name]
    return value


def with_field(document: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of the document with a value at a path, and the objects on the way to it.

    >>> with_field({"detail": {"a": 1}}, "detail.user.id", "u1")
    {'detail': {'a': 1, 'user': {'id': 'u1'}}}
    """
    name, _, rest = path.partition(".")
    if rest:
        inner = document.get(name)
        value = with_field(inner if isinstance(inner, Mapping) else {}, rest, value)
    return {**document, name: value}
