"""The names of features, in the order in which `snapshot` works out their figures.

``<field>_<aggregate>_<window>``, with ``.<event type>`` behind it for one type. A base name never
holds a dot, so what follows the first dot is the type as it came, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from millrace.features.definitions import TILED, Entity, Track


def all_types(entity: Entity, tracks: Sequence[Track], fields: Sequence[str]) -> Iterator[str]:
    """The names of the features over all event types."""
    yield from _scope(entity, tracks, fields, "")
    yield from ("session_count", "session_length_s", "session_events")


def one_type(
    entity: Entity, tracks: Sequence[Track], fields: Sequence[str], event_type: str
) -> Iterator[str]:
    """The names of one type's features; all empty for events that have no type."""
    for name in _scope(entity, tracks, fields, f".{event_type}"):
        yield name if event_type else ""


def _scope(
    entity: Entity, tracks: Sequence[Track], fields: Sequence[str], behind: str
) -> Iterator[str]:
    windows = [window.name for window in entity.windows]
    for window in windows:
        yield f"count_{window}{behind}"
    yield f"recency_s{behind}"
    for track in tracks:
        field = fields[track.field]
        if track.tiles:
            for window in windows:
                for aggregate, wanted in zip(TILED, track.wanted, strict=True):
                    if wanted:
                        yield f"{field}_{aggregate}_{window}{behind}"
        if track.distinct:
            for window in windows:
                yield f"{field}_distinct_{window}{behind}"
        if track.last:
            yield f"{field}_last{behind}"
