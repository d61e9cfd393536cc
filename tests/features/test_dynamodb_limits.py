"""What DynamoDB refuses and the emulator takes is never sent: long numbers, nested additions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.events import MISSING, NUMBER_BOUND, Event
from millrace.features.definitions_parser import parse
from millrace.features.dynamodb import from_wire, to_wire
from millrace.features.entry import Entry, Hole
from millrace.features.item import to_item
from millrace.features.plan import plans_of

from tests.features.making import START_MS, event, folded
from tests.features.services import Services, assert_dynamodb_takes
from tests.features.stores import position

LONGEST = "\n".join(
    [
        "version = 1\n[event.numbers.metric]\nscale = 9",
        '[entity.user]\nkey = "userId"\n[entity.user.all_types]',
        'metric = ["sum", "mean", "min", "max", "std", "last", "distinct"]',
    ]
)
EXTREMES = st.sampled_from((MISSING, NUMBER_BOUND - 1, 1 - NUMBER_BOUND, 10**18 + 1, 7, 0, -1))


@given(
    st.lists(EXTREMES | st.integers(1 - NUMBER_BOUND, NUMBER_BOUND - 1), min_size=1, max_size=90),
    st.integers(0, 10**129 - 1),
    st.integers(1, 2**53),
)
def test_no_number_is_longer_than_dynamodb_takes(
    values: list[int], sequence: int, version: int
) -> None:
    plan = plans_of(parse(LONGEST))[0]
    events: list[Event] = [event(n, START_MS + n, "view", v) for n, v in enumerate(values)]
    watermark = position(0)._replace(sequence=sequence)
    hole = Hole.behind(None, watermark)
    entry = Entry(folded(events, plan), watermark, (hole,), version)
    item = to_item("u1", entry, plan, 2**40)
    wire = to_wire(item)
    assert_dynamodb_takes({"Item": wire})
    back = from_wire(wire)
    assert {name: back[name] for name in item} == item
    shown_types = {type(value) for value in item.values()}
    assert shown_types <= {str, bytes, int, Decimal, list}


@pytest.mark.parametrize(
    "request_",
    [
        {"Item": {"n": {"N": "1" * 39}}},
        {"Item": {"m": {"M": {"n": {"L": [{"N": "-0." + "12" * 20}]}}}}},
        {"TransactItems": [{"Update": {"UpdateExpression": "add a.b :one"}}]},
    ],
)
def test_the_watch_sees_what_dynamodb_would_refuse(request_: Any) -> None:
    with pytest.raises(AssertionError):
        assert_dynamodb_takes(request_)


def test_every_request_of_these_tests_is_watched(services: Services) -> None:
    with pytest.raises(AssertionError, match="a number of 40 digits"):
        services.client("dynamodb").put_item(
            TableName=services.table(), Item={"userId": {"S": "x"}, "n": {"N": "9" * 40}}
        )
