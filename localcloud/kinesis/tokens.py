"""Shard iterators and page tokens: opaque texts that carry a place and when they were issued.

A checksum tells a token of ours from anything else, so that its fields can be trusted; it is no
protection against somebody who forges one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any
from zlib import crc32

import orjson

from localcloud.kinesis.errors import InvalidArgument

LIFETIME_MS = 300_000
_CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class IteratorToken:
    """A position in a shard of a stream, which is known by its name and creation time."""

    stream: str
    created_ms: int
    shard_id: str
    after: str | None
    issued_ms: int

    def text(self) -> str:
        """The opaque form; of 512 characters at most, as the model has it."""
        return _seal(astuple(self))

    @classmethod
    def parse(cls, text: str) -> IteratorToken:
        """Raises InvalidArgument when `text` is not an iterator."""
        return cls(*_unseal(text, 5, "ShardIterator"))


@dataclass(frozen=True, slots=True)
class PageToken:
    """Where a listing of a stream goes on: after which name, and with which shard filter."""

    stream: str
    created_ms: int
    after: str
    issued_ms: int
    filter_kind: str = "FROM_TRIM_HORIZON"
    filter_timestamp_ms: int | None = None

    def text(self) -> str:
        """The opaque form."""
        return _seal(astuple(self))

    @classmethod
    def parse(cls, text: str) -> PageToken:
        """Raises InvalidArgument when `text` is not a page token."""
        return cls(*_unseal(text, 6, "NextToken"))


def _seal(fields: Sequence[str | int | None]) -> str:
    payload = orjson.dumps(fields)
    checksum = crc32(payload).to_bytes(_CHECKSUM_BYTES, "big")
    return base64.b64encode(checksum + payload).decode()


def _unseal(text: str, count: int, name: str) -> list[Any]:
    try:
        raw = binascii.a2b_base64(text.encode("ascii", "replace"), strict_mode=True)
    except binascii.Error:
        raw = b""
    checksum, payload = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    if payload and crc32(payload).to_bytes(_CHECKSUM_BYTES, "big") == checksum:
        fields = orjson.loads(payload)
        if isinstance(fields, list) and len(fields) == count:
            return fields
    raise InvalidArgument(
        f"Invalid {name} {text[:40]!r}: pass, unchanged, one that an earlier call returned."
    )
