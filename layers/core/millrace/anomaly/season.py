"""What a series usually is at this hour of the day, by event time."""

from __future__ import annotations

from collections.abc import Sequence

SLOTS = 24
_SLOT_S = 3600.0
_DAY_S = 86400.0
# How much of a slot's mean one more day replaces.
_VISIT_WEIGHT = 0.3
_NONE = -1.0


class DayProfile:
    """A mean for each hour of the day (UTC), moved once a visit by the visit's own mean.

    Moved once a visit and not once a point, it is the same profile for a point a second and a
    point an hour, and an anomaly of an hour cannot teach its own hour to expect it.
    """

    __slots__ = ("count", "means", "slot", "total", "visits")

    def __init__(self) -> None:
        self.means = [0.0] * SLOTS
        self.visits = [0.0] * SLOTS
        self.slot = _NONE  # of the running visit
        self.total = 0.0
        self.count = 0.0

    def expected(self, time_s: float) -> float | None:
        """The mean at this time of day; None in an hour never visited before."""
        slot = _slot(time_s)
        if slot != self.slot:
            self._settle(slot)
        return self.means[slot] if self.visits[slot] else None

    def learn(self, value: float) -> None:
        """Take in a value of the hour that was last asked for."""
        self.total += value
        self.count += 1.0

    def _settle(self, slot: int) -> None:
        """End the running visit, and begin one of `slot`."""
        if self.count:
            left = int(self.slot)
            self.visits[left] += 1.0
            weight = max(_VISIT_WEIGHT, 1.0 / self.visits[left])
            self.means[left] += weight * (self.total / self.count - self.means[left])
        self.slot, self.total, self.count = float(slot), 0.0, 0.0

    def state(self) -> list[float]:
        return [self.slot, self.total, self.count, *self.means, *self.visits]

    def restore(self, numbers: Sequence[float]) -> None:
        self.slot, self.total, self.count = numbers[:3]
        self.means = list(numbers[3 : 3 + SLOTS])
        self.visits = list(numbers[3 + SLOTS :])


def _slot(time_s: float) -> int:
    return int(time_s % _DAY_S / _SLOT_S) % SLOTS
