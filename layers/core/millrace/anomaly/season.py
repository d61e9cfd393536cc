"""What a series usually is at this hour of the day and of the week, by event time."""

from __future__ import annotations

import math
from collections.abc import Sequence

HOURS_A_DAY = 24
HOURS_A_WEEK = 168
_SLOT_S = 3600.0
_NONE = -1.0


class Season:
    """A mean for each hour of a period, moved once a visit by the visit's own mean.

    Moved once a visit and not once a point, it is the same for a point a second and a point an
    hour, and an anomaly of an hour cannot teach its own hour to expect it.
    """

    __slots__ = ("count", "means", "slot", "slots", "total", "visits", "weight")

    def __init__(self, slots: int, weight: float) -> None:
        self.slots = slots
        self.weight = weight  # how much of a slot's mean one more visit replaces
        self.means = [0.0] * slots
        self.visits = [0.0] * slots
        self.slot = _NONE  # of the running visit
        self.total = 0.0
        self.count = 0.0

    def expected(self, time_s: float) -> float | None:
        """The mean at this hour (UTC); None in an hour never visited before, or at no time."""
        if not math.isfinite(time_s):
            self._settle(_NONE)
            return None
        slot = int(time_s // _SLOT_S % self.slots)
        if slot != self.slot:
            self._settle(float(slot))
        return self.means[slot] if self.visits[slot] else None

    def learn(self, value: float) -> None:
        """Take in a value of the hour that was last asked for."""
        if self.slot != _NONE:
            self.total += value
            self.count += 1.0

    def _settle(self, slot: float) -> None:
        """End the running visit, and begin one of `slot`."""
        if self.count:
            left = int(self.slot)
            self.visits[left] += 1.0
            weight = max(self.weight, 1.0 / self.visits[left])
            self.means[left] += weight * (self.total / self.count - self.means[left])
        self.slot, self.total, self.count = slot, 0.0, 0.0

    def state(self) -> list[float]:
        return [self.slot, self.total, self.count, *self.means, *self.visits]

    def restore(self, numbers: Sequence[float]) -> None:
        self.slot, self.total, self.count = numbers[:3]
        self.means = list(numbers[3 : 3 + self.slots])
        self.visits = list(numbers[3 + self.slots :])
