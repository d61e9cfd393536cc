"""Entries in DynamoDB: batch reads, and one conditional write per key."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import PARALLEL, unavailable
from millrace.errors import (
    AlreadyRedriven,
    ConfigurationError,
    MillraceError,
    Unavailable,
    UnreadableState,
    WriteConflict,
)
from millrace.features.entry import Entry, Hole, new_entry
from millrace.features.item import KEY, Attribute, from_item, to_item
from millrace.features.plan import Plan
from millrace.features.store import (
    Conflict,
    Key,
    after_giving_up,
    check_hole,
    same_write,
    stored_version,
    stored_watermark,
)
from millrace.kinesis import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

_BATCH_KEYS = 100
_UNPROCESSED_TRIES = 4


class DynamoDBStore:
    """A store in one table whose partition key is `userId`.

    `ttl_s` is how long after its last event's arrival an item may be forgotten; it must outlast
    the stream's retention and the longest window, or a replay could count an event twice.
    `plain` keeps the attributes for readers of the table; `ledger` is the table of redriven ids,
    which only redrives need. Adds up the write capacity that it consumed.
    """

    parallel = PARALLEL

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        ttl_s: int,
        *,
        plain: bool = True,
        ledger: str | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._ttl_s = ttl_s
        self._plain = plain
        self._ledger = ledger
        self.consumed_wcu = 0.0

    def read(self, keys: Sequence[Key]) -> Mapping[str, Entry | Exception | None]:
        """See Store: a consistent read of 100 keys a request."""
        found: dict[str, Entry | Exception | None] = {}
        for start in range(0, len(keys), _BATCH_KEYS):
            chunk = keys[start : start + _BATCH_KEYS]
            try:
                items = {item[KEY]["S"]: item for item in self._items(chunk)}
            except MillraceError as error:
                found.update(dict.fromkeys((key.storage for key in chunk), error))
                continue
            for key in chunk:
                found[key.storage] = self._entry(items.get(key.storage), key.plan)
        return found

    def _entry(self, item: Mapping[str, Any] | None, plan: Plan) -> Entry | Exception | None:
        try:
            return None if item is None else from_item(from_wire(item), plan)
        except UnreadableState as error:
            return error

    def _items(self, keys: Sequence[Key]) -> Iterator[Mapping[str, Any]]:
        wanted: Any = {
            self._table: {
                "Keys": [{KEY: {"S": key.storage}} for key in keys],
                "ConsistentRead": True,
            }
        }
        for attempt in range(_UNPROCESSED_TRIES):
            try:
                answer = self._client.batch_get_item(RequestItems=wanted)
            except (ClientError, BotoCoreError) as error:
                raise self._failed("read features", error) from error
            yield from answer["Responses"].get(self._table, ())
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return
            time.sleep(0.05 * 2**attempt)
        left = len(wanted[self._table]["Keys"])
        raise Unavailable(f"DynamoDB left {left} keys of {self._table} unread: it is throttled.")

    def write(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int
    ) -> Conflict | None:
        """See Store: PutItem on condition of the version."""
        request: PutItemInputTypeDef = {
            **conditional_put(self._table, item, expected_version),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            "ReturnConsumedCapacity": "TOTAL",
        }
        try:
            answer = self._client.put_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            present: Any = error.response.get("Item")
            return self._conflict(key.plan, present, item)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("write features", error) from error
        self.consumed_wcu += answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
        return None

    def item(self, key: Key, entry: Entry) -> Mapping[str, Attribute]:
        """See Store."""
        expires_s = entry.profile.updated_ms // 1000 + self._ttl_s
        return to_item(key.storage, entry, key.plan, expires_s, plain=self._plain)

    def write_once(
        self, key: Key, item: Mapping[str, Attribute], expected_version: int, ids: Sequence[str]
    ) -> Conflict | None:
        """See LedgerStore: one transaction over both tables."""
        if self._ledger is None:
            raise ConfigurationError("No ledger table is named; a redrive needs one.")
        puts: list[Any] = [{"Put": conditional_put(self._table, item, expected_version)}]
        for identity in ids:
            puts.append(
                {
                    "Put": {
                        "TableName": self._ledger,
                        "Item": {"id": {"S": identity}},
                        "ConditionExpression": "attribute_not_exists(id)",
                    }
                }
            )
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as error:
            return self._cancelled(key, error, ids)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("redrive events", error) from error
        return None

    def _cancelled(self, key: Key, error: ClientError, ids: Sequence[str]) -> Conflict:
        reasons: Any = error.response.get("CancellationReasons", ())
        codes = [reason.get("Code") for reason in reasons]
        for identity, code in zip(ids, codes[1:], strict=False):
            if code == "ConditionalCheckFailed":
                raise AlreadyRedriven(f"{identity} was redriven before.") from error
        if codes and codes[0] == "ConditionalCheckFailed":
            raw = self._raw(key)
            return Conflict(None if raw is None else from_item(raw, key.plan))
        raise self._failed("redrive events", error) from error

    def watermark(self, key: Key) -> Position | None:
        """See Store."""
        return stored_watermark(self._raw(key))

    def give_up(self, key: Key, hole: Hole) -> None:
        """See Store: PutItem of what stands there with the attributes that change."""
        present = self._raw(key)
        check_hole(present, key, hole)
        item = dict(present or self.item(key, new_entry(key.plan)))
        item.update(after_giving_up(present, hole))
        try:
            request = conditional_put(self._table, item, stored_version(present))
            self._client.put_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise WriteConflict(f"{key.storage!r} changed while it was given up") from error
        except (ClientError, BotoCoreError) as error:
            raise self._failed("give up events", error) from error

    def _raw(self, key: Key) -> dict[str, Any] | None:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={KEY: {"S": key.storage}}, ConsistentRead=True
            )
        except (ClientError, BotoCoreError) as error:
            raise self._failed("read features", error) from error
        return from_wire(answer["Item"]) if "Item" in answer else None

    def _conflict(
        self, plan: Plan, present: Mapping[str, Any] | None, item: Mapping[str, Attribute]
    ) -> Conflict | None:
        if not present:
            return Conflict(None)
        values = from_wire(present)
        if same_write(values, item):
            return None
        return Conflict(from_item(values, plan))

    def _failed(self, action: str, error: Exception) -> Unavailable:
        return unavailable(f"{action} in {self._table}", error, self._client.meta.endpoint_url)


def conditional_put(
    table: str, item: Mapping[str, Attribute], expected_version: int
) -> PutItemInputTypeDef:
    """A Put that holds only while the stored version is `expected_version` (0: no item)."""
    request: PutItemInputTypeDef = {"TableName": table, "Item": to_wire(item)}
    if expected_version:
        request["ConditionExpression"] = "#version = :version"
        request["ExpressionAttributeNames"] = {"#version": "version"}
        request["ExpressionAttributeValues"] = {":version": {"N": str(expected_version)}}
    else:
        request["ConditionExpression"] = f"attribute_not_exists({KEY})"
    return request


def to_wire(item: Mapping[str, Attribute]) -> dict[str, Any]:
    """Plain values as DynamoDB's typed attributes."""
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Attribute) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, list):
        return {"L": [{"S": text} for text in value]}
    return {"N": format(value, "f") if isinstance(value, Decimal) else str(value)}


def from_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's typed attributes as plain values; numbers as Decimal."""
    return {name: _plain(typed) for name, typed in item.items()}


def _plain(typed: Mapping[str, Any]) -> Any:  # noqa: ANN401  an attribute can be anything
    ((kind, value),) = typed.items()
    if kind == "N":
        return Decimal(value)
    if kind == "L":
        return [_plain(element) for element in value]
    return value
