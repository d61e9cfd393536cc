"""Cursors as clients hold them: where the next read begins, opaque, good for five minutes."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson

from localcloud.oci.errors import InvalidParameter

LIFETIME_MS = 300_000
# Cursors live as long as the streams, which are in memory; what others make up is not even read.
_KEY = secrets.token_bytes(32)
_SEAL_BYTES = 32
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
        content = orjson.dumps(asdict(self))
        return base64.urlsafe_b64encode(_seal(content) + content).decode()

    @classmethod
    def of(cls, token: str, stream_id: str, now_ms: int) -> Cursor:
        """What a client has given back. Raises InvalidParameter."""
        try:
            told = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            told = b""
        seal, content = told[:_SEAL_BYTES], told[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, _seal(content)):
            raise InvalidParameter("The cursor is none that this service made")
        cursor = cls(**orjson.loads(content))
        if cursor.stream_id != stream_id:
            raise InvalidParameter("The cursor is another stream's")
        if now_ms - cursor.made_ms > LIFETIME_MS:
            raise InvalidParameter("The cursor is older than five minutes; make a new one")
        return cursor


def _seal(content: bytes) -> bytes:
    return hmac.digest(_KEY, content, "sha256")
