"""Reading a file's content as events, for tests."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from millrace.features.definitions_parser import parse
from millrace.table_rows import Line
from millrace.tables import Format, read_events

DEFINITIONS = parse("""
version = 1
[event.numbers.metric]
[event.numbers.price]
field = "detail.price"
[event.categories.item]
field = "itemId"
[entity.user]
key = "userId"
""")


def read(
    content: bytes | str,
    name: str = "events.csv",
    mapping: Mapping[str, str] | None = None,
    form: Format | None = None,
) -> list[Line]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_events(io.BytesIO(raw), name, DEFINITIONS, mapping, form))


def documents(content: bytes | str, name: str = "events.csv", **more: Any) -> list[Any]:
    return [line.document for line in read(content, name, **more)]
