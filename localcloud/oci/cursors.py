"""Cursors as clients hold them: where the next read begins, opaque, good for five minutes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from localcloud.oci.errors import InvalidParameter

LIFETIME_MS = 300_000
Places = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next offset of each partition. A group's cursor is one of its instances'."""

    stream_id: str
    made_ms: int
    places: Places
    group: str | None = None
    instance: str = ""
    timeout_ms: int = 0
    commit_on_get: bool = True

    def token(self) -> str:
        """What a client gets."""
        return base64.urlsafe_b64encode(orjson.dumps(asdict(self))).decode()

    @classmethod
    def of(cls, token: str, stream_id: str, now_ms: int) -> Cursor:
        """What a client has given back. Raises InvalidParameter."""
        try:
            told: Any = orjson.loads(base64.urlsafe_b64decode(token))
            cursor = cls(**told)
            places = {str(name): int(offset) for name, offset in cursor.places.items()}
        except (binascii.Error, ValueError, TypeError, AttributeError):
            raise InvalidParameter("The cursor is none that this service made") from None
        if cursor.stream_id != stream_id:
            raise InvalidParameter("The cursor is another stream's")
        if now_ms - cursor.made_ms > LIFETIME_MS:
            raise InvalidParameter("The cursor is older than five minutes; make a new one")
        return cls(**{**told, "places": places})
