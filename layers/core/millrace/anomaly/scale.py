"""Any magnitude, brought near 1 by a power of two, which loses no bit."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Squares of numbers up to this exponent are far from the largest float.
_LARGEST_EXPONENT = 400


class Scale:
    """The power of two of a series: that of its first value other than zero.

    A later value that is 2⁴⁰⁰ times as large sets it anew.
    """

    __slots__ = ("exponent", "known")

    def __init__(self) -> None:
        self.exponent = 0
        self.known = False

    def outgrown(self, value: float) -> bool:
        """Take in the next value; True when what was learned at the old scale is of no use."""
        if value == 0.0:
            return False
        exponent = math.frexp(value)[1]
        if self.known and exponent - self.exponent <= _LARGEST_EXPONENT:
            return False
        outgrown, self.known, self.exponent = self.known, True, exponent
        return outgrown

    def down(self, value: float) -> float:
        return math.ldexp(value, -self.exponent)

    def up(self, value: float) -> float:
        """Back in the units of the series; infinite where no float can say it."""
        try:
            return math.ldexp(value, self.exponent)
        except OverflowError:
            return math.copysign(math.inf, value)

    def state(self) -> list[float]:
        return [float(self.exponent), float(self.known)]

    def restore(self, numbers: Sequence[float]) -> None:
        self.exponent, self.known = int(numbers[0]), bool(numbers[1])
