"""The store in DynamoDB: lost answers, throttling, half-answered reads, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from millrace.errors import ConfigurationError, Throttled, Unavailable, WriteConflict
from millrace.features.dynamodb import DynamoDBStore
from millrace.features.entry import Entry, Hole
from millrace.features.plan import Plan
from millrace.features.store import Conflict, Key

from localcloud.faults.plan import When
from tests.features.services import Services, failing
from tests.features.stores import TTL_S, InDynamoDB, entry_of, position, shown

THROTTLE = failing("ProvisionedThroughputExceededException")


@pytest.fixture
def kept(services: Services) -> InDynamoDB:
    return InDynamoDB(services)


@pytest.fixture
def key(shipped: Plan) -> Key:
    return Key("u1", shipped)


def write(kept: InDynamoDB, key: Key, entry: Entry) -> Conflict | None:
    return kept.store.write(key, kept.store.item(key, entry), entry.version - 1)


def impatient(services: Services, kept: InDynamoDB) -> DynamoDBStore:
    """The same store with a client that tries once."""
    client = services.client("dynamodb", attempts=1)
    return DynamoDBStore(client, kept.table, TTL_S, ledger=kept.ledger_table)


# Lost answers.


def test_a_put_whose_answer_was_lost_is_put_once(
    services: Services, kept: InDynamoDB, key: Key
) -> None:
    """The SDK tries again by itself and meets its own write."""
    before = services.calls("dynamodb", "PutItem")
    services.fail("dynamodb", "PutItem", None, 1, when=When.AFTER)
    assert write(kept, key, entry_of(key.plan, 3)) is None
    assert services.calls("dynamodb", "PutItem") == before + 2
    found = kept.store.read([key])["u1"]
    assert shown(found, key.plan) == shown(entry_of(key.plan, 3), key.plan)


def test_a_put_of_which_nothing_is_known_may_be_repeated(
    services: Services, kept: InDynamoDB, key: Key
) -> None:
    store, entry = impatient(services, kept), entry_of(key.plan, 3)
    services.fail("dynamodb", "PutItem", None, 1, when=When.AFTER)
    with pytest.raises(
        Unavailable, match=f"Cannot write features in {kept.table} at {services.url}"
    ):
        store.write(key, store.item(key, entry), 0)
    assert store.write(key, store.item(key, entry), 0) is None
    assert shown(store.read([key])["u1"], key.plan).version == 1


def test_a_transaction_whose_answer_was_lost_happens_once(
    services: Services, kept: InDynamoDB, key: Key
) -> None:
    services.fail("dynamodb", "TransactWriteItems", None, 1, when=When.AFTER)
    item = kept.store.item(key, entry_of(key.plan, 3))
    assert kept.store.write_once(key, item, 0, ["a"]) is None
    assert kept.ledger() == {"a"}


def test_giving_up_whose_answer_was_lost_is_found_done(
    services: Services, kept: InDynamoDB, key: Key
) -> None:
    hole = Hole.behind(None, position(4))
    services.fail("dynamodb", "PutItem", None, 1, when=When.AFTER)
    with pytest.raises(WriteConflict, match="changed while it was given up"):
        kept.store.give_up(key, hole)
    assert kept.store.watermark(key) == position(4)
    item = kept.item(key)
    assert item is not None
    assert (item["holes"], item["version"]) == ([str(hole)], 1)


# Throttling, and services that are down.


@pytest.mark.parametrize(
    ("effect", "kind"), [(THROTTLE, Throttled), (failing("InternalServerError"), Unavailable)]
)
def test_what_goes_on_failing_is_unavailable(
    services: Services, kept: InDynamoDB, key: Key, effect: Any, kind: type[Unavailable]
) -> None:
    store, entry = impatient(services, kept), entry_of(key.plan, 1)
    item, hole = store.item(key, entry), Hole.behind(None, position(1))
    for operation, work in (
        ("PutItem", lambda: store.write(key, item, 0)),
        ("TransactWriteItems", lambda: store.write_once(key, item, 0, ["a"])),
        ("GetItem", lambda: store.watermark(key)),
        ("GetItem", lambda: store.give_up(key, hole)),
        ("PutItem", lambda: store.give_up(key, hole)),
    ):
        services.fail("dynamodb", operation, effect)
        with pytest.raises(Unavailable, match=kept.table) as raised:
            work()
        assert type(raised.value) is kind
    services.heal()
    assert kept.item(key) is None


def test_one_throttled_answer_is_tried_again(
    services: Services, kept: InDynamoDB, key: Key
) -> None:
    services.fail("dynamodb", "*", THROTTLE, 1)
    assert write(kept, key, entry_of(key.plan, 1)) is None


def test_a_read_that_fails_costs_its_hundred_keys_only(
    services: Services, kept: InDynamoDB, shipped: Plan
) -> None:
    keys = [Key(f"u{n}", shipped) for n in range(250)]
    write(kept, keys[0], entry_of(shipped, 1))
    write(kept, keys[249], entry_of(shipped, 2))
    services.fail("dynamodb", "BatchGetItem", THROTTLE, 2)
    found = impatient(services, kept).read(keys)
    assert isinstance(found["u0"], Entry)
    assert found["u99"] is None
    assert all(isinstance(found[f"u{n}"], Throttled) for n in range(100, 200))
    assert isinstance(found["u249"], Entry)


def test_a_table_that_is_not_there_is_named(services: Services, key: Key) -> None:
    store = DynamoDBStore(services.client("dynamodb"), "nowhere", TTL_S)
    error = store.read([key])["u1"]
    assert isinstance(error, Unavailable)
    assert "nowhere" in str(error)
    with pytest.raises(ConfigurationError, match="No ledger table"):
        store.write_once(key, {}, 0, ["a"])


# Reads that DynamoDB answers in parts.


class Partial:
    """A client whose reads leave keys unread: all but the first of each request, so many times."""

    class meta:
        endpoint_url = "https://dynamodb.test"

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked: list[list[str]] = []

    def batch_get_item(self, RequestItems: Any) -> Any:
        ((table, wanted),) = RequestItems.items()
        assert wanted["ConsistentRead"] is True
        keys = wanted["Keys"]
        self.asked.append([key["userId"]["S"] for key in keys])
        done = keys[:1] if self.times > 0 else keys
        self.times -= 1
        left = {table: {**wanted, "Keys": keys[len(done) :]}} if len(done) < len(keys) else {}
        return {"Responses": {table: done}, "UnprocessedKeys": left}


def test_keys_that_were_left_unread_are_asked_for_again(shipped: Plan) -> None:
    client: Any = Partial(2)
    keys = [Key(name, shipped) for name in ("a", "b", "c")]
    found = DynamoDBStore(client, "table", TTL_S).read(keys)
    assert client.asked == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert set(found) == {"a", "b", "c"}


def test_keys_that_stay_unread_are_not_taken_for_new(shipped: Plan) -> None:
    client: Any = Partial(100)
    keys = [Key(str(n), shipped) for n in range(9)]
    found = DynamoDBStore(client, "table", TTL_S).read(keys)
    assert all(isinstance(error, Unavailable) for error in found.values())
    assert "DynamoDB left 5 keys of table unread" in str(found["0"])


class Cancelling:
    """A client that cancels every transaction for the reasons it is given."""

    class meta:
        endpoint_url = "https://dynamodb.test"

    class exceptions:
        class TransactionCanceledException(ClientError):
            pass

    def __init__(self, *codes: str) -> None:
        self.reasons = [{"Code": code} for code in codes]

    def transact_write_items(self, TransactItems: Sequence[Any]) -> Any:
        answer: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
            "CancellationReasons": self.reasons,
        }
        raise self.exceptions.TransactionCanceledException(answer, "TransactWriteItems")


@pytest.mark.parametrize("codes", [("None", "TransactionConflict"), ("ThrottlingError",), ()])
def test_a_transaction_cancelled_for_another_reason_is_tried_later(
    key: Key, codes: Sequence[str]
) -> None:
    client: Any = Cancelling(*codes)
    store = DynamoDBStore(client, "table", TTL_S, ledger="ledger")
    with pytest.raises(Unavailable, match="Cannot redrive events in table"):
        store.write_once(key, store.item(key, entry_of(key.plan, 1)), 0, ["a"])


def test_writers_side_by_side_lose_nothing(kept: InDynamoDB, key: Key) -> None:
    def write_ten(writer: int) -> None:
        for number in range(10):
            # Each write is another one: equal writes would be one.
            watermark = 100 * writer + number
            entry = kept.store.read([key])["u1"]
            while not isinstance(entry, Exception):
                version = 0 if entry is None else entry.version
                after = entry_of(key.plan, version + 1, version + 1, watermark)
                conflict = kept.store.write(key, kept.store.item(key, after), version)
                if conflict is None:
                    break
                entry = conflict.current

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_ten, range(4)))
    entry = kept.store.read([key])["u1"]
    assert isinstance(entry, Entry)
    assert (entry.version, entry.profile.accepted) == (40, 40)


# What is stored.


def test_an_item_expires_after_its_last_arrival(kept: InDynamoDB, key: Key) -> None:
    entry = entry_of(key.plan, 1)
    item = kept.store.item(key, entry)
    assert item["expiresAt"] == entry.profile.updated_ms // 1000 + TTL_S


def test_without_readers_the_plain_attributes_are_left_out(
    services: Services, kept: InDynamoDB, key: Key
) -> None:
    store = DynamoDBStore(services.client("dynamodb"), kept.table, TTL_S, plain=False)
    write(kept, key, entry_of(key.plan, 1))
    assert store.write(key, store.item(key, entry_of(key.plan, 2, 2)), 1) is None
    assert set(kept.item(key) or ()) == {"userId", "state", "version", "expiresAt"}


def test_consumed_capacity_adds_up(kept: InDynamoDB, key: Key) -> None:
    for version in (1, 2):
        write(kept, key, entry_of(key.plan, 1, version))
    assert kept.store.consumed_wcu == 2.0
