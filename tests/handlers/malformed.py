"""Records as Lambda hands them over, and everything that can be wrong with one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.features.making import JSON
from tests.features.streaming import Record, record
from tests.handlers.running_handlers import ARN

_PLACES = ("partitionKey", "sequenceNumber", "data", "approximateArrivalTimestamp")


def now_ms() -> int:
    """The time at which records of these tests arrive."""
    return time.time_ns() // 1_000_000


def event(user: str, number: int, **more: Any) -> Record:
    """A valid event: these are a millisecond apart, so that none is late."""
    fields = {
        "eventId": f"{user}-{number}",
        "userId": user,
        "eventType": "view",
        "metric": number,
        "timestamp": (now_ms() - 1000 + number) / 1000,
        **more,
    }
    return {name: value for name, value in fields.items() if value is not None}


def delivered(data: Record | bytes, sequence: int, user: str) -> Record:
    """The record that carries an event, or anything else."""
    return record(data, sequence, key=user, arn=ARN, arrival_ms=now_ms())


def raw_json(document: object) -> bytes:
    """What a careless producer writes: NaN, Infinity and lone surrogates come through."""
    return json.dumps(document).encode()


# Values of every kind that no field can have.
Anything = st.SearchStrategy[Any]
ABSURD_TIMES: Anything = st.sampled_from(
    [0, -1, 1e308, float("nan"), float("inf"), 10**30, "yesterday", "", None, True, [], {}]
) | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2100-01-02"])
ABSURD_NUMBERS: Anything = st.sampled_from(
    [float("nan"), float("inf"), -float("inf"), 1e308, 10**19, "7", [7], {}, True]
)
ABSURD_TYPES: Anything = st.sampled_from([5, [], "x" * 65, "\0"])
ABSURD_IDS: Anything = st.sampled_from(["", [], {}, 1.5, True, "x" * 257, "é" * 129, "\ud800"])
ABSURD_KEYS: Anything = ABSURD_IDS | st.none()
ABSURD_PLACES: Anything = st.sampled_from(
    [None, [], {}, "\ud800", float("nan"), -1, "²", "1" * 200, True]
)
NO_BASE64: Anything = st.sampled_from(["%%%", "YQ", "YQ==YQ==", "é", "YQ==\n", None, 5, ["YQ=="]])
NO_EVENTS = [
    *(b"", b"{", b"[]", b"null", b'"\\ud800"', b"\xff\xfe", b"\xef\xbb\xbf{}", b"{}"),
    *(b"{" * 9999, b'{"userId": "u"}', b"\xf3\x89\x9a\xc2" + b"\0" * 40),
]


def with_field(name: str, values: Anything) -> st.SearchStrategy[bytes]:
    """An event with something absurd in one field."""
    return st.builds(lambda value: raw_json({**event("bad", 1), name: value}), values)


def deep(depth: int) -> bytes:
    """An object nested this deeply."""
    return b'{"a":' * depth + b"1" + b"}" * depth


BAD_DATA: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=40).filter(lambda data: not data.strip().startswith(b"{")),
    st.sampled_from([*NO_EVENTS, deep(5000)]),
    with_field("timestamp", ABSURD_TIMES),
    with_field("metric", ABSURD_NUMBERS),
    with_field("userId", ABSURD_KEYS),
    with_field("eventType", ABSURD_TYPES),
    with_field("eventId", ABSURD_IDS),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be wrong with a record; "good" is one whose event must be applied."""

    kind: str
    value: Any = None
    place: str = ""

    def record(self, user: str, number: int, sequence: int) -> Any:
        """The record of a user's event."""
        good = delivered(event(user, number), sequence, user)
        kinesis = good["kinesis"]
        match self.kind:
            case "good":
                return delivered({**self.value, **event(user, number)}, sequence, user)
            case "data":
                return delivered(self.value, sequence, user)
            case "base64":
                return {**good, "kinesis": {**kinesis, "data": self.value}}
            case "envelope":
                return {**good, "kinesis": {**kinesis, self.place: self.value}}
        return self.value

    @property
    def is_applied(self) -> bool:
        """Whether its event is a good one; with an id, it may come under any partition key."""
        other_key = self.place == "partitionKey" and isinstance(self.value, str)
        return self.kind == "good" or (other_key and self.value != "\ud800")

    @property
    def is_placed(self) -> bool:
        """Whether only its data is wrong, so that it stands at a place in its shard."""
        return self.kind in ("data", "base64")


NOISE = st.dictionaries(
    st.sampled_from(("note", "x", "")),
    st.integers(-9, 9)
    | st.text(st.characters(codec="utf-8"), max_size=9)
    | st.lists(st.booleans()),
    max_size=2,
)
PLANS: st.SearchStrategy[Plan] = st.one_of(
    st.builds(Plan, st.just("good"), NOISE),
    st.builds(Plan, st.just("good"), NOISE),
    st.builds(Plan, st.just("data"), BAD_DATA),
    st.builds(Plan, st.just("base64"), NO_BASE64),
    st.builds(Plan, st.just("envelope"), ABSURD_PLACES, st.sampled_from(_PLACES)),
    st.builds(Plan, st.just("none"), JSON.filter(lambda one: not isinstance(one, dict))),
)
