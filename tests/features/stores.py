"""Stores under test, and a way past each of them to the item itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import ClientError
from millrace.dax import WritesThroughDax
from millrace.features.dynamodb import DynamoDBStore, from_wire, to_wire
from millrace.features.entry import Entry
from millrace.features.fold import fold
from millrace.features.packing import pack
from millrace.features.plan import Plan
from millrace.features.profile import Profile
from millrace.features.store import Key, LedgerStore, MemoryStore
from millrace.kinesis import Position

from tests.features.making import START_MS, event
from tests.features.services import Services

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TTL_S = 40 * 86_400


class Kept(Protocol):
    """A store, and what it keeps."""

    @property
    def store(self) -> LedgerStore:
        """The store under test."""
        ...

    def item(self, key: Key) -> dict[str, Any] | None:
        """The item of a key as it stands there."""
        ...

    def put(self, key: Key, item: Mapping[str, Any] | None) -> None:
        """Put an item there, whatever the store thinks of it; None takes it away."""
        ...

    def ledger(self) -> set[str]:
        """The ids in the ledger."""
        ...


class InMemory:
    """The store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore(expires_s=TTL_S)

    def item(self, key: Key) -> dict[str, Any] | None:
        return self.store.items.get(key.storage)

    def put(self, key: Key, item: Mapping[str, Any] | None) -> None:
        self.store.items.pop(key.storage, None)
        if item is not None:
            self.store.items[key.storage] = dict(item)

    def ledger(self) -> set[str]:
        return self.store.ledger


class InDynamoDB:
    """The store in DynamoDB, in tables of its own."""

    def __init__(self, services: Services) -> None:
        self.table, self.ledger_table = services.table(), services.table("id")
        self.client = services.client("dynamodb")
        self.store = DynamoDBStore(self.client, self.table, TTL_S, ledger=self.ledger_table)

    def item(self, key: Key) -> dict[str, Any] | None:
        answer = self.client.get_item(TableName=self.table, Key=self._key(key))
        return from_wire(answer["Item"]) if "Item" in answer else None

    def put(self, key: Key, item: Mapping[str, Any] | None) -> None:
        if item is None:
            self.client.delete_item(TableName=self.table, Key=self._key(key))
        else:
            self.client.put_item(TableName=self.table, Item=to_wire(item))

    def ledger(self) -> set[str]:
        items = self.client.scan(TableName=self.ledger_table)["Items"]
        return {item["id"]["S"] for item in items}

    def _key(self, key: Key) -> Any:
        return {"userId": {"S": key.storage}}


class Cluster:
    """A DAX cluster before a table: what it caches, and the trouble that it has."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.cached: dict[str, Mapping[str, Any]] = {}
        self.trouble: Exception | None = None
        self.loses_answers = False

    def connect(self) -> Cluster:
        if isinstance(self.trouble, ImportError):
            raise self.trouble
        return self

    def put_item(self, **request: Any) -> Mapping[str, Any]:
        if self.trouble is not None:
            raise self.trouble
        try:
            answer: Mapping[str, Any] = self.client.put_item(**request)
        except self.client.exceptions.ConditionalCheckFailedException as error:
            # DAX tells that the condition failed, and no more: not the item that stands there.
            raise ClientError({"Error": error.response["Error"]}, "PutItem") from error
        self.cached[request["Item"]["userId"]["S"]] = request["Item"]
        if self.loses_answers:
            raise ClientError({"Error": {"Code": "ConnectionException"}}, "PutItem")
        return answer


class BehindDax(InDynamoDB):
    """The store in DynamoDB whose writes go through a cluster."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.now_s = 0.0
        self.cluster = Cluster(self.client)
        through = WritesThroughDax(self.client, self.cluster.connect, lambda: self.now_s)
        self.store = DynamoDBStore(
            cast("DynamoDBClient", through), self.table, TTL_S, ledger=self.ledger_table
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What two entries must agree in to be the same."""

    state: bytes
    watermark: Position | None
    holes: tuple[str, ...]
    version: int


def shown(entry: Entry | Exception | None, plan: Plan) -> Shown:
    """An entry as a test compares it."""
    assert isinstance(entry, Entry), entry
    holes = tuple(str(hole) for hole in entry.holes)
    return Shown(pack(entry.profile, plan), entry.watermark, holes, entry.version)


def entry_of(plan: Plan, events: int, version: int = 1, watermark: int | None = None) -> Entry:
    """An entry with so many events."""
    values = (7,) * len(plan.fields)
    made = [event(n, START_MS + n * 1000, "view", *values) for n in range(events)]
    profile, _ = fold(Profile(len(plan.fields)), made, plan)
    profile.updated_ms = START_MS + events
    return Entry(profile, None if watermark is None else position(watermark), version=version)


def position(sequence: int) -> Position:
    """A place in a stream; numbers as long as Kinesis's."""
    return Position(START_MS, 3, 10**55 + sequence, 0)


def change(kept: Kept, key: Key, **attributes: object) -> None:
    """Change attributes of an item by hand; None takes one away."""
    item = {**(kept.item(key) or {"userId": key.storage}), **attributes}
    kept.put(key, {name: value for name, value in item.items() if value is not None})
