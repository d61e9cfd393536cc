"""Where our DynamoDB is truer than moto: capacity, limits, tokens, transactions on large tables."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson
import pytest
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from localcloud.moto_server.capacity import item_bytes, read_units, write_units
from localcloud.moto_server.limits import violation
from localcloud.moto_server.tokens import LIFETIME_S
from tests.localcloud.moto_server.requests import REGION, Tables


def item(key: str, size: int = 0) -> dict[str, Any]:
    """An item of `size` bytes: `id`, the key and `b` with its data."""
    data = bytes(max(0, size - 3 - len(key)))
    return {"id": {"S": key}, "b": {"B": base64.b64encode(data).decode()}}


NEW_A = {"TableName": "t", "Item": item("a"), "ConditionExpression": "attribute_not_exists(id)"}


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({}, 0),
        ({"é": {"S": "é"}}, 4),
        ({"a": {"N": "0"}}, 2),
        ({"a": {"N": "100"}}, 3),
        ({"a": {"N": "-0.0012345"}}, 6),
        ({"a": {"N": "1.5E+10"}}, 3),
        ({"a": {"B": "AAEC"}}, 4),
        ({"a": {"B": "AA=="}}, 2),
        ({"a": {"BOOL": True}}, 2),
        ({"a": {"NULL": True}}, 2),
        ({"a": {"L": []}}, 4),
        ({"a": {"L": [{"S": "xy"}, {"BOOL": True}]}}, 9),
        ({"a": {"M": {"bc": {"S": "d"}}}}, 8),
        ({"a": {"SS": ["x", "yz"]}}, 4),
        ({"a": {"NS": ["1", "22"]}}, 5),
        ({"a": {"BS": ["AAEC", "AA=="]}}, 5),
    ],
)
def test_item_sizes(attributes: dict[str, Any], size: int) -> None:
    assert item_bytes(attributes) == size
    stored = Item(DynamoType({"S": "k"}), None, attributes)
    assert item_bytes(stored.attrs) == size, "the same as moto stores it"


def test_units_round_up() -> None:
    assert [write_units(size) for size in (0, 1, 1024, 1025, 2049)] == [1, 1, 1, 2, 3]
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert [read_units(size, consistent=False) for size in (0, 4096, 4097)] == [0.5, 0.5, 1]


def test_writes_cost_the_larger_of_the_item_before_and_after() -> None:
    tables = Tables()
    assert tables.capacity("PutItem", TableName="t", Item=item("a", 3000)) == "0 3"
    assert tables.capacity("PutItem", TableName="t", Item=item("a", 100)) == "0 3"
    assert tables.capacity("PutItem", TableName="t", Item=item("a", 1025)) == "0 2"
    grow = {
        "UpdateExpression": "SET c = :c",
        "ExpressionAttributeValues": {":c": {"S": "x" * 4096}},
    }
    assert tables.capacity("UpdateItem", TableName="t", Key=key("a"), **grow) == "0 6"
    assert tables.capacity("DeleteItem", TableName="t", Key=key("a")) == "0 6"
    assert tables.capacity("DeleteItem", TableName="t", Key=key("a")) == "0 1"


def test_a_failed_condition_costs_what_the_write_would() -> None:
    tables = Tables()
    tables.call("PutItem", TableName="t", Item=item("a", 2000))
    guard = {"ConditionExpression": "attribute_not_exists(id)"}
    assert tables.capacity("PutItem", TableName="t", Item=item("a", 5000), **guard) == "0 5"
    assert tables.capacity("DeleteItem", TableName="t", Key=key("a"), **guard) == "0 2"
    assert tables.capacity("PutItem", TableName="nowhere", Item=item("a")) == ""


def test_reads_and_batches_round_each_item() -> None:
    tables = Tables()
    for name, size in (("a", 100), ("b", 4097)):
        tables.call("PutItem", TableName="t", Item=item(name, size))
    assert tables.capacity("GetItem", TableName="t", Key=key("b")) == "1 0"
    assert tables.capacity("GetItem", TableName="t", Key=key("b"), ConsistentRead=True) == "2 0"
    assert tables.capacity("GetItem", TableName="t", Key=key("x")) == "0.5 0"
    keys: dict[str, Any] = {"Keys": [key("a"), key("b"), key("x")]}
    assert tables.capacity("BatchGetItem", RequestItems={"t": keys}) == "2 0"
    keys["ConsistentRead"] = True
    assert tables.capacity("BatchGetItem", RequestItems={"t": keys}) == "4 0"
    assert tables.capacity("Scan", TableName="t") == "1 0"
    writes: list[dict[str, Any]] = [
        {"PutRequest": {"Item": item("c", 1500)}},
        {"DeleteRequest": {"Key": key("b")}},
    ]
    assert tables.capacity("BatchWriteItem", RequestItems={"t": writes}) == "0 7"
    writes = [{"Put": {"TableName": "t", "Item": item("d", 1025)}}]
    assert tables.capacity("TransactWriteItems", TransactItems=writes) == "0 4"
    gets = [{"Get": {"TableName": "t", "Key": key("d")}}]
    assert tables.capacity("TransactGetItems", TransactItems=gets) == "2 0"


def test_capacity_is_answered_to_those_who_ask() -> None:
    tables = Tables()
    put = {"TableName": "t", "Item": item("a", 2000)}
    update = {"TableName": "t", "Key": key("a"), "UpdateExpression": "REMOVE c"}
    write = {"t": [{"DeleteRequest": {"Key": key("b")}}]}
    for operation, request in (
        ("PutItem", put),
        ("UpdateItem", update),
        ("BatchWriteItem", {"RequestItems": write}),
    ):
        assert "ConsumedCapacity" not in tables.call(operation, **request)
    assert tables.call("PutItem", **put, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"] == {
        "TableName": "t",
        "CapacityUnits": 2.0,
    }
    batch = {"RequestItems": {"t": {"Keys": [key("a")]}}, "ReturnConsumedCapacity": "INDEXES"}
    assert tables.call("BatchGetItem", **batch)["ConsumedCapacity"] == [
        {"TableName": "t", "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.5}}
    ]


@pytest.mark.parametrize(
    "request_",
    [
        {"Item": {"n": {"N": "1" * 39}}},
        {"Item": {"n": {"N": "0." + "1" * 39}}},
        {"Item": {"l": {"L": [{"M": {"n": {"NS": ["1", "-" + "12" * 20]}}}]}}},
        {"UpdateExpression": "ADD a.b :n"},
        {"UpdateExpression": "SET x = :x ADD c :n, a[0] :n"},
        {"TransactItems": [{"Update": {"UpdateExpression": "add a.b :n"}}]},
    ],
)
def test_what_dynamodb_refuses_is_refused(request_: dict[str, Any]) -> None:
    assert violation(request_) is not None


@pytest.mark.parametrize(
    "request_",
    [
        {"Item": {"n": {"N": "1" * 38}}},
        {"Item": {"n": {"N": "000" + "1" * 38 + "000"}}},
        {"Item": {"n": {"N": "-" + "1" * 38 + "E+9"}}},
        {"Item": {"N": {"S": "1" * 60}}},
        {"UpdateExpression": "SET a.b = :n ADD c :n"},
        {"UpdateExpression": "SET #add.b = :n, x.add.y = :m"},
    ],
)
def test_what_dynamodb_takes_is_taken(request_: dict[str, Any]) -> None:
    assert violation(request_) is None


def test_limits_hold_for_writes() -> None:
    tables = Tables()
    status, body = tables.outcome(
        "PutItem", {"TableName": "t", "Item": {**key("a"), "n": {"N": "1" * 56}}}
    )
    assert (status, body["__type"].partition("#")[2]) == (400, "ValidationException")
    assert tables.scan() == []


def test_a_transaction_that_comes_again_is_not_run_again() -> None:
    tables = Tables()
    guarded = {
        "TableName": "t",
        "Item": item("a"),
        "ConditionExpression": "attribute_not_exists(id)",
    }
    request = {"TransactItems": [{"Put": guarded}], "ClientRequestToken": "once"}
    assert tables.outcome("TransactWriteItems", request)[0] == 200
    assert tables.outcome("TransactWriteItems", request)[0] == 200
    other = {"TransactItems": [{"Put": {"TableName": "t", "Item": item("b")}}]}
    status, body = tables.outcome("TransactWriteItems", {**other, "ClientRequestToken": "once"})
    assert (status, body["__type"].partition("#")[2]) == (
        400,
        "IdempotentParameterMismatchException",
    )
    tables.clock.now_s += LIFETIME_S + 1
    assert tables.outcome("TransactWriteItems", request)[0] == 400, "the token is forgotten"


def test_a_failed_transaction_may_be_tried_again_under_its_token() -> None:
    tables = Tables()
    tables.call("PutItem", TableName="t", Item=item("a"))
    guarded = {
        "TableName": "t",
        "Item": item("a"),
        "ConditionExpression": "attribute_not_exists(id)",
    }
    request = {"TransactItems": [{"Put": guarded}], "ClientRequestToken": "again"}
    assert tables.outcome("TransactWriteItems", request)[0] == 400
    tables.call("DeleteItem", TableName="t", Key=key("a"))
    assert tables.outcome("TransactWriteItems", request)[0] == 200


class Uncopyable(Item):
    """An item that fails the test when somebody copies it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Item:
        raise AssertionError(f"{self.hash_key} was copied for a transaction that does not touch it")


def test_a_transaction_copies_only_its_own_items_and_undoes_them_all() -> None:
    tables = Tables()
    for name in ("a", "b"):
        tables.call("PutItem", TableName="t", Item=item(name, 50))
    stored = dynamodb_backends[tables.account][REGION].tables["t"]
    bystander = DynamoType({"S": "bystander"})
    stored.items[bystander] = Uncopyable(bystander, None, item("bystander"))  # type: ignore[assignment]
    before = _items(tables)

    update = {"UpdateExpression": "SET c = :c", "ExpressionAttributeValues": {":c": {"S": "x"}}}
    writes = [
        {"Update": {"TableName": "t", "Key": key("a"), **update}},
        {"Delete": {"TableName": "t", "Key": key("b")}},
        {"Put": {"TableName": "t", "Item": item("new")}},
        {
            "ConditionCheck": {
                "TableName": "t",
                "Key": key("bystander2"),
                "ConditionExpression": "attribute_exists(id)",
            }
        },
    ]
    assert tables.outcome("TransactWriteItems", {"TransactItems": writes})[0] == 400
    assert _items(tables) == before
    assert tables.outcome("TransactWriteItems", {"TransactItems": writes[:3]})[0] == 200
    assert [each for each, _ in _items(tables)] == ["a", "bystander", "new"]


def _items(tables: Tables) -> list[tuple[str, str]]:
    stored: dict[DynamoType, Any] = dynamodb_backends[tables.account][REGION].tables["t"].items
    return sorted((key.value, repr(one.to_json())) for key, one in stored.items())


def test_a_transaction_over_ranges_is_undone() -> None:
    tables = Tables()
    row = {"id": {"S": "a"}, "at": {"N": "1"}, "v": {"S": "old"}}
    tables.call("PutItem", TableName="r", Item=row)
    writes = [
        {"Put": {"TableName": "r", "Item": {**row, "v": {"S": "new"}}}},
        {"Put": {"TableName": "r", "Item": {**row, "at": {"N": "2"}}}},
        {
            "ConditionCheck": {
                "TableName": "t",
                "Key": key("x"),
                "ConditionExpression": "attribute_exists(id)",
            }
        },
    ]
    assert tables.outcome("TransactWriteItems", {"TransactItems": writes})[0] == 400
    assert tables.scan("r") == [row]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"Item": {"b": {"B": "%%%"}}}'])
def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    answer = Tables().plane.call("PutItem", REGION, body)
    assert answer.status == 400
    assert b"SerializationException" in answer.body
    assert answer.headers["x-amz-crc32"] == str(binascii.crc32(answer.body))


def test_a_failure_inside_moto_is_an_aws_error(caplog: pytest.LogCaptureFixture) -> None:
    for item in (b"[1]", b'{"id": {}}', b'{"id": {"S": 5}}', b'"x"'):
        answer = Tables().plane.call("PutItem", REGION, b'{"TableName": "t", "Item": %b}' % item)
        assert answer.status >= 400, item
        assert orjson.loads(answer.body)["__type"]
    assert "moto failed in DynamoDB PutItem" in caplog.text


def test_what_is_missing_is_named() -> None:
    status, body = Tables().outcome("PutItem", {"TableName": "t"})
    assert (status, body["message"]) == (
        400,
        "The parameter 'Item' is required but was not present in the request",
    )
