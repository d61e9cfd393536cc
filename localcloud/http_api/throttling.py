"""Throttling by token bucket, as API Gateway throttles: a steady rate and a burst."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second in the long run, and at once."""

    per_s: float
    burst: int


@dataclass(slots=True)
class Bucket:
    """Holds a token for every request that may come now; full at the start."""

    rate: Rate
    _tokens: float = field(init=False)
    _at_s: float | None = None

    def __post_init__(self) -> None:
        self._tokens = float(self.rate.burst)

    def take(self, now_s: float) -> bool:
        """Take a token; False when there is none. Times must not go backwards."""
        elapsed = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._tokens = min(float(self.rate.burst), self._tokens + elapsed * self.rate.per_s)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
