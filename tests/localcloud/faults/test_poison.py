"""Every kind of poison is what it says it is."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import orjson
import pytest

from localcloud.faults.poison import KINDS, Fields, Kind, poison

NOW_S = 1_700_000_000.0

UNPARSABLE = {Kind.EMPTY, Kind.TRUNCATED_JSON, Kind.NOT_UTF8, Kind.BASE64_TWICE, Kind.DEEPLY_NESTED}


def event(kind: Kind, **names: str) -> Any:
    return json.loads(poison(kind, 3, now_s=NOW_S, fields=Fields(**names)))


@pytest.mark.parametrize("kind", KINDS)
def test_poison_can_be_told_apart_and_repeated(kind: Kind) -> None:
    first = poison(kind, 1, now_s=NOW_S)
    assert first == poison(kind, 1, now_s=NOW_S)
    if kind is not Kind.EMPTY:
        assert first != poison(kind, 2, now_s=NOW_S)
    assert len(first) < 1024 * 1024 - 300, "it fits into a Kinesis record"


@pytest.mark.parametrize("kind", sorted(UNPARSABLE))
def test_some_kinds_are_not_json(kind: Kind) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(poison(kind, 1, now_s=NOW_S))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - UNPARSABLE))
def test_the_other_kinds_are_json_for_a_lenient_parser(kind: Kind) -> None:
    json.loads(poison(kind, 1, now_s=NOW_S))


def test_each_kind_spoils_one_thing() -> None:
    assert "userId" not in event(Kind.NO_ENTITY)
    assert event(Kind.EMPTY_ENTITY)["userId"] == ""
    assert "timestamp" not in event(Kind.NO_TIME)
    assert isinstance(event(Kind.TIME_UNREADABLE)["timestamp"], str)
    assert event(Kind.TIME_FAR_FUTURE)["timestamp"] > NOW_S + 1e9
    assert math.isnan(event(Kind.NUMBER_NAN)["metric"])
    assert math.isinf(event(Kind.NUMBER_INFINITE)["metric"])
    assert event(Kind.NUMBER_IS_TEXT)["metric"] == "a lot"
    assert isinstance(event(Kind.NOT_AN_OBJECT), list)
    assert len(poison(Kind.OVERSIZED, 1, now_s=NOW_S)) > 1_000_000
    assert json.loads(base64.b64decode(poison(Kind.BASE64_TWICE, 3, now_s=NOW_S)))["metric"] == 3


def test_the_user_names_the_fields() -> None:
    assert set(event(Kind.NUMBER_NAN, entity="SessionId", time="Time", number="price")) == {
        "SessionId",
        "Time",
        "price",
        "eventId",
    }
