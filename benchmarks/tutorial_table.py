"""What the tutorials' handlers talk to: a DynamoDB table resource in memory that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from millrace.features.dynamodb import to_wire

from localcloud.moto_server.capacity import item_bytes, read_units, write_units


class CountedTable:
    """Get and put as boto3's table has them; each call is a request, and adds to the units.

    Without `units` it only holds items, and costs next to nothing: for measuring time.
    """

    def __init__(self, *, units: bool = True) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.requests: Counter[str] = Counter()
        self.read_units = 0.0
        self.write_units = 0.0
        self._units = units

    def get_item(self, *, Key: Mapping[str, Any]) -> dict[str, Any]:
        """As boto3's: a read that need not be consistent."""
        self.requests["GetItem"] += 1
        item = self.items.get(Key["userId"])
        if self._units:
            size = 0 if item is None else item_bytes(to_wire(item))
            self.read_units += read_units(size, consistent=False)
        return {} if item is None else {"Item": dict(item)}

    def put_item(self, *, Item: Mapping[str, Any]) -> None:
        """As boto3's, whose numbers are Decimal when they are read again."""
        self.requests["PutItem"] += 1
        item = {name: _stored(value) for name, value in Item.items()}
        if self._units:
            self.write_units += write_units(item_bytes(to_wire(item)))
        self.items[item["userId"]] = item


TutorialHandler = Callable[[Mapping[str, Any], CountedTable], object]


def _stored(value: Any) -> Any:  # noqa: ANN401  an attribute can be anything
    if isinstance(value, float):
        raise TypeError("Float types are not supported. Use Decimal types instead.")
    return Decimal(value) if type(value) is int else value
