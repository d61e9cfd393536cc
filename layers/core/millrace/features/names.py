"""The names of features, made once for each plan.

``<field>_<aggregate>_<window>``, with ``.<event type>`` behind it for one type. A base name never
holds a dot, so what follows the first dot is the type as it came, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from millrace.features.definitions import Entity

TILED = ("sum", "mean", "min", "max", "std")


class FieldNames(NamedTuple):
    """All names for one field over one scope.

    `wanted` says of every (window, aggregate of TILED) whether it is asked for, `tiled` names those
    that are, `distinct` the distinct count of each window; `last` is empty where it is not wanted.
    """

    wanted: tuple[bool, ...]
    tiled: tuple[str, ...]
    distinct: tuple[str, ...]
    last: str


class TypeNames(NamedTuple):
    """The names that every event type has."""

    counts: tuple[str, ...]
    recency: str


def field_names(
    entity: Entity, field: str, wanted: Mapping[str, tuple[str, ...]], event_type: str = ""
) -> FieldNames:
    """The names for the aggregates of `field` in `wanted`, for one type or ("") for all."""
    aggregates = wanted.get(field, ())
    behind = f".{event_type}" if event_type else ""
    windows = [window.name for window in entity.windows]
    tiled = [(aggregate, window) for window in windows for aggregate in TILED]
    return FieldNames(
        wanted=tuple(aggregate in aggregates for aggregate, _ in tiled),
        tiled=tuple(f"{field}_{a}_{window}{behind}" for a, window in tiled if a in aggregates),
        distinct=tuple(f"{field}_distinct_{window}{behind}" for window in windows),
        last=f"{field}_last{behind}" if "last" in aggregates else "",
    )


def type_names(entity: Entity, event_type: str = "") -> TypeNames:
    """Count by window and recency, for one type or ("") for all."""
    behind = f".{event_type}" if event_type else ""
    counts = tuple(f"count_{window.name}{behind}" for window in entity.windows)
    return TypeNames(counts, f"recency_s{behind}")
