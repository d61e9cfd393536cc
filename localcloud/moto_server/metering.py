"""Metering DynamoDB requests: which items they touch and what they consume.

A write costs the larger of the item before and after, and costs it too when its condition fails;
a transaction costs twice as much. Secondary indexes are not metered, and a query or scan is
metered by what it returns, which is a lower bound when it filters or projects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType

from localcloud.moto_server.capacity import Units, item_bytes, read_units, write_units

Key = Mapping[str, Any]

_TRANSACTIONS = ("TransactGetItems", "TransactWriteItems")
_BATCHES = ("BatchGetItem", "BatchWriteItem", *_TRANSACTIONS)


def touched(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, Key]]:
    """Table and key (or whole item, which holds the key) of every item that a request writes."""
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield request["TableName"], request.get("Key") or request["Item"]
    elif operation == "BatchWriteItem":
        for table, writes in request["RequestItems"].items():
            for write in writes:
                for one in write.values():
                    yield table, one.get("Key") or one["Item"]
    elif operation == "TransactWriteItems":
        for write in request["TransactItems"]:
            for one in write.values():
                yield one["TableName"], one.get("Key") or one["Item"]


@dataclass(slots=True)
class Meter:
    """Measures one request: made before it runs, asked after it ran."""

    backend: DynamoDBBackend
    operation: str
    request: Mapping[str, Any]
    _before: list[tuple[str, Key, int]] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self._before = [
                (table, key, max(self._stored(table, key), self._offered(key)))
                for table, key in touched(self.operation, self.request)
            ]
        except (LookupError, AttributeError, TypeError, StopIteration):
            self._before = []  # malformed: moto will say so

    def units(self, result: Mapping[str, Any]) -> Mapping[str, Units]:
        """Units by table, given moto's result (empty when a condition failed)."""
        units: dict[str, Units] = {}
        factor = 2.0 if self.operation in _TRANSACTIONS else 1.0
        for table, key, before in self._before:
            written = write_units(max(before, self._stored(table, key)))
            units[table] = units.get(table, Units()) + Units(write=factor * written)
        for table, read in self._reads(result):
            units[table] = units.get(table, Units()) + Units(read=read)
        return units

    @staticmethod
    def header(units: Mapping[str, Units]) -> dict[str, str]:
        """The units of all tables as the header that the gateway counts and takes away."""
        total = sum(units.values(), Units())
        return {"x-localcloud-capacity": f"{total.read:g} {total.write:g}"}

    def _stored(self, table_name: str, key: Key) -> int:
        table = self.backend.tables.get(table_name)
        if table is None or table.hash_key_attr not in key:
            return 0
        found: Any = table.items.get(DynamoType(key[table.hash_key_attr]))
        if table.range_key_attr is not None and found is not None:
            found = found.get(DynamoType(key[table.range_key_attr]))
        return item_bytes(found.attrs) if found is not None else 0

    def _offered(self, item_or_key: Key) -> int:
        return item_bytes(item_or_key)

    def _reads(self, result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
        request = self.request
        if self.operation == "GetItem":
            yield request["TableName"], _read(result.get("Item"), request)
        elif self.operation in ("Query", "Scan"):
            size = sum(map(item_bytes, result.get("Items", ())))
            consistent = bool(request.get("ConsistentRead"))
            yield request["TableName"], read_units(size, consistent=consistent)
        elif self.operation == "BatchGetItem":
            for table, wanted in request["RequestItems"].items():
                found = result.get("Responses", {}).get(table, ())
                missing = len(wanted["Keys"]) - len(found)
                yield table, sum(_read(item, wanted) for item in (*found, *[None] * missing))
        elif self.operation == "TransactGetItems":
            answers = result.get("Responses", ())
            for get, answer in zip(request["TransactItems"], answers, strict=False):
                size = item_bytes(answer.get("Item") or {})
                yield get["Get"]["TableName"], 2 * read_units(size, consistent=True)


def _read(item: Mapping[str, Any] | None, request: Mapping[str, Any]) -> float:
    return read_units(item_bytes(item or {}), consistent=bool(request.get("ConsistentRead")))


def consumed(
    operation: str, request: Mapping[str, Any], units: Mapping[str, Units]
) -> dict[str, Any]:
    """The ConsumedCapacity member of an answer, if the request asked for it."""
    wanted = request.get("ReturnConsumedCapacity", "NONE")
    if wanted not in ("TOTAL", "INDEXES"):
        return {}
    entries = [_entry(table, each, wanted) for table, each in units.items()]
    if operation in _BATCHES:
        return {"ConsumedCapacity": entries}
    return {"ConsumedCapacity": entries[0]} if entries else {}


def _entry(table: str, units: Units, wanted: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"TableName": table, "CapacityUnits": units.total}
    if wanted == "INDEXES":
        entry["Table"] = {"CapacityUnits": units.total}
    return entry
