"""Waves of a rollout: the same fleet, layer version and shares give the same waves each time.

Functions stand in the order of a hash over the layer version and the function's ARN. So a run that
is repeated meets the same functions first, another version is tried on other ones, and a function
that is added or deleted changes nobody else's place in the order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from millrace.errors import ConfigurationError

DEFAULT = "1,5%,25%,100%"

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the fleet has the new version after a wave: a count, or a part of all."""

    count: int = 0
    part: Fraction | None = None

    def of(self, fleet: int) -> int:
        """The number of functions; a part is rounded up, so that no wave is empty of sense."""
        return min(fleet, self.count if self.part is None else ceil(self.part * fleet))


def shares(text: str) -> tuple[Share, ...]:
    """The shares that an option names. Raises ConfigurationError.

    >>> [share.of(1000) for share in shares("1,5%,25%,100%")]
    [1, 50, 250, 1000]
    """
    parts = [part.strip() for part in text.split(",")]
    found = tuple(_share(part, text) for part in parts)
    for (before, earlier), (after, later) in pairwise(zip(parts, found, strict=True)):
        if not _more(earlier, later):
            raise ConfigurationError(
                f"--waves {text}: {after} after {before} is no more; each share is of the"
                f" whole fleet and includes those before it, as in {DEFAULT}."
            )
    if found[-1].part != 1:
        raise ConfigurationError(
            f"--waves {text} ends with {parts[-1]}: what comes after it would never get the"
            f" version. End with 100%, as in {DEFAULT}."
        )
    return found


def ordered(names: Iterable[str], salt: str) -> list[str]:
    """The names in the order in which they are changed."""
    return sorted(set(names), key=lambda name: (_digest(salt, name), name))


def assign(names: Sequence[str], wanted: Sequence[Share]) -> list[tuple[int, str]]:
    """Each name with its wave, from 1, for names in their order.

    A wave that would add nobody, as in a small fleet, is left out; the others keep their numbers.

    >>> assign(["a", "b", "c"], shares("1,5%,50%,100%"))
    [(1, 'a'), (3, 'b'), (4, 'c')]
    """
    bounds = [share.of(len(names)) for share in wanted]
    return [
        (next(wave for wave, bound in enumerate(bounds, 1) if place <= bound), name)
        for place, name in enumerate(names, 1)
    ]


def left_out(text: str, fleet: int) -> str:
    """The waves that would add nobody to a fleet of this size, for people; empty where none.

    >>> left_out("1,5%,25%,100%", 4)
    'of 4 functions, 5% (wave 2) and 25% (wave 3) are no more than the waves before them'
    >>> left_out("1,5%,25%,100%", 1000)
    ''
    """
    bounds = [0, *(share.of(fleet) for share in shares(text))]
    parts = [part.strip() for part in text.split(",")]
    empty = [
        f"{part} (wave {wave})"
        for wave, part in enumerate(parts, 1)
        if bounds[wave] <= max(bounds[:wave])
    ]
    if not fleet or not empty:
        return ""
    they = "are no more than the waves before them"
    if len(empty) == 1:
        they = "is no more than the waves before it"
    named = " and ".join([", ".join(empty[:-1]), empty[-1]] if len(empty) > 1 else empty)
    functions = "function" if fleet == 1 else "functions"
    return f"of {fleet:,} {functions}, {named} {they}"


def _share(part: str, text: str) -> Share:
    found = _SHARE.fullmatch(part)
    number = Fraction(found[1]) if found else Fraction(0)
    percent = bool(found and found[2])
    if not number or (percent and number > 100) or (not percent and number.denominator != 1):
        raise ConfigurationError(
            f"--waves {text}: {part!r} is no share of a fleet; a number of functions is, from 1, or"
            " a percentage up to 100%."
        )
    return Share(part=number / 100) if percent else Share(count=int(number))


def _more(earlier: Share, later: Share) -> bool:
    """A count and a part can be compared only when the fleet is known; then the larger counts."""
    if earlier.part is not None and later.part is not None:
        return later.part > earlier.part
    if earlier.part is None and later.part is None:
        return later.count > earlier.count
    return True


def _digest(salt: str, name: str) -> bytes:
    return hashlib.sha256(f"{salt}\0{name}".encode()).digest()
