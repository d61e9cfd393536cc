"""The fields and tiles that a profile was written with, kept in the profile itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from millrace.features.columns import pack
from millrace.features.definitions import Category, Number
from millrace.features.wire import Reader, text

_CATEGORY = 255


class Layout(NamedTuple):
    """Fields in their order, and the tiles of the ladder, in seconds."""

    fields: tuple[Number | Category, ...]
    tiles_s: tuple[int, ...]


def pack_layout(fields: Sequence[Number | Category], tiles_s: Sequence[int]) -> bytes:
    """The bytes that `read_layout` reads."""
    parts = []
    for field in fields:
        scale = _CATEGORY if isinstance(field, Category) else field.scale
        parts.append(bytes((scale,)) + text(field.name))
    return b"".join(parts) + pack(tiles_s)


def read_layout(reader: Reader, fields: int, tiles: int) -> Layout:
    """What `pack_layout` wrote, given how many fields and tiles there are."""
    found: list[Number | Category] = []
    for _ in range(fields):
        (scale,) = reader.take(1)
        name = reader.text()
        found.append(Category(name, name) if scale == _CATEGORY else Number(name, name, scale))
    return Layout(tuple(found), tuple(reader.column(tiles)))
