"""What a DynamoDB request costs: item sizes and capacity units.

moto answers constants. The sizes follow the developer guide's "DynamoDB item sizes and formats":
names and strings in UTF-8 bytes, a number one byte for two significant digits and one more, a null
or boolean one byte, a list or map three bytes and one for each element.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_READ_UNIT_BYTES = 4096
_WRITE_UNIT_BYTES = 1024


class TypedValue(Protocol):
    """An attribute value as moto stores it."""

    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class Units:
    """Capacity units, read and written."""

    read: float = 0.0
    write: float = 0.0

    def __add__(self, other: Units) -> Units:
        return Units(self.read + other.read, self.write + other.write)

    @property
    def total(self) -> float:
        """What ConsumedCapacity calls CapacityUnits."""
        return self.read + self.write


def item_bytes(attributes: Mapping[str, Any]) -> int:
    """The size of an item: names and values, each value as `{"S": …}` or as moto stores it.

    >>> item_bytes({"userId": {"S": "ü1"}, "n": {"N": "-12.50"}, "b": {"B": b"12345"}})
    20
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in attributes.items())


def read_units(size: int, *, consistent: bool) -> float:
    """Units of reading `size` bytes; an item that is not there costs as much as a small one.

    >>> read_units(0, consistent=False), read_units(4097, consistent=True)
    (0.5, 2.0)
    """
    return max(1, math.ceil(size / _READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


def write_units(size: int) -> float:
    """Units of writing `size` bytes.

    >>> write_units(0), write_units(1024), write_units(1025)
    (1.0, 1.0, 2.0)
    """
    return float(max(1, math.ceil(size / _WRITE_UNIT_BYTES)))


def _value_bytes(value: Mapping[str, Any] | TypedValue) -> int:
    if isinstance(value, Mapping):
        kind, inner = next(iter(value.items()))
    else:
        kind, inner = value.type, value.value
    if kind == "S":
        return len(inner.encode())
    if kind == "B":
        return _binary_bytes(inner)
    if kind == "N":
        return _number_bytes(inner)
    if kind == "M":
        return 3 + item_bytes(inner) + len(inner)
    if kind == "L":
        return 3 + sum(_value_bytes(element) + 1 for element in inner)
    if kind in ("SS", "NS", "BS"):
        return sum(_value_bytes({kind[0]: element}) for element in inner)
    return 1  # BOOL, NULL


def _binary_bytes(value: bytes | str) -> int:
    if isinstance(value, bytes):
        return len(value)
    return len(value) * 3 // 4 - value[-2:].count("=")  # base64, as it came over the wire


def _number_bytes(text: str) -> int:
    digits = text.lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")
