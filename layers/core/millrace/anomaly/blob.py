"""A detector's numbers as compact bytes, and back without the loss of a bit."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from millrace.errors import UnreadableState

_MAGIC = b"MRAD"
VERSION = 1
_HEADER = struct.Struct("<4sBI")
# Far above any state; a damaged length cannot make a reader allocate more.
_MOST_NUMBERS = 4096


def pack(numbers: Sequence[float]) -> bytes:
    """The bytes of a state: a header, then the numbers as compressed doubles."""
    raw = struct.pack(f"<{len(numbers)}d", *numbers)
    return _HEADER.pack(_MAGIC, VERSION, len(numbers)) + zlib.compress(raw, 1)


def unpack(data: bytes, expected: int) -> list[float]:
    """The numbers in `data`. Raises UnreadableState where it is damaged, or of another format."""
    try:
        magic, version, count = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise UnreadableState(
                f"a detector's state begins with {_MAGIC!r}, not {data[:4]!r}: start a new one"
            )
        if version != VERSION or count != expected:
            raise UnreadableState(
                f"a detector's state of version {version} with {count} numbers; this code reads "
                f"version {VERSION} with {expected}: use the code that wrote it, or start anew"
            )
        unzip = zlib.decompressobj()
        raw = unzip.decompress(data[_HEADER.size :], 8 * min(count, _MOST_NUMBERS) + 1)
        if not unzip.eof or unzip.unused_data:  # then nothing was held against the checksum
            raise UnreadableState(
                f"a detector's state of {len(data)} bytes is cut off or goes on after its end; "
                "start a new one"
            )
        return list(struct.unpack(f"<{count}d", raw))
    except (struct.error, zlib.error) as error:
        raise UnreadableState(
            f"a detector's state of {len(data)} bytes is damaged: {error}; start a new one"
        ) from error
