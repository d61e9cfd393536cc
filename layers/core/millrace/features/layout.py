"""The fields and tiles that a profile was written with, kept in the profile itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import ormsgpack

from millrace.features.definitions import Category, Number


class Layout(NamedTuple):
    """Fields in their order, and the tiles of the ladder, in seconds."""

    fields: tuple[Number | Category, ...]
    tiles_s: tuple[int, ...]


def pack_layout(fields: Sequence[Number | Category], tiles_s: Sequence[int]) -> bytes:
    """The bytes that `read_layout` reads."""
    named = [(field.name, field.scale if isinstance(field, Number) else None) for field in fields]
    return ormsgpack.packb((named, tiles_s))


def read_layout(data: bytes) -> Layout:
    """What `pack_layout` wrote. Raises ValueError or TypeError."""
    named, tiles_s = ormsgpack.unpackb(data)
    fields = (
        Category(name, name) if scale is None else Number(name, name, scale)
        for name, scale in named
    )
    return Layout(tuple(fields), tuple(tiles_s))
