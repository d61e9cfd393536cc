"""Client request tokens: a transaction that comes again within ten minutes is not run again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

LIFETIME_S = 600.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What a token stands for: the request it came with and the answer that was given."""

    content: bytes
    answer: T
    at_s: float


@dataclass(slots=True)
class Tokens(Generic[T]):
    """Tokens by age; the old ones are forgotten as new ones come."""

    _known: OrderedDict[str, Known[T]] = field(default_factory=OrderedDict)

    def find(self, token: str, now_s: float) -> Known[T] | None:
        """What `token` stands for, or None when it is new or ten minutes old."""
        while self._known:
            oldest, known = next(iter(self._known.items()))
            if now_s - known.at_s <= LIFETIME_S:
                break
            del self._known[oldest]
        return self._known.get(token)

    def remember(self, token: str, content: bytes, answer: T, now_s: float) -> None:
        """Let `token` stand for `content`, which was answered with `answer`."""
        self._known[token] = Known(content, answer, now_s)
