"""One partition of a stream: messages by offset, kept for as long as the stream keeps them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

# The dead front of the list is cut off when it is this long and half of it: O(1) a message.
_CUT = 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A message where it stands; key and value are not base64-coded."""

    partition: str
    offset: int
    arrival_ms: int
    key: bytes | None
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value)


class Partition:
    """A log. Offsets rise by one and times never fall, whatever the clock does."""

    def __init__(self, name: str, retention_ms: int, first: int = 0) -> None:
        self.name = name
        self._retention_ms = retention_ms
        self._messages: list[Message] = []
        self._base = first  # the offset of the list's first message, which may be too old already
        self._first = first

    @property
    def first(self) -> int:
        """The oldest offset that is kept; where nothing is kept, the next one."""
        return self._first

    @property
    def end(self) -> int:
        """The offset of the next message."""
        return self._base + len(self._messages)

    def append(self, key: bytes | None, value: bytes, now_ms: int) -> Message:
        """Keep a message."""
        last_ms = self._messages[-1].arrival_ms if self._messages else now_ms
        message = Message(self.name, self.end, max(now_ms, last_ms), key, value)
        self._messages.append(message)
        return message

    def trim(self, now_ms: int) -> None:
        """Let go of what is older than the retention."""
        oldest_ms = now_ms - self._retention_ms
        while self._first < self.end and self._at(self._first).arrival_ms < oldest_ms:
            self._first += 1
        dead = self._first - self._base
        if dead >= _CUT and 2 * dead >= len(self._messages):
            del self._messages[:dead]
            self._base = self._first

    def read(self, offset: int) -> Iterator[Message]:
        """Messages from `offset` on, or from the oldest where that is gone."""
        for at in range(max(offset, self._first), self.end):
            yield self._at(at)

    def offset_at(self, time_ms: int) -> int:
        """The first offset that arrived at `time_ms` or later; the end if there is none."""
        index = bisect_left(self._messages, time_ms, key=attrgetter("arrival_ms"))
        return max(self._base + index, self._first)

    def _at(self, offset: int) -> Message:
        return self._messages[offset - self._base]
