"""Our data plane answers what moto's own dispatcher would answer, request for request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.moto_server.dynamodb import OPERATIONS
from tests.localcloud.moto_server.requests import Outcome, Tables, dispatch

Step = tuple[str, dict[str, Any]]

BLOB = {"B": "AAEC/w=="}
RICH = {
    "b": BLOB,
    "bs": {"BS": ["AQ==", "Ag=="]},
    "n": {"N": "-1.50"},
    "null": {"NULL": True},
    "flag": {"BOOL": False},
    "list": {"L": [{"S": "x"}, BLOB, {"L": []}, {"M": {"B": {"S": "y"}}}]},
    "map": {"M": {"B": {"B": "AQ=="}, "empty": {"M": {}}}},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "B": {"S": "an attribute of this name"},
}


def put(key: str, table: str = "t", **more: Any) -> Step:
    attributes = more.pop("item", {})
    at = {"at": {"N": "1"}} if table == "r" else {}
    return "PutItem", {"TableName": table, "Item": {"id": {"S": key}, **at, **attributes}, **more}


def get(key: str, **more: Any) -> Step:
    return "GetItem", {"TableName": "t", "Key": {"id": {"S": key}}, **more}


def update(key: str, expression: str, values: dict[str, Any], **more: Any) -> Step:
    request = {"TableName": "t", "Key": {"id": {"S": key}}, "UpdateExpression": expression}
    return "UpdateItem", {**request, "ExpressionAttributeValues": values, **more}


def delete(key: str, **more: Any) -> Step:
    return "DeleteItem", {"TableName": "t", "Key": {"id": {"S": key}}, **more}


def transact(*writes: tuple[str, dict[str, Any]]) -> Step:
    return "TransactWriteItems", {"TransactItems": [{kind: each} for kind, each in writes]}


ONE = {":one": {"N": "1"}}
IF_ABSENT = {"ConditionExpression": "attribute_not_exists(id)"}

SEQUENCES: dict[str, list[Step]] = {
    "types": [put("a", item=RICH), get("a"), get("a", ProjectionExpression="b, map.B")],
    "missing": [get("nobody"), delete("nobody"), get("nobody", ConsistentRead=True)],
    "old values": [
        put("a", item=RICH, ReturnValues="ALL_OLD"),
        put("a", item={"n": {"N": "2"}}, ReturnValues="ALL_OLD"),
        delete("a", ReturnValues="ALL_OLD"),
        delete("a", ReturnValues="ALL_OLD"),
    ],
    "conditions": [
        put("a", item=RICH, **IF_ABSENT),
        put("a", item={}, **IF_ABSENT),
        put("a", item={}, **IF_ABSENT, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        delete("a", ConditionExpression="n = :one", ExpressionAttributeValues=ONE),
    ],
    "updates": [
        update("a", "SET n = :one ADD m :one", ONE, ReturnValues="ALL_NEW"),
        update("a", "ADD n :one", ONE, ReturnValues="UPDATED_NEW"),
        update("a", "SET b = :b", {":b": BLOB}, ReturnValues="UPDATED_OLD"),
        update("a", "SET n = :one", ONE, ConditionExpression="n > :one"),
        update("a", "REMOVE n", {}, ExpressionAttributeValues=None),
        update("a", "SET n = n +", ONE),
        update("a", "SET n = :none", ONE),
        get("a"),
    ],
    "batches": [
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "t": [{"PutRequest": {"Item": {"id": {"S": k}, **RICH}}} for k in "abc"],
                    "r": [{"PutRequest": {"Item": {"id": {"S": "a"}, "at": {"N": "1"}}}}],
                }
            },
        ),
        (
            "BatchGetItem",
            {"RequestItems": {"t": {"Keys": [{"id": {"S": key}} for key in ("a", "x", "c")]}}},
        ),
        (
            "BatchWriteItem",
            {"RequestItems": {"t": [{"DeleteRequest": {"Key": {"id": {"S": "a"}}}}]}},
        ),
        ("BatchGetItem", {"RequestItems": {"t": {"Keys": [{"id": {"S": "a"}}] * 2}}}),
        ("Scan", {"TableName": "t"}),
    ],
    "queries": [
        put("a", "r", item=RICH),
        (
            "Query",
            {
                "TableName": "r",
                "KeyConditionExpression": "id = :a AND #at > :zero",
                "ExpressionAttributeNames": {"#at": "at"},
                "ExpressionAttributeValues": {":a": {"S": "a"}, ":zero": {"N": "0"}},
            },
        ),
        ("Query", {"TableName": "r", "KeyConditionExpression": "nonsense"}),
        ("Scan", {"TableName": "r", "Select": "COUNT"}),
        ("Scan", {"TableName": "r", "Limit": 1}),
    ],
    "transactions": [
        transact(
            ("Put", {"TableName": "t", "Item": {"id": {"S": "a"}, **RICH}, **IF_ABSENT}),
            ("Put", {"TableName": "t", "Item": {"id": {"S": "b"}}}),
        ),
        transact(
            ("Put", {"TableName": "t", "Item": {"id": {"S": "c"}}}),
            (
                "ConditionCheck",
                {
                    "TableName": "t",
                    "Key": {"id": {"S": "a"}},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **IF_ABSENT,
                },
            ),
        ),
        transact(
            ("Delete", {"TableName": "t", "Key": {"id": {"S": "b"}}}),
            ("Put", {"TableName": "t", "Item": {"id": {"S": "b"}}}),
        ),
        (
            "TransactGetItems",
            {
                "TransactItems": [
                    {"Get": {"TableName": "t", "Key": {"id": {"S": key}}}} for key in "abc"
                ]
            },
        ),
        ("Scan", {"TableName": "t"}),
    ],
    "refusals": [
        put("a", "nowhere"),
        put(""),
        put("a", item={"n": {"N": "not a number"}}),
        put("x" * 2049),
        put("a", item={"b": {"S": "x" * 410_000}}),
        get("a", ProjectionExpression=""),
        ("GetItem", {"TableName": "t", "Key": {"wrong": {"S": "a"}}}),
        ("PutItem", {"TableName": "t", "Item": {"n": {"N": "1"}}}),
        put("a", item={"n": {"N": "1"}}, ReturnConsumedCapacity="SOME"),
    ],
}


def comparable(outcome: Outcome) -> Outcome:
    """Without consumed capacity, in which we mean to differ, and sets in one order."""
    status, body = outcome
    body.pop("ConsumedCapacity", None)
    return status, _sorted_sets(body)


def _sorted_sets(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: sorted(value) if key in ("SS", "NS", "BS") else _sorted_sets(value)
            for key, value in node.items()
        }
    return [_sorted_sets(each) for each in node] if isinstance(node, list) else node


def assert_same(steps: list[Step]) -> None:
    ours, theirs = Tables(), Tables()
    for operation, request in steps:
        expected = comparable(dispatch(theirs.account, operation, request))
        assert comparable(ours.outcome(operation, request)) == expected, (operation, request)


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_is_answered_alike(name: str) -> None:
    assert_same(SEQUENCES[name])


def test_the_sequences_use_every_operation() -> None:
    assert {operation for steps in SEQUENCES.values() for operation, _ in steps} == OPERATIONS


keys = st.sampled_from("abc")
numbers = st.integers(-2, 2).map(lambda number: {"N": str(number)})
conditions = st.sampled_from(
    ["attribute_not_exists(id)", "attribute_exists(n)", "n = :v", "n < :v OR attribute_exists(m)"]
)


def _conditional(condition: str, value: dict[str, Any]) -> dict[str, Any]:
    used = {"ExpressionAttributeValues": {":v": value}} if ":v" in condition else {}
    return {
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **used,
    }


guards = st.builds(_conditional, conditions, numbers)
steps = st.one_of(
    st.builds(lambda k, n, g: put(k, item={"n": n}, **g), keys, numbers, guards),
    st.builds(lambda k, n: put(k, item={"m": n}), keys, numbers),
    st.builds(lambda k, n: update(k, "ADD n :v", {":v": n}, ReturnValues="ALL_NEW"), keys, numbers),
    st.builds(lambda k, g: delete(k, ReturnValues="ALL_OLD", **g), keys, guards),
    st.builds(get, keys),
    st.builds(
        lambda one, other, n, g: transact(
            ("Put", {"TableName": "t", "Item": {"id": {"S": one}, "n": n}}),
            ("Delete", {"TableName": "t", "Key": {"id": {"S": other}}, **g}),
        ),
        keys,
        keys,
        numbers,
        guards,
    ),
    st.just(("Scan", {"TableName": "t"})),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=15))
def test_any_sequence_is_answered_alike(sequence: list[Step]) -> None:
    assert_same([*sequence, ("Scan", {"TableName": "t"})])
