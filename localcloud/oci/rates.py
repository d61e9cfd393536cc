"""How much a stretch of time allows: bytes a second into a partition, reads a second out of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_SECOND_MS = 1000


@dataclass(slots=True)
class Rate:
    """At most so much within any second. What is older is forgotten."""

    most: int
    _recent: deque[tuple[int, int]] = field(default_factory=deque)
    _sum: int = 0

    def room(self, amount: int, now_ms: int) -> bool:
        """Whether so much more is allowed now; anything is, where nothing was for a second."""
        while self._recent and now_ms - self._recent[0][0] >= _SECOND_MS:
            self._sum -= self._recent.popleft()[1]
        return not self._recent or self._sum + amount <= self.most

    def note(self, amount: int, now_ms: int) -> None:
        """So much more was taken."""
        self._recent.append((now_ms, amount))
        self._sum += amount
