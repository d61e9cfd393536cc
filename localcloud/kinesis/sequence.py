"""Sequence numbers: 56 decimal digits, as long as Kinesis's own, that only ever grow.

A number is 186 bits, from the highest: a one (so that there are always 56 digits), the birth of
the shard (48 bits, milliseconds), the moment of the record (48 bits of milliseconds and 57 that
count within one), the shard's index (32). A child shard is born later than its parents, so all of
its numbers are larger than all of theirs; the index makes numbers unique in a stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.kinesis.errors import InvalidArgument

DIGITS = 56
_INDEX_BITS = 32
_COUNT_BITS = 57
_MOMENT_BITS = 48 + _COUNT_BITS
_BIRTH_SHIFT = _INDEX_BITS + _MOMENT_BITS
_LEADING_ONE = 1 << (_BIRTH_SHIFT + 48)
_BEYOND_ALL = "9" * DIGITS


@dataclass(frozen=True, slots=True)
class Origin:
    """The shard that a sequence number came from: its birth in milliseconds and its index."""

    birth_ms: int
    shard_index: int


class Sequencer:
    """Numbers of one shard, each larger than the last, whatever the clock does."""

    __slots__ = ("_base", "_moment", "last", "starting")

    def __init__(self, origin: Origin) -> None:
        self._base = _LEADING_ONE | origin.birth_ms << _BIRTH_SHIFT | origin.shard_index
        self._moment = origin.birth_ms << _COUNT_BITS
        self.starting = self._text()
        self.last = self.starting

    def next(self, arrival_ms: int) -> str:
        """The number for a record that arrives now; larger than every number before it."""
        self._moment = max(self._moment + 1, arrival_ms << _COUNT_BITS)
        self.last = self._text()
        return self.last

    def _text(self) -> str:
        return str(self._base | self._moment << _INDEX_BITS)


def padded(number: str) -> str:
    """A sequence number in the form in which text order is number order.

    >>> padded("12") < padded("111")
    True

    Raises InvalidArgument when `number` is not made of decimal digits.
    """
    if not (number.isascii() and number.isdecimal()):
        raise InvalidArgument(f"Sequence number {number!r} is not made of decimal digits.")
    digits = number.lstrip("0")
    return digits.zfill(DIGITS) if len(digits) <= DIGITS else _BEYOND_ALL


def before(number: str) -> str:
    """The number just below, so that reading after it reads `number` itself.

    >>> before("100").lstrip("0")
    '99'
    """
    return padded(str(max(int(padded(number)) - 1, 0)))


def origin_of(number: str) -> Origin | None:
    """The shard that issued `number`; None when it has not the form of a sequence number."""
    value = int(padded(number))
    if value >> (_BIRTH_SHIFT + 48) != 1:
        return None
    birth_ms = (value >> _BIRTH_SHIFT) & ((1 << 48) - 1)
    return Origin(birth_ms, value & ((1 << _INDEX_BITS) - 1))
