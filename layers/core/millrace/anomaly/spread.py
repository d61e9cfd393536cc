"""How wide a series swings of late, whatever single spikes do."""

from __future__ import annotations

from collections.abc import Sequence

from millrace.anomaly.averages import Average, weight_of_half_life

_USUAL = weight_of_half_life(1400)
# A size counts for at most so many usual ones: a spike is for other views.
_CLIP = 4.0


class Spread:
    """The average of the last sizes, each clipped at a multiple of the usual size."""

    __slots__ = ("recent", "usual")

    SIZE = 4  # numbers of state

    def __init__(self, weight: float) -> None:
        self.recent = Average(weight)
        self.usual = Average(_USUAL)

    def learned(self, size: float) -> float:
        """Take in the next size; the spread with it."""
        most = _CLIP * self.usual.mean
        self.recent.learn(min(size, most) if most > 0.0 else size)
        self.usual.learn(size)
        return self.recent.mean

    def state(self) -> list[float]:
        return [*self.recent.state(), *self.usual.state()]

    def restore(self, numbers: Sequence[float]) -> None:
        self.recent.restore(numbers[:2])
        self.usual.restore(numbers[2:])
